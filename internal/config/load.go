package config

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	gotoml "github.com/pelletier/go-toml/v2"

	"archiver/internal/archive"
)

// Source says where settings come from.
type Source struct {
	// File is the file named by a flag; "" looks at ARCHIVER_CONFIG and then at
	// the user's and the machine's own.
	File string
	// Env reads the environment.
	Env func(string) string
	// Flags are values of the command line by the name of their setting. They
	// win over the environment, which wins over the file.
	Flags map[string]string
	// New says that a file that was named need not be there yet.
	New bool
}

// Settings are loaded and checked settings that know where they come from.
type Settings struct {
	Config
	// File is the file they were read from; "" when there is none.
	File string

	origins map[string]string // by name of the key, those of accounts by address and name
}

// environment are the variables that settle something.
var environment = map[string]string{"archive": "ARCHIVER_ARCHIVE", "addr": "ARCHIVER_ADDR"}

// Load reads the settings. Without a file there are only defaults. An error
// wraps archive.ErrInvalid and names file, key and what to do; a file that was
// named and is not there is an error too.
func Load(src Source) (*Settings, error) {
	s := &Settings{origins: make(map[string]string)}
	k := koanf.New(".")
	raw, err := s.readFile(k, src)
	if err != nil {
		return nil, err
	}
	for _, g := range general {
		if err := s.settle(k, g, src); err != nil {
			return nil, err
		}
	}
	if err := k.Unmarshal("", &s.Config); err != nil {
		return nil, fmt.Errorf("config: %s: %w: %w", s.File, err, archive.ErrInvalid)
	}
	s.complete(raw)
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// readFile reads the file that is there. It returns its accounts as they
// stand.
func (s *Settings) readFile(k *koanf.Koanf, src Source) ([]map[string]any, error) {
	named := src.File != "" || src.Env("ARCHIVER_CONFIG") != ""
	file := File(src.File, src.Env)
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && !named {
		file = systemFile
		b, err = os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	if errors.Is(err, os.ErrNotExist) && src.New {
		return nil, nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("config: %s is not there; make it with `archiver init ADDRESS`: %w", file, archive.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	s.File = file
	return parse(k, file, b)
}

// parse reads a file's text into k, after a look at every key and kind of
// value, so that a mistake is told in this file's words.
func parse(k *koanf.Koanf, file string, b []byte) ([]map[string]any, error) {
	if err := k.Load(rawbytes.Provider(b), toml.Parser()); err != nil {
		var at *gotoml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			return nil, fmt.Errorf("config: %s:%d:%d: this is not TOML; texts stand in quotes: %w", file, line, column, archive.ErrInvalid)
		}
		return nil, fmt.Errorf("config: %s is not TOML: %w", file, archive.ErrInvalid)
	}
	top := k.Raw()
	accounts, err := blocks(file, top["account"])
	if err != nil {
		return nil, err
	}
	delete(top, "account")
	if err := known(file, "", general, top); err != nil {
		return nil, err
	}
	for i, a := range accounts {
		if err := known(file, blockName(a, i), perAccount, a); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// blocks are the accounts of a file.
func blocks(file string, v any) ([]map[string]any, error) {
	var out []map[string]any
	list, ok := v.([]any)
	if v != nil && !ok {
		return nil, fmt.Errorf("config: %s: each account begins with a line [[account]], in two brackets: %w", file, archive.ErrInvalid)
	}
	for _, item := range list {
		a, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("config: %s: each account begins with a line [[account]]: %w", file, archive.ErrInvalid)
		}
		out = append(out, a)
	}
	return out, nil
}

// blockName names an account in an error.
func blockName(a map[string]any, i int) string {
	if address, ok := a["address"].(string); ok && address != "" {
		return "account " + address + ": "
	}
	return "account " + strconv.Itoa(i+1) + ": "
}

// known checks that each key exists and has a value of its kind.
func known(file, block string, keys []key, values map[string]any) error {
	for name, v := range values {
		if strings.Contains(name, "password") {
			return fmt.Errorf("config: %s: %s%s: passwords do not belong into this file; take the line out and run `archiver login`: %w",
				file, block, name, archive.ErrInvalid)
		}
		k, ok := find(keys, name)
		if !ok {
			return fmt.Errorf("config: %s: %sthere is no setting %q; there are %s: %w", file, block, name, names(keys), archive.ErrInvalid)
		}
		if want := k.mismatch(v); want != "" {
			return fmt.Errorf("config: %s: %s%s must be %s: %w", file, block, name, want, archive.ErrInvalid)
		}
	}
	return nil
}

// mismatch says what a value should have been; "" when it is that.
func (k key) mismatch(v any) string {
	switch k.kind {
	case list:
		items, ok := v.([]any)
		for _, item := range items {
			_, isText := item.(string)
			ok = ok && isText
		}
		if !ok {
			return `a list of texts, such as ["pool.example"]`
		}
	case flag:
		if _, ok := v.(bool); !ok {
			return "true or false"
		}
	default:
		if _, ok := v.(string); !ok {
			return "a text in quotes"
		}
	}
	return ""
}

// settle puts the value that wins in place and notes its origin.
func (s *Settings) settle(k *koanf.Koanf, g key, src Source) error {
	def := g.def
	if g.name == "archive" {
		def = DefaultArchive(src.Env)
	}
	value, origin := def, "default"
	if k.String(g.name) != "" {
		value, origin = k.String(g.name), s.File
	}
	if v := src.Env(environment[g.name]); v != "" {
		value, origin = v, environment[g.name]
	}
	if v := src.Flags[g.name]; v != "" {
		value, origin = v, "--"+g.name
	}
	s.origins[g.name] = origin
	return k.Set(g.name, value)
}

// complete gives each account the defaults of what its block leaves out.
func (s *Settings) complete(raw []map[string]any) {
	for i := range s.Accounts {
		a := &s.Accounts[i]
		a.Address = strings.TrimPrefix(a.Address, "sip:")
		if len(a.Hosts) == 0 {
			a.Hosts = nil
		}
		for _, k := range perAccount {
			if _, stands := raw[i][k.name]; stands {
				s.origins[originKey(a.Address, k.name)] = s.File
				continue
			}
			s.origins[originKey(a.Address, k.name)] = "default"
			if k.kind == text {
				*a.field(k.name).(*string) = k.def
			}
		}
	}
}

func originKey(address, name string) string { return strings.ToLower(address) + " " + name }
