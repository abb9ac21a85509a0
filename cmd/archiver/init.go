package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/config"
	"archiver/internal/ucwa"
)

// initFlags are what a person can say beforehand.
type initFlags struct {
	signIn
	server   string
	username string
	trust    []string
	grant    string
	presence string
	caFile   string
	cache    string
	keytab   string
	whose    string // keys
	store    string
	show     string
	set      *pflag.FlagSet // tells which were given
}

func (p *program) initCommand() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init ADDRESS",
		Short: "Set up an account: find its server, sign in once, keep the settings",
		Long: `Set up an account. It finds the server of the address, asks for the password
without showing it, tries it exactly once, and keeps it in the keyring of this
system, or where there is none in a file that only you can read. The settings go
to a file that explains every one of them (archiver config tells where).

If autodiscovery leads to a host outside the address's domain, you are asked once
whether to trust it: the password goes there.

Run it again to change an account, or to add another.`,
		Example: `  archiver init ana@contoso.example
  archiver init ana@contoso.example --server https://lyncdiscover.contoso.example/
  archiver init ana@contoso.example --username 'CONTOSO\ana' --trust-host pool.example
  archiver init ana@contoso.example --password-command 'pass show contoso' --no-input --json`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			f.set = c.Flags()
			return p.initialise(c.Context(), a[0], f)
		},
	}
	flags := c.Flags()
	f.signIn.flags(flags)
	flags.StringVar(&f.server, "server", "", "where autodiscovery starts; the default follows from the address")
	flags.StringVarP(&f.username, "username", "u", "", `who signs in, if not the address: DOMAIN\user`)
	flags.StringArrayVar(&f.trust, "trust-host", nil, "trust this host, or domain, with the password (repeatable)")
	flags.StringVar(&f.grant, "grant", "", "how to get in: password or windows (default: what the server offers)")
	flags.StringVar(&f.presence, "presence", "", "what to be to your other clients: available, accept or observe")
	flags.StringVar(&f.show, "sign-in-as", "", `what contacts see: Online, Busy, DoNotDisturb, BeRightBack, Away or Offwork`)
	flags.StringVar(&f.caFile, "ca-file", "", "certificate authorities of the company, in PEM, beside the system's")
	flags.StringVar(&f.cache, "kerberos-cache", "", "sign in with the tickets in this file instead of a password")
	flags.StringVar(&f.keytab, "kerberos-keytab", "", "sign in with the keys in this file instead of a password")
	flags.StringVar(&f.whose, "kerberos-principal", "", "whose keys: name@REALM")
	flags.StringVar(&f.store, "secret-store", "", "keep the password in: keyring or file (default: the first that works)")
	return c
}

// initialised is what `init` prints.
type initialised struct {
	Address  string   `json:"address"`
	Server   string   `json:"server"` // where autodiscovery ended
	Username string   `json:"username"`
	Hosts    []string `json:"hosts"` // trusted beside the address's domain
	Grants   []string `json:"grants"`
	Presence string   `json:"presence"`
	SignInAs string   `json:"sign_in_as"`
	kept
}

// kept is where what was learned is kept.
type kept struct {
	Secret      string `json:"secret"`
	SecretWhere string `json:"secret_where"`
	Config      string `json:"config"`
}

func (p *program) initialise(ctx context.Context, address string, f initFlags) error {
	s, err := p.load(true)
	if err != nil {
		return err
	}
	acct, err := f.account(s.Config, address)
	if err != nil {
		return err
	}
	reach, err := p.reachers(1, f.wireLog)
	if err != nil {
		return err
	}
	e := entrance{program: p, acct: acct, reach: reach}
	found, err := e.discover(ctx)
	if err != nil {
		return err
	}
	secret, place, err := p.newPassword(ctx, e.acct, f.signIn)
	if err != nil {
		return err
	}
	client, err := e.test(ctx, secret)
	if err != nil {
		return err
	}
	kept, err := p.keep(e.acct, secret, place, f.store)
	if err != nil {
		return err
	}
	return p.reportInit(initialised{
		Address: e.acct.Address, Server: client.Origin(), Username: e.acct.SignInName(), Hosts: e.acct.Hosts,
		Grants: found.Grants, Presence: e.acct.Presence, SignInAs: e.acct.SignInAs, kept: kept,
	}, s.Addr)
}

