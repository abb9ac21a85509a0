package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/store"
	"archiver/internal/ucwa"
	"archiver/internal/ucwa/ucwatest"
)

// demoFlags say how the demonstration runs.
type demoFlags struct {
	addr   string
	keep   string
	noOpen bool
	once   bool
}

func (p *program) demoCommand() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Look at the program with an invented history",
		Long: `Look at the program with an invented history: it starts a simulated Skype for
Business server on this machine, signs in to it over HTTP as any client would,
captures several weeks of conversations by long poll, stores, decodes and indexes
them, and shows them in the browser. New messages arrive while you watch.

Nothing is kept, unless --keep names a directory for the archive.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.demo(c.Context(), f) },
	}
	c.Flags().StringVar(&f.addr, "addr", "127.0.0.1:0", "address of the pages, on this machine; port 0 picks a free one")
	c.Flags().StringVar(&f.keep, "keep", "", "keep the archive in this directory")
	c.Flags().BoolVar(&f.noOpen, "no-open", false, "do not open the browser")
	c.Flags().BoolVar(&f.once, "once", false, "capture the history, print a summary, and end")
	return c
}

// demonstration is a running demo.
type demonstration struct {
	*app
	server *ucwatest.Server
	cfg    capture.Config
	flags  demoFlags
}

func (p *program) demo(ctx context.Context, f demoFlags) (err error) {
	dir := f.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "archiver-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	sc, err := openScenario("demo")
	if err != nil {
		return err
	}
	server := ucwatest.NewServer(sc)
	defer server.Close()
	// The server plays weeks in seconds; the program lives in the server's time.
	p.archive, p.now = dir, server.Now
	p.level = slog.LevelError // what goes wrong on purpose is nothing to warn of
	a, err := p.openWriter(ctx, store.Options{Owner: "archiver demo", Captures: true})
	if err != nil {
		return err
	}
	d := &demonstration{app: a, server: server, flags: f, cfg: capture.Config{
		Account: sc.Account.URI,
		Client: ucwa.Config{RootURL: server.URL(), Username: strings.TrimPrefix(sc.Account.URI, "sip:"),
			Password: ucwa.NewSecret(sc.Password), UserAgent: "archiver/" + release, Logger: a.logger, Now: p.now},
		SignInAs: "Online", Logger: a.logger, Now: p.now,
	}}
	if f.once {
		err = d.once(ctx)
	} else {
		err = d.watch(ctx)
	}
	return errors.Join(err, a.close())
}

// once captures the history and prints what it came to.
func (d *demonstration) once(ctx context.Context) error {
	capturing, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-d.server.Drained():
		case <-capturing.Done():
		}
		stop()
	}()
	start := time.Now()
	if err := d.app.capture(capturing, d.cfg); err != nil && (ctx.Err() != nil || !errors.Is(err, context.Canceled)) {
		return err
	}
	totals, err := d.Totals(ctx)
	if err != nil {
		return err
	}
	if d.program.json {
		return d.program.printJSON(totals)
	}
	return d.summary(totals, time.Since(start))
}

func (d *demonstration) summary(t archive.Totals, took time.Duration) error {
	p := d.program
	if _, err := fmt.Fprintf(p.out, `captured from a simulated server in %.1f s:
  %6d responses, each committed before it was acknowledged
  %6d events
  %6d conversations, %d invitations
  %6d messages of %d people
  %6d gap(s) in which nothing was captured
`, took.Seconds(), t.Observations, t.Events, t.Conversations, t.Invitations, t.Messages, t.People, t.Gaps); err != nil {
		return err
	}
	if d.flags.keep != "" {
		p.say("the archive is in %s: archiver list conversations --archive %s", d.flags.keep, d.flags.keep)
	}
	return nil
}

// watch shows the pages while the history and then live messages come in.
func (d *demonstration) watch(ctx context.Context) error {
	ln, err := listen(ctx, d.flags.addr)
	if err != nil {
		return err
	}
	url := "http://" + ln.Addr().String()
	if err := d.Announce(url); err != nil {
		return errors.Join(err, ln.Close())
	}
	d.program.say("archiver demo: an invented history, captured from a simulated server at %s", d.server.URL())
	if _, err := fmt.Fprintf(d.program.out, "%s\n", url); err != nil {
		return errors.Join(err, ln.Close())
	}
	d.program.say("Ctrl-C ends it.")
	if !d.flags.noOpen {
		d.program.openBrowser(url)
	}
	return d.run(ctx, ln)
}

// run ends without an error when the person ends it: that is how a demo ends.
func (d *demonstration) run(ctx context.Context, ln net.Listener) error {
	err := d.both(ctx, ln, d.cfg)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
