package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/config"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

// captureFlags say what to capture where the settings do not, or otherwise.
type captureFlags struct {
	signIn
	user         string
	accounts     []string
	presence     string
	caFile       string
	acknowledged bool
}

// flags are those of a command that captures.
func (f *captureFlags) flags(set *pflag.FlagSet) {
	f.reading(set)
	set.StringVar(&f.presence, "presence", "", "what to be to your other clients: available, accept or observe")
	set.BoolVar(&f.acknowledged, "policy-acknowledged", false, "you have read that the administrator does not want message history to be saved")
}

// reading are the flags of a command that signs in and changes nothing.
func (f *captureFlags) reading(set *pflag.FlagSet) {
	f.signIn.flags(set)
	set.StringVarP(&f.user, "user", "u", "", `with URL: who signs in, a SIP address or DOMAIN\user`)
	set.StringArrayVar(&f.accounts, "account", nil, "only this account of those that are set up (repeatable)")
	set.StringVar(&f.caFile, "ca-file", "", "certificate authorities of the company, in PEM, beside the system's")
}

// captureLong is what both commands that capture tell of it.
const captureLong = `Without URL the accounts that "archiver init" set up are captured, all of them or
those that --account names. Their passwords are where init put them.

With URL, where autodiscovery starts, and --user one account is captured that needs
no settings. Its password is asked for, or read with --password-file,
--password-command or the service credential "archiver-password". It is tried once
and not stored.

Capture goes on where it stopped: after a restart the server is asked again for
whatever was not safely stored. Time in between is recorded as a gap.
End it with Ctrl-C: what has arrived is committed first.`

const captureExample = `  archiver %[1]s
  archiver %[1]s --account ana@contoso.example --presence observe
  archiver %[1]s https://lyncdiscover.contoso.example/ --user ana@contoso.example`

func (p *program) captureCommand() *cobra.Command {
	var f captureFlags
	c := &cobra.Command{
		Use:     "capture [URL]",
		Short:   "Capture conversations from a server",
		Long:    "Capture conversations from a server.\n\n" + captureLong,
		Example: fmt.Sprintf(captureExample, "capture"),
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			cfgs, err := p.captureConfigs(c.Context(), first(a), f)
			if err != nil {
				return err
			}
			app, err := p.openWriter(c.Context(), store.Options{Owner: "archiver capture", Captures: true})
			if err != nil {
				return err
			}
			p.announce(cfgs)
			return errors.Join(app.capture(c.Context(), cfgs...), app.close())
		},
	}
	f.flags(c.Flags())
	return c
}

// captureConfigs are the accounts that the command line means, with their
// passwords.
func (p *program) captureConfigs(ctx context.Context, url string, f captureFlags) ([]capture.Config, error) {
	accounts, err := p.wanted(url, f)
	if err != nil {
		return nil, err
	}
	if len(accounts) > 1 && (f.passwordFile != "" || f.passwordCommand != "") {
		return nil, invalid("the password of which account? Pick one with --account")
	}
	reach, err := p.reachers(len(accounts), f.wireLog)
	if err != nil {
		return nil, err
	}
	var out []capture.Config
	var left error
	for _, a := range accounts {
		cfg, err := p.captureConfig(ctx, a, f, reach)
		if len(accounts) > 1 && errors.Is(err, errSignedOut) { // the others need not wait for it
			p.say("%s is left out: %s", a.Address, plain(err))
			left = err
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, cfg)
	}
	if len(out) == 0 {
		return nil, left
	}
	return out, nil
}

// announce tells the person what capture will be, once for all accounts of a
// kind. It names none: a service's standard error is a log.
func (p *program) announce(cfgs []capture.Config) {
	var told []string
	count := make(map[string]int)
	for _, cfg := range cfgs {
		what := capture.Describe(cfg.Presence, cfg.SignInAs)
		if count[what]++; count[what] == 1 {
			told = append(told, what)
		}
	}
	for _, what := range told {
		if len(cfgs) > 1 {
			what = fmt.Sprintf("For %d of %d accounts: %s", count[what], len(cfgs), what)
		}
		p.say("%s", what)
	}
}

