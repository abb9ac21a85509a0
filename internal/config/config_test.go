package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"archiver/internal/archive"
	"archiver/internal/config"
)

// env is an environment that holds what a test says and nothing else.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func ana() config.Account {
	a := config.NewAccount("ana@contoso.example")
	a.Server, a.Hosts, a.Secret = "https://lyncdiscover.contoso.example/", []string{"pool.example"}, config.SecretFile
	return a
}

func origin(t *testing.T, s *config.Settings, key string) (value, from string) {
	t.Helper()
	for _, st := range s.List() {
		if st.Key == key {
			return st.Value, st.Origin
		}
	}
	t.Fatalf("no setting %s", key)
	return "", ""
}

// Each source wins over the one before it, and is named.
func TestOrigins(t *testing.T) {
	name := file(t, "addr = '127.0.0.1:1'\n[[account]]\naddress = 'ana@contoso.example'\npresence = 'observe'\n")
	flags := map[string]string{}
	for _, step := range []struct {
		env   []string
		flag  string
		value string
		from  string
	}{
		{nil, "", "127.0.0.1:1", name},
		{[]string{"ARCHIVER_ADDR", "127.0.0.1:2"}, "", "127.0.0.1:2", "ARCHIVER_ADDR"},
		{[]string{"ARCHIVER_ADDR", "127.0.0.1:2"}, "127.0.0.1:3", "127.0.0.1:3", "--addr"},
	} {
		flags["addr"] = step.flag
		s, err := config.Load(config.Source{File: name, Env: env(step.env...), Flags: flags})
		if err != nil {
			t.Fatal(err)
		}
		if value, from := origin(t, s, "addr"); value != step.value || from != step.from || s.Addr != step.value {
			t.Errorf("%s from %s, want %s from %s", value, from, step.value, step.from)
		}
		if value, from := origin(t, s, "presence"); value != "observe" || from != name {
			t.Errorf("presence: %s from %s", value, from)
		}
		if value, from := origin(t, s, "sign_in_as"); value != "Online" || from != "default" || s.Accounts[0].SignInAs != "Online" {
			t.Errorf("sign_in_as: %s from %s", value, from)
		}
	}
	home := t.TempDir()
	s, err := config.Load(config.Source{Env: env("HOME", home)})
	if err != nil || s.File != "" || len(s.Accounts) != 0 || s.Addr == "" || !strings.HasPrefix(s.Archive, home) {
		t.Errorf("without a file: %+v, %v", s, err)
	}
	if _, err := config.Load(config.Source{Env: env("ARCHIVER_CONFIG", filepath.Join(home, "none"))}); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("a file that was named and is missing: %v", err)
	}
}

// A mistake is told with the file, the key, and what to write.
func TestMistakes(t *testing.T) {
	const block = "[[account]]\naddress = 'ana@contoso.example'\n"
	for text, want := range map[string]string{
		"addr = \n":                             ":1:",
		"address = 'ana@contoso.example'\n":     `no setting "address"; there are archive, addr`,
		"addr = 8787\n":                         "addr must be a text in quotes",
		"[account]\naddress = 'a@b'\n":          "[[account]]",
		"account = [1]\n":                       "[[account]]",
		block + "presense = 'observe'\n":        `account ana@contoso.example: there is no setting "presense"; there are address`,
		block + "presence = 'hidden'\n":         `presence is one of available, accept, observe, not "hidden"`,
		block + "sign_in_as = 'Invisible'\n":    "sign_in_as is one of Online",
		block + "hosts = 'pool.example'\n":      "hosts must be a list of texts",
		block + "hosts = ['https://x']\n":       "a host is a name alone",
		block + "policy_acknowledged = 'yes'\n": "policy_acknowledged must be true or false",
		block + "server = 'http://pool/'\n":     "server must be https",
		block + "server = 'pool'\n":             "server",
		block + "ca_file = 'ca.pem'\n":          "absolute",
		block + "kerberos_cache = 'krb5cc'\n":   "kerberos_cache must be an absolute path",
		block + "kerberos_keytab = '/k'\n":      "kerberos_principal says whose keys",
		block + "kerberos_keytab = '/k'\nkerberos_cache = '/c'\nkerberos_principal = 'a@B'\n": "exclude each other",
		block + "kerberos_cache = '/c'\ngrant = 'password'\n":                                 "grant is password, which takes no tickets",
		block + "secret = 'database'\n":                                                       "secret is one of keyring",
		block + block:                                                                         "stands there twice",
		"[[account]]\n":                                                                       "address is missing",
		"[[account]]\naddress = 'ana'\n":                                                      `"ana" is none`,
		block + "password = 'hunter2'\n":                                                      "passwords do not belong into this file",
	} {
		name := file(t, text)
		_, err := config.Load(config.Source{File: name, Env: env()})
		if !errors.Is(err, archive.ErrInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is repeated: %v", err)
		}
	}
}

