package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"archiver/internal/config"
)

// settings are read once, by the first who asks: commands that need none work
// with a broken file too.
func (p *program) settings() (*config.Settings, error) { return p.load(false) }

// load reads the settings from a file that, if made is true, is about to be
// made.
func (p *program) load(made bool) (*config.Settings, error) {
	if p.settled != nil {
		return p.settled, nil
	}
	s, err := config.Load(config.Source{File: p.config, Env: p.env, Flags: map[string]string{"archive": p.archive}, New: made})
	p.settled = s
	return s, err
}

// archiveDir is where the archive is: by flag, environment, settings or custom.
func (p *program) archiveDir() (string, error) {
	if p.archive != "" {
		return p.archive, nil
	}
	s, err := p.settings()
	if err != nil {
		return "", err
	}
	return s.Archive, nil
}

// addr is where pages are shown: what a flag says, else the settings.
func (p *program) addr(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	s, err := p.settings()
	if err != nil {
		return "", err
	}
	return s.Addr, nil
}

const addrHelp = "address of the pages, on this machine; port 0 picks a free one (default 127.0.0.1:8787, or as settled)"

// configFile is the file of settings that is used, or that would be.
func (p *program) configFile() (string, error) {
	s, err := p.settings()
	if err != nil {
		return "", err
	}
	if s.File != "" {
		return s.File, nil
	}
	return filepath.Abs(config.File(p.config, p.env))
}

func (p *program) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Tell the settings in effect and where each comes from",
		Long: `Tell the settings in effect and where each comes from: a flag, the environment,
the file, or a default; the one named first wins. It also checks the file.

The file is config.toml in the directory for settings of this user, or the one that
--config or ARCHIVER_CONFIG names; without it, /etc/archiver/config.toml. "archiver
init" writes it, with an explanation of every key. No password is in it.`,
		Example: `  archiver config
  archiver config --json
  archiver config --config ./config.toml`,
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			s, err := p.settings()
			if err != nil {
				return err
			}
			return p.printSettings(s)
		},
	}
}

func (p *program) printSettings(s *config.Settings) error {
	l := &lister[config.Setting]{p: p, header: []string{"KEY", "VALUE", "FROM"},
		cells: func(st config.Setting) []string {
			key := st.Key
			if st.Account != "" {
				key = st.Account + " " + key
			}
			return []string{key, printable(st.Value), st.Origin}
		}}
	if err := l.add(s.List()...); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	if s.File == "" {
		file, err := p.configFile()
		if err != nil {
			return err
		}
		p.say("there is no file of settings yet; `archiver init ADDRESS` writes %s", file)
	}
	return nil
}

// account is the account of an address, or the only one there is.
func (p *program) account(address string) (config.Account, error) {
	s, err := p.settings()
	if err != nil {
		return config.Account{}, err
	}
	if address == "" && len(s.Accounts) == 1 {
		return s.Accounts[0], nil
	}
	if len(s.Accounts) == 0 {
		return config.Account{}, invalid("no account is set up yet; begin with `archiver init ADDRESS`")
	}
	if address == "" {
		return config.Account{}, invalid("which account? There are %s", addresses(s.Accounts))
	}
	a, ok := s.Account(address)
	if !ok {
		return config.Account{}, invalid("%s is not set up; there are %s; `archiver init %s` adds it", address, addresses(s.Accounts), address)
	}
	return a, nil
}

func addresses(accounts []config.Account) string {
	var out []string
	for _, a := range accounts {
		out = append(out, a.Address)
	}
	return strings.Join(out, ", ")
}