// account is the account as it is settled already, with what the flags change.
func (f initFlags) account(c config.Config, address string) (config.Account, error) {
	address = strings.TrimPrefix(address, "sip:")
	acct, known := c.Account(address)
	if !known {
		acct = config.NewAccount(address)
	}
	for _, v := range []struct {
		flag, value string
		to          *string
	}{
		{"server", withScheme(f.server), &acct.Server}, {"username", f.username, &acct.Username},
		{"grant", f.grant, &acct.Grant}, {"presence", f.presence, &acct.Presence}, {"sign-in-as", f.show, &acct.SignInAs},
		{"kerberos-principal", f.whose, &acct.KerberosPrincipal},
	} {
		if f.set.Changed(v.flag) {
			*v.to = v.value
		}
	}
	for _, v := range []struct {
		value string
		to    *string
	}{{f.caFile, &acct.CAFile}, {f.cache, &acct.KerberosCache}, {f.keytab, &acct.KerberosKeytab}} {
		if v.value == "" {
			continue
		}
		abs, err := filepath.Abs(v.value)
		if err != nil {
			return acct, err
		}
		*v.to = abs
	}
	for _, host := range f.trust {
		acct.Hosts = trusting(acct.Hosts, host)
	}
	if err := acct.Check(); err != nil {
		return acct, usageError{err}
	}
	if f.store != "" && f.store != config.SecretKeyring && f.store != config.SecretFile {
		return acct, invalid("--secret-store is keyring or file, not %q", f.store)
	}
	return acct, nil
}

func trusting(hosts []string, host string) []string {
	if slices.Contains(hosts, host) {
		return hosts
	}
	return append(slices.Clone(hosts), host)
}

func withScheme(server string) string {
	if server != "" && !strings.Contains(server, "://") {
		return "https://" + server
	}
	return server
}

// newPassword gets the password of an account from the flags, the service
// manager or the person: never from where it is stored, since that is what is
// to change. Place is where it stays by itself, "" when it is to be stored.
func (p *program) newPassword(ctx context.Context, a config.Account, s signIn) (secret ucwa.Secret, place string, err error) {
	if a.Tickets() {
		return ucwa.Secret{}, config.SecretAsk, nil
	}
	if secret, ok, err := p.given(ctx, s); ok || err != nil {
		return secret, "", err
	}
	v, err := p.vault()
	if err != nil {
		return ucwa.Secret{}, "", err
	}
	secret, err = v.load(config.SecretCredential, a.Address)
	if err == nil || !errors.Is(err, errSignedOut) {
		return secret, config.SecretCredential, err
	}
	secret, err = p.askPassword(ctx, a.SignInName())
	return secret, "", err
}

// keep stores a password and the account that says where it is. Place is where
// it is already, "" when it has to be stored; wanted is what the person said.
func (p *program) keep(a config.Account, secret ucwa.Secret, place, wanted string) (kept, error) {
	s, err := p.settings()
	if err != nil {
		return kept{}, err
	}
	v, err := p.vault()
	if err != nil {
		return kept{}, err
	}
	file, err := p.configFile()
	if err != nil {
		return kept{}, err
	}
	if place == "" || wanted != "" && !a.Tickets() {
		if place, err = v.store(wanted, a.Address, secret); err != nil {
			return kept{}, err
		}
	}
	before := a.Secret
	a.Secret = place
	if err := config.Put(file, s.Config, a); err != nil {
		return kept{}, err
	}
	if before != place { // a copy that nobody knows of would outlive `logout`
		if _, err := v.remove(before, a.Address); err != nil {
			p.say("the password's former place: %s", plain(err))
		}
	}
	where := v.where(place, a.Address)
	if a.Tickets() {
		where = "none: Kerberos tickets take its place"
	}
	return kept{place, where, file}, nil
}

// entrance is the way into a server, which the person may have to approve.
type entrance struct {
	program *program
	acct    config.Account
	reach   *reachers
}