// wanted are the accounts that the command line means.
func (p *program) wanted(url string, f captureFlags) ([]config.Account, error) {
	var out []config.Account
	switch {
	case url != "":
		if f.user == "" || len(f.accounts) > 0 {
			return nil, invalid("who to sign in as at this URL? Use --user ana@contoso.example")
		}
		a := config.NewAccount(f.user)
		a.Server = withScheme(url)
		out = append(out, a)
	case f.user != "":
		return nil, invalid("--user goes with URL; an account that is set up is picked with --account")
	case len(f.accounts) > 0:
		for _, address := range f.accounts {
			a, err := p.account(address)
			if err != nil {
				return nil, err
			}
			out = append(out, a)
		}
	default:
		s, err := p.settings()
		if err != nil {
			return nil, err
		}
		if len(s.Accounts) == 0 {
			return nil, invalid("no account is set up yet; begin with `archiver init ADDRESS`, or give URL and --user")
		}
		out = s.Accounts
	}
	for i := range out {
		if err := f.change(&out[i], url != ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// change puts in what the flags say otherwise. An account that is not set up
// may be a DOMAIN\user, which no setting would take.
func (f captureFlags) change(a *config.Account, unknown bool) error {
	if f.presence != "" {
		a.Presence = f.presence
	}
	if f.caFile != "" {
		abs, err := filepath.Abs(f.caFile)
		if err != nil {
			return err
		}
		a.CAFile = abs
	}
	a.PolicyAcknowledged = a.PolicyAcknowledged || f.acknowledged
	if !unknown {
		return asUsage(a.Check())
	}
	if err := config.CheckServer(a.Server); err != nil {
		return asUsage(err)
	}
	if !slices.Contains(capture.Presences(), capture.Presence(a.Presence)) {
		return invalid("--presence is available, accept or observe, not %q", a.Presence)
	}
	return nil
}

// captureConfig is how one account is captured.
func (p *program) captureConfig(ctx context.Context, a config.Account, f captureFlags, reach *reachers) (capture.Config, error) {
	client, err := p.clientConfig(a, reach)
	if err != nil {
		return capture.Config{}, err
	}
	if client.Password, err = p.password(ctx, a, f.signIn); err != nil {
		return capture.Config{}, err
	}
	return capture.Config{
		Account:            ucwa.NormalizeURI(a.Address),
		Client:             client,
		Presence:           capture.Presence(a.Presence),
		SignInAs:           a.SignInAs,
		PolicyAcknowledged: a.PolicyAcknowledged,
		Logger:             p.logger(),
		Now:                p.now,
		Machine:            capture.Machine(),
	}, nil
}

// clientConfig is how an account is reached, without its password.
func (p *program) clientConfig(a config.Account, reach *reachers) (ucwa.Config, error) {
	client, err := reach.client(a.CAFile)
	cfg := ucwa.Config{RootURL: a.Server, Username: a.SignInName(), Hosts: a.Hosts, Grant: a.Grant, HTTPClient: client,
		UserAgent: "archiver/" + release, Logger: p.logger(), Now: p.now}
	if strings.Contains(a.Address, "@") {
		cfg.Address = a.Address
	}
	if a.Tickets() {
		name, realm, _ := strings.Cut(a.KerberosPrincipal, "@")
		cfg.Kerberos = &ucwa.Kerberos{CredentialCache: a.KerberosCache, Keytab: a.KerberosKeytab, Principal: name, Realm: realm}
		cfg.Grant = ucwa.GrantWindows
	}
	return cfg, err
}

// firstContact signs in where nothing was ever captured, so that a wrong URL
// shows at once. Later an unreachable server is waited for.
func (a *app) firstContact(ctx context.Context, cfg capture.Config) error {
	_, err := a.Cursor(ctx, cfg.Account)
	if !errors.Is(err, archive.ErrNotFound) {
		return err
	}
	_, err = ucwa.SignIn(ctx, cfg.Client)
	return reachability(err)
}

// capture runs until ctx ends, decoding and indexing behind. Accounts fail
// each alone: the others go on.
func (a *app) capture(ctx context.Context, cfgs ...capture.Config) error {
	if len(cfgs) == 1 {
		if err := a.firstContact(ctx, cfgs[0]); err != nil {
			return err
		}
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	notify, wait := a.follow(following)
	running := slices.Clone(cfgs)
	for i := range running {
		cfg := &running[i]
		cfg.Log, cfg.History = a.Store, a.Store
		told := cfg.OnCommit
		cfg.OnCommit = func(id archive.ObservationID) {
			notify(id)
			if told != nil {
				told(id)
			}
		}
	}
	done := a.tellManager(ctx)
	err := a.captureAll(ctx, running)
	done()
	stop()
	return errors.Join(reachability(err), wait(), ctx.Err())
}

func (a *app) captureAll(ctx context.Context, cfgs []capture.Config) error {
	if len(cfgs) == 1 {
		return capture.Run(ctx, cfgs[0]) // whose error need not say which account it is about
	}
	return capture.RunAll(ctx, cfgs, func(e *capture.AccountError) {
		err := reachability(e)
		a.program.say("no longer captured: %s", plain(err))
		if _, hint := next(err); hint != "" {
			a.program.say("  %s", hint)
		}
	})
}

// reachability tells a server that cannot be reached from other failures. That
// of a file is none, though the system's errors look like a network's.
func reachability(err error) error {
	var network net.Error
	var file *fs.PathError
	if errors.As(err, &file) {
		return err
	}
	if errors.As(err, &network) || errors.Is(err, archive.ErrUnavailable) {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	return err
}

// shutdown is how long pages may take to finish when the program stops.
const shutdown = 3 * time.Second