// A new file explains every key, is readable by its owner alone, and means what
// was put into it.
func TestPutMakesAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new", "config.toml")
	s, err := config.Load(config.Source{Env: env("HOME", t.TempDir())})
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Put(name, s.Config, ana()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	general, account := config.Keys()
	for _, key := range append(general, account...) {
		if !strings.Contains(string(b), "# "+key) && !strings.Contains(string(b), "#   "+key) {
			t.Errorf("%s is not explained", key)
		}
	}
	if !slices.Equal(account, config.Tags()) {
		t.Errorf("keys %v, fields %v", account, config.Tags())
	}
	got, err := config.Load(config.Source{File: name, Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]config.Account{ana()}, got.Accounts); diff != "" {
		t.Error(diff)
	}
	for _, part := range []struct {
		path string
		mode os.FileMode
	}{{name, 0o600}, {filepath.Dir(name), 0o700}} {
		if info, err := os.Stat(part.path); err != nil || info.Mode().Perm() != part.mode {
			t.Errorf("%s: %v, %v", part.path, info.Mode(), err)
		}
	}
}

// What a person wrote stays, byte for byte, but for the values that change.
func TestPutKeepsWhatAPersonWrote(t *testing.T) {
	const before = `# mine
addr = "127.0.0.1:1" # not the usual

[[account]] # work
  # the pool in the basement
  address = 'ana@contoso.example'
  presence   = 'observe'   # ask Bo first
hosts = ["pool.example"]

[[account]]
address = "bo@contoso.example"
presence = "observe"`
	name := file(t, before)
	a := config.NewAccount("ana@contoso.example")
	a.Presence, a.Server, a.Secret = "accept", "https://lyncdiscover.contoso.example/", config.SecretKeyring
	if err := config.Put(name, config.Config{}, a); err != nil {
		t.Fatal(err)
	}
	if err := config.Put(name, config.Config{}, config.NewAccount("cy@contoso.example")); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const want = `# mine
addr = "127.0.0.1:1" # not the usual

[[account]] # work
secret = "keyring"
server = "https://lyncdiscover.contoso.example/"
  # the pool in the basement
  address = 'ana@contoso.example'
  presence   = "accept"   # ask Bo first
hosts = []

[[account]]
address = "bo@contoso.example"
presence = "observe"

[[account]]
address = "cy@contoso.example"
presence = "available"
sign_in_as = "Online"
secret = "ask"
`
	if diff := cmp.Diff(want, string(after)); diff != "" {
		t.Error(diff)
	}
}

// A file that cannot be changed safely is left alone, with the block to paste.
func TestPutRefuses(t *testing.T) {
	for _, text := range []string{
		"account = [{address = 'ana@contoso.example'}]\n",
		"[[account]]\naddress = 'ana@contoso.example'\nhosts = [\n  'other.example', # why\n]\n",
		"[[ account ]]\naddress = 'ana@contoso.example'\nserver = \"\"\"https://x.example/\"\"\"\n",
	} {
		name := file(t, text)
		err := config.Put(name, config.Config{}, ana())
		var refused *config.EditError
		if !errors.As(err, &refused) || !errors.Is(err, archive.ErrConflict) || !strings.Contains(err.Error(), ana().Block()) {
			t.Errorf("%q: %v", text, err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != text {
			t.Errorf("it was changed to %q, %v", b, err)
		}
	}
}

// A link to a file that is kept elsewhere stays a link.
func TestPutFollowsALink(t *testing.T) {
	real := file(t, "# mine\n")
	link := filepath.Join(t.TempDir(), "config.toml")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := config.Put(link, config.Config{}, ana()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if b, err := os.ReadFile(real); err != nil || !strings.Contains(string(b), "ana@contoso.example") {
		t.Errorf("%q, %v", b, err)
	}
}

// Whatever accounts are put in whatever order, the file means the last of each.
func TestPutProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "archiver-config-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		name := filepath.Join(dir, "config.toml")
		want := make(map[string]config.Account)
		for range rapid.IntRange(1, 8).Draw(t, "puts") {
			a := anyAccount().Draw(t, "account")
			if err := config.Put(name, config.Config{}, a); err != nil {
				t.Fatal(err)
			}
			want[a.Address] = a
		}
		s, err := config.Load(config.Source{File: name, Env: env()})
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]config.Account)
		for _, a := range s.Accounts {
			got[a.Address] = a
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func anyAccount() *rapid.Generator[config.Account] {
	return rapid.Custom(func(t *rapid.T) config.Account {
		a := config.NewAccount(rapid.SampledFrom([]string{"ana@contoso.example", "bo@contoso.example", "cy@fabrikam.example"}).Draw(t, "address"))
		a.Username = rapid.SampledFrom([]string{"", `CONTOSO\ana`, `CON"T\o'x`}).Draw(t, "username")
		a.Server = rapid.SampledFrom([]string{"", "https://lyncdiscover.contoso.example/"}).Draw(t, "server")
		a.Hosts = rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,8}\.example`), 1, 3).Draw(t, "hosts")
		a.Grant = rapid.SampledFrom([]string{"", "password", "windows"}).Draw(t, "grant")
		a.Presence = rapid.SampledFrom([]string{"available", "accept", "observe"}).Draw(t, "presence")
		a.SignInAs = rapid.SampledFrom([]string{"", "Online", "Away"}).Draw(t, "sign_in_as")
		a.PolicyAcknowledged = rapid.Bool().Draw(t, "policy")
		a.Secret = rapid.SampledFrom([]string{"keyring", "file", "ask"}).Draw(t, "secret")
		return a
	})
}