// discover finds the server without credentials and shows the hosts.
func (e *entrance) discover(ctx context.Context) (ucwa.Discovery, error) {
	p := e.program
	from := e.acct.Server
	if from == "" {
		_, from, _ = strings.Cut(e.acct.Address, "@")
	}
	p.say("looking for the server of %s, beginning at %s", e.acct.Address, from)
	var found ucwa.Discovery
	err := e.trusting(ctx, func() error {
		cfg, err := p.clientConfig(e.acct, e.reach)
		if err != nil {
			return err
		}
		found, err = ucwa.Discover(ctx, cfg)
		return err
	})
	if err != nil {
		return found, e.explain(err)
	}
	p.say("  server          %s", hostOf(found.UserURL))
	if !slices.ContainsFunc(found.Grants, takesPassword) {
		return found, ucwa.ErrModernAuth // before anybody types a password for nothing
	}
	what := "password goes to"
	if e.acct.Tickets() {
		what = "ticket goes to"
	}
	p.say("  %-16s %s", what, hostOf(found.TokenURL))
	return found, nil
}

// takesPassword reports whether a grant is one that a name and a password give.
func takesPassword(grant string) bool {
	return strings.EqualFold(grant, "password") || strings.EqualFold(grant, "urn:microsoft.rtc:windows")
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

// test signs in once. A password that was refused is never sent again.
func (e *entrance) test(ctx context.Context, secret ucwa.Secret) (*ucwa.Client, error) {
	var client *ucwa.Client
	err := e.trusting(ctx, func() error {
		cfg, err := e.program.clientConfig(e.acct, e.reach)
		if err != nil {
			return err
		}
		cfg.Password = secret
		client, err = ucwa.SignIn(ctx, cfg)
		return err
	})
	return client, e.explain(err)
}

// trusting does something again for each new host that the person trusts.
func (e *entrance) trusting(ctx context.Context, do func() error) error {
	for {
		err := do()
		var unknown *ucwa.UnapprovedHostError
		if !errors.As(err, &unknown) {
			return err
		}
		if !e.program.canAsk() {
			return usageError{fmt.Errorf("autodiscovery leads to %s, which is outside the address's domain; if it belongs to your organisation, say --trust-host %s",
				unknown.Host, unknown.Host)}
		}
		ok, asked := e.program.agreed(ctx, fmt.Sprintf("autodiscovery leads to %s: trust it with the password?", unknown.Host))
		if asked != nil {
			return asked
		}
		if !ok {
			return fmt.Errorf("%s is not trusted, so nothing was sent there: %w", unknown.Host, archive.ErrInvalid)
		}
		e.acct.Hosts = trusting(e.acct.Hosts, unknown.Host)
	}
}

// errNotLetIn is an account that was refused though no password was tried.
var errNotLetIn = errors.New("the account could not sign in")

// explain says what a failure to sign in means for the person.
func (e *entrance) explain(err error) error {
	var token *ucwa.TokenError
	switch {
	case err == nil:
		return nil
	case e.acct.Tickets() && errors.Is(err, archive.ErrUnauthorized):
		return fmt.Errorf("%w with its Kerberos tickets; renew them with kinit, or look at the keytab: %w", errNotLetIn, err)
	case errors.As(err, &token) && errors.Is(err, archive.ErrUnauthorized):
		return fmt.Errorf("the password of %s was refused; nothing was stored: %w", e.acct.SignInName(), archive.ErrUnauthorized)
	case errors.Is(err, archive.ErrUnavailable) && e.acct.Server == "":
		return fmt.Errorf("%w; if you know the server, name it with --server", reachability(err))
	}
	return reachability(err)
}

// reportInit tells what was done, what contacts will see, and what comes next.
func (p *program) reportInit(r initialised, addr string) error {
	if p.json {
		return p.printJSON(r)
	}
	_, err := fmt.Fprintf(p.out, `Signed in as %s at %s.
  password  %s
  settings  in %s

%s

Next:
  archiver run%[7]s       captures, and shows the archive at http://%[6]s
  archiver capture%[7]s   captures only
`, r.Username, hostOf(r.Server), inPlace(r.Secret, r.SecretWhere), r.Config, capture.Describe(capture.Presence(r.Presence), r.SignInAs), addr, p.sameFlags())
	return err
}

func inPlace(place, where string) string {
	if place == config.SecretAsk {
		return where
	}
	return "in " + where
}

// sameFlags are the flags that the next command needs too, to mean the same
// settings and archive.
func (p *program) sameFlags() string {
	var b strings.Builder
	if p.config != "" {
		b.WriteString(" --config " + p.config)
	}
	if p.archive != "" {
		b.WriteString(" --archive " + p.archive)
	}
	return b.String()
}
