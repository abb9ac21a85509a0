package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"archiver/internal/config"
	"archiver/internal/ucwa"
	"archiver/internal/ucwa/ucwatest"
)

// drawer is a keyring in memory, or one that does not work.
type drawer struct {
	passwords map[string]string
	broken    error
}

func (d *drawer) Set(address, password string) error {
	if d.broken == nil {
		d.passwords[address] = password
	}
	return d.broken
}

func (d *drawer) Get(address string) (string, error) {
	password, ok := d.passwords[address]
	if d.broken == nil && !ok {
		return "", fs.ErrNotExist
	}
	return password, d.broken
}

func (d *drawer) Delete(address string) error {
	if _, err := d.Get(address); err != nil {
		return err
	}
	delete(d.passwords, address)
	return nil
}

func newDrawer() *drawer { return &drawer{passwords: make(map[string]string)} }

func emptyEnv(string) string { return "" }

// A password is found where it was put, and gone after it was deleted, whatever
// the case of the address.
func TestVault(t *testing.T) {
	for place, ring := range map[string]*drawer{config.SecretKeyring: newDrawer(), config.SecretFile: {broken: errNoKeyring}} {
		v := vault{dir: filepath.Join(t.TempDir(), "secrets"), env: emptyEnv, ring: ring}
		got, err := v.store("", "Ana@contoso.example", ucwa.NewSecret("canary"))
		if err != nil || got != place {
			t.Fatalf("it went to %q, %v; want %q", got, err, place)
		}
		s, err := v.load(place, "ana@CONTOSO.example")
		if err != nil || s.Reveal() != "canary" {
			t.Errorf("%s: %v", place, err)
		}
		if there, err := v.remove(place, "ana@contoso.example"); !there || err != nil {
			t.Errorf("%s: %v, %v", place, there, err)
		}
		if _, err := v.load(place, "ana@contoso.example"); !errors.Is(err, errSignedOut) {
			t.Errorf("%s: after it was deleted: %v", place, err)
		}
		if there, err := v.remove(place, "ana@contoso.example"); there || err != nil {
			t.Errorf("%s: a second time: %v, %v", place, there, err)
		}
		if entries, err := os.ReadDir(v.dir); place == config.SecretFile && (err != nil || len(entries) != 0) {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
	v := vault{dir: t.TempDir(), env: emptyEnv, ring: &drawer{broken: errNoKeyring}}
	if _, err := v.store(config.SecretKeyring, "ana@contoso.example", ucwa.NewSecret("canary")); !errors.Is(err, errNoKeyring) {
		t.Errorf("a keyring that was asked for and is not there: %v", err)
	}
}

// An address never names a file outside the directory.
func TestVaultStaysInItsDirectory(t *testing.T) {
	v := vault{dir: filepath.Join(t.TempDir(), "secrets"), env: emptyEnv, ring: newDrawer()}
	for _, address := range []string{"../ana@contoso.example", "a/b@contoso.example", `..\ana@contoso.example`} {
		if name := v.file(address); filepath.Dir(name) != v.dir {
			t.Errorf("%s: %s", address, name)
		}
	}
}

// Each account may have a credential of its own.
func TestVaultCredential(t *testing.T) {
	dir := t.TempDir()
	for name, password := range map[string]string{credential: "shared", credential + "-bo@contoso.example": "own"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(password+"\n"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	v := vault{dir: dir, ring: newDrawer(), env: func(name string) string {
		return map[string]string{"CREDENTIALS_DIRECTORY": dir}[name]
	}}
	for address, want := range map[string]string{"ana@contoso.example": "shared", "Bo@contoso.example": "own"} {
		if s, err := v.load(config.SecretCredential, address); err != nil || s.Reveal() != want {
			t.Errorf("%s: %q, %v", address, s.Reveal(), err)
		}
	}
}

// A question that nobody answers ends with the wish to stop, and an answer takes
// its line and no more.
func TestQuestions(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	p := &program{in: r, err: io.Discard, env: emptyEnv}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := p.agreed(ctx, "trust it?"); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: %v", err)
	}
	rest := strings.NewReader("Yes\r\nmaybe\n\ny")
	p = &program{in: rest, err: io.Discard, env: emptyEnv}
	for i, want := range []bool{true, false, false, true, false} {
		if got, err := p.agreed(t.Context(), "trust it?"); got != want || err != nil {
			t.Errorf("answer %d: %v, %v", i, got, err)
		}
	}
}

// TestPasswordIsNowhereElse sets up, captures, renews and signs out, at the most
// talkative level, and looks for the password and the token in every file, in
// what was printed and in what was logged. Only the place for it may hold it.
func TestPasswordIsNowhereElse(t *testing.T) {
	for _, place := range []string{config.SecretKeyring, config.SecretFile} {
		t.Run(place, func(t *testing.T) {
			sc := scenario(t, "direct")
			server := ucwatest.NewServer(sc)
			defer server.Close()
			home, ring, said := t.TempDir(), newDrawer(), &buffer{}
			given := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(given, []byte(sc.Password), 0o600); err != nil {
				t.Fatal(err)
			}
			address := strings.TrimPrefix(sc.Account.URI, "sip:")
			do := func(ctx context.Context, want int, args ...string) {
				t.Helper()
				p := &program{in: strings.NewReader(""), out: said, err: said, env: homeIs(home), now: time.Now, ring: ring}
				if code := p.execute(ctx, append(args, "-v")); code != want {
					t.Fatalf("%s: exit %d: %s", args[0], code, said)
				}
			}
			do(t.Context(), exitOK, "init", address, "--server", server.URL(), "--password-file", given, "--secret-store", place)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go func() { <-server.Drained(); stop() }()
			do(ctx, exitInterrupted, "capture")
			do(t.Context(), exitOK, "login", "--password-file", given, "--json")
			do(t.Context(), exitOK, "config")
			do(t.Context(), exitOK, "status")
			where := holding(t, home, sc.Password)
			if inFile := place == config.SecretFile; inFile != (len(where) == 1) || inFile && !strings.Contains(where[0], "/secrets/") {
				t.Errorf("the password is in %v", where)
			}
			if found := holding(t, home, "cwt="); len(found) > 0 {
				t.Errorf("a token is in %v", found)
			}
			do(t.Context(), exitOK, "logout")
			if where := holding(t, home, sc.Password); len(where) > 0 || len(ring.passwords) > 0 {
				t.Errorf("after logout the password is in %v, %d in the keyring", where, len(ring.passwords))
			}
			for _, secret := range []string{sc.Password, "cwt="} {
				if strings.Contains(said.String(), secret) {
					t.Errorf("what was said holds %q", secret)
				}
			}
		})
	}
}

func homeIs(dir string) func(string) string {
	return func(name string) string { return map[string]string{"HOME": dir}[name] }
}

// holding are the files below a directory that contain a text.
func holding(t *testing.T, dir, text string) (out []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(name)
		if bytes.Contains(b, []byte(text)) {
			out = append(out, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil || files < 3 {
		t.Fatalf("%d files, %v", files, err)
	}
	return out
}
