package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	systemring "github.com/zalando/go-keyring"

	"archiver/internal/config"
	"archiver/internal/ucwa"
)

// keyring keeps passwords by the address of their account.
type keyring interface {
	Set(address, password string) error
	Get(address string) (string, error)
	Delete(address string) error
}

// ringService is the name under which the system's keyring shows passwords.
const ringService = "archiver"

// ringWait is how long the system's keyring may take: it may be asking the
// person to unlock it, and without anybody there it asks for ever.
const ringWait = 30 * time.Second

// errNoKeyring is a system without a keyring, as a server without a desktop is.
var errNoKeyring = errors.New("there is no keyring in this session")

// systemKeyring is the operating system's: Keychain, Credential Manager, or the
// Secret Service of a desktop.
type systemKeyring struct{ env func(string) string }

// Set stores a password.
func (r systemKeyring) Set(address, password string) error {
	_, err := r.do(func() (string, error) { return "", systemring.Set(ringService, address, password) })
	return err
}

// Get reads a password.
func (r systemKeyring) Get(address string) (string, error) {
	return r.do(func() (string, error) { return systemring.Get(ringService, address) })
}

// Delete forgets a password.
func (r systemKeyring) Delete(address string) error {
	_, err := r.do(func() (string, error) { return "", systemring.Delete(ringService, address) })
	return err
}

func (r systemKeyring) do(ask func() (string, error)) (string, error) {
	if !r.there() {
		return "", errNoKeyring
	}
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() { // cannot be called back; it ends with the process at the latest
		text, err := ask()
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		if errors.Is(a.err, systemring.ErrNotFound) {
			return "", fs.ErrNotExist
		}
		return a.text, a.err
	case <-time.After(ringWait):
		return "", errors.New("the keyring did not answer; is it locked?")
	}
}

// there tells whether a keyring can be expected. Where no session bus runs the
// library would start one, whose keyring is gone with it.
func (r systemKeyring) there() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || r.env("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	dir := r.env("XDG_RUNTIME_DIR")
	_, err := os.Stat(filepath.Join(dir, "bus"))
	return dir != "" && err == nil
}

// vault keeps the passwords of accounts, each in the place its settings name.
type vault struct {
	dir  string // of the files; beside the settings
	env  func(string) string
	ring keyring
}

func (p *program) vault() (vault, error) {
	file, err := p.configFile()
	if err != nil {
		return vault{}, err
	}
	return vault{dir: filepath.Join(filepath.Dir(file), "secrets"), env: p.env, ring: p.ring}, nil
}

// errSignedOut is an account without a stored password.
var errSignedOut = errors.New("no password is stored")

// file is where the password of an address is kept as a file.
func (v vault) file(address string) string {
	return filepath.Join(v.dir, url.PathEscape(strings.ToLower(address)))
}

// where names a place for a person.
func (v vault) where(place, address string) string {
	switch place {
	case config.SecretKeyring:
		return "the keyring of this system, as " + ringService + " " + strings.ToLower(address)
	case config.SecretCredential:
		return "the service credential " + credential
	case config.SecretFile:
		return "the file " + v.file(address) + ", which only you can read"
	}
	return "nowhere: it is asked for each time"
}

// store keeps a password in a place; with place "" in the best one there is. It
// returns the place.
func (v vault) store(place, address string, s ucwa.Secret) (string, error) {
	switch place {
	case "":
		if v.storeInRing(address, s) == nil {
			return config.SecretKeyring, nil
		}
		return v.store(config.SecretFile, address, s)
	case config.SecretKeyring:
		if err := v.storeInRing(address, s); err != nil {
			return "", fmt.Errorf("keyring: %w; keep the password in a file with --secret-store file", err)
		}
		return place, nil
	case config.SecretFile:
		return place, v.storeInFile(address, s)
	}
	return "", invalid("--secret-store is keyring or file, not %q", place)
}

func (v vault) storeInRing(address string, s ucwa.Secret) error {
	return v.ring.Set(strings.ToLower(address), s.Reveal())
}

// storeInFile writes the file anew, so that nobody holds it open with wider
// permissions.
func (v vault) storeInFile(address string, s ucwa.Secret) error {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return fmt.Errorf("store the password: %w", err)
	}
	if err := os.Chmod(v.dir, 0o700); err != nil {
		return fmt.Errorf("store the password: %w", err)
	}
	f, err := os.CreateTemp(v.dir, ".new-*") // CreateTemp gives the owner alone the right to read
	if err != nil {
		return fmt.Errorf("store the password: %w", err)
	}
	_, err = f.WriteString(s.Reveal() + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), v.file(address))
	}
	if err != nil {
		return fmt.Errorf("store the password: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// load reads a password from its place. One that is not there is errSignedOut.
func (v vault) load(place, address string) (ucwa.Secret, error) {
	var s ucwa.Secret
	var err error
	switch place {
	case config.SecretKeyring:
		var text string
		if text, err = v.ring.Get(strings.ToLower(address)); err == nil {
			s = ucwa.NewSecret(text)
		}
	case config.SecretFile:
		s, err = v.loadFile(v.file(address))
	case config.SecretCredential:
		s, err = v.loadCredential(address)
	default:
		err = fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) {
		return ucwa.Secret{}, fmt.Errorf("%w for %s; store it with `archiver login %s`", errSignedOut, address, address)
	}
	return s, err
}

// loadFile refuses a file that others can read: whoever could has it by now.
func (v vault) loadFile(name string) (ucwa.Secret, error) {
	info, err := os.Stat(name)
	if err != nil {
		return ucwa.Secret{}, err
	}
	if wide := info.Mode().Perm() & 0o077; wide != 0 && runtime.GOOS != "windows" {
		return ucwa.Secret{}, fmt.Errorf("%s can be read or changed by others (mode %04o), so it is not used; run `chmod 600 %s`, and think of a new password",
			name, info.Mode().Perm(), name)
	}
	return firstLine(os.ReadFile(name))
}

// loadCredential reads what the service manager passes: for this account, or
// for the only one.
func (v vault) loadCredential(address string) (ucwa.Secret, error) {
	dir := v.env("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return ucwa.Secret{}, fs.ErrNotExist
	}
	for _, name := range []string{credential + "-" + strings.ToLower(address), credential} {
		b, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if !errors.Is(err, fs.ErrNotExist) {
			return firstLine(b, err)
		}
	}
	return ucwa.Secret{}, fs.ErrNotExist
}

// remove forgets a password. It tells whether there was one to forget.
func (v vault) remove(place, address string) (bool, error) {
	var err error
	switch place {
	case config.SecretKeyring:
		err = v.ring.Delete(strings.ToLower(address))
	case config.SecretFile:
		err = os.Remove(v.file(address))
	default:
		return false, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("delete the password: %w", err)
	}
	return true, nil
}
