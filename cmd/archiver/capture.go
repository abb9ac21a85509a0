package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

const endpointNotice = `archiver signs in as one more client of this account.
  It shows as available to colleagues, accepts nothing and declines nothing.
  What you accept or write in another client is not seen here.`

// captureLong is what both commands that capture tell of it.
const captureLong = `URL is where autodiscovery starts, such as https://lyncdiscover.contoso.example/.
The password is asked for, or read with --password-file, --password-command or
the service credential "archiver-password". It is tried once and never stored.

Capture goes on where it stopped: after a restart the server is asked again for
whatever was not safely stored. Time in between is recorded as a gap.
End it with Ctrl-C: what has arrived is committed first.`

func (p *program) captureCommand() *cobra.Command {
	var who signIn
	c := &cobra.Command{
		Use:   "capture URL",
		Short: "Capture an account's conversations from a server",
		Long:  "Capture an account's conversations from a server.\n\n" + captureLong,
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			cfg, err := p.captureConfig(c.Context(), a[0], who)
			if err != nil {
				return err
			}
			app, err := p.openWriter(c.Context(), store.Options{Owner: "archiver capture", Captures: true})
			if err != nil {
				return err
			}
			p.say(endpointNotice)
			return errors.Join(app.capture(c.Context(), cfg), app.close())
		},
	}
	who.flags(c.Flags())
	return c
}

// captureConfig reads the flags of a command that captures.
func (p *program) captureConfig(ctx context.Context, url string, who signIn) (capture.Config, error) {
	if who.user == "" {
		return capture.Config{}, invalid("who to sign in as? Use --user ana@contoso.example")
	}
	if !strings.Contains(url, "://") {
		url = "https://" + url
	}
	password, err := p.password(ctx, who)
	if err != nil {
		return capture.Config{}, err
	}
	return capture.Config{
		Account: ucwa.NormalizeURI(who.user),
		Client: ucwa.Config{RootURL: url, Username: who.user, Password: password, UserAgent: "archiver/" + release,
			Logger: p.logger(), Now: p.now},
		SignInAs: "Online",
		Logger:   p.logger(),
		Now:      p.now,
		Machine:  capture.Machine(),
	}, nil
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

// capture runs until ctx ends, decoding and indexing behind.
func (a *app) capture(ctx context.Context, cfg capture.Config) error {
	if err := a.firstContact(ctx, cfg); err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	notify, wait := a.follow(following)
	cfg.Log, cfg.History = a.Store, a.Store
	told := cfg.OnCommit
	cfg.OnCommit = func(id archive.ObservationID) {
		notify(id)
		if told != nil {
			told(id)
		}
	}
	err := capture.Run(ctx, cfg)
	stop()
	return errors.Join(reachability(err), wait(), ctx.Err())
}

// reachability tells a server that cannot be reached from other failures.
func reachability(err error) error {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, archive.ErrUnavailable) {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	return err
}

// shutdown is how long pages may take to finish when the program stops.
const shutdown = 3 * time.Second
