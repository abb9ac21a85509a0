package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/capture"
	"archiver/internal/store"
)

func (p *program) serveCommand() *cobra.Command {
	var flag string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Show the archive in the browser",
		Long: `Show the archive in the browser, on this machine only. It reads beside a
process that captures.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			addr, err := p.addr(flag)
			if err != nil {
				return err
			}
			ln, err := listen(c.Context(), addr)
			if err != nil {
				return err
			}
			defer ln.Close()
			a, err := p.openReader(c.Context())
			if err != nil {
				return err
			}
			p.say("archiver shows %s at http://%s (Ctrl-C ends it)", a.Dir(), ln.Addr())
			return errors.Join(a.serve(c.Context(), ln, p.now), a.close(), c.Context().Err())
		},
	}
	c.Flags().StringVar(&flag, "addr", "", addrHelp)
	return c
}

// listen opens a port of this machine. Any other would show the archive to
// whoever can reach it.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	local, err := isLocal(addr)
	if err != nil {
		return nil, err
	}
	if !local {
		return nil, invalid("--addr must be on this machine (127.0.0.1, ::1 or localhost): pages have no login, so %q would show them to others", addr)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another with --addr", err)
	}
	return ln, nil
}

// isLocal tells whether only this machine can reach an address.
func isLocal(addr string) (bool, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, invalid("--addr takes host:port, not %q", addr)
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), nil
}

// serve answers until ctx ends.
func (a *app) serve(ctx context.Context, ln net.Listener, now func() time.Time) error {
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           a.pages(ctx, now, []string{ln.Addr().String(), "127.0.0.1:" + port, "[::1]:" + port, "localhost:" + port}),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		if err := server.Shutdown(last); err != nil {
			stopped <- server.Close() // a page that is watched live never ends by itself
			return
		}
		stopped <- nil
	}()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func (p *program) runCommand() *cobra.Command {
	var f captureFlags
	var addr string
	var open bool
	c := &cobra.Command{
		Use:     "run [URL]",
		Short:   "Capture conversations and show the archive in the browser",
		Long:    "Capture conversations and show the archive in the browser, in one process.\n\n" + captureLong,
		Example: fmt.Sprintf(captureExample, "run"),
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			addr, err := p.addr(addr)
			if err != nil {
				return err
			}
			return p.run(c.Context(), first(args), f, addr, open)
		},
	}
	f.flags(c.Flags())
	c.Flags().StringVar(&addr, "addr", "", addrHelp)
	c.Flags().BoolVar(&open, "open", false, "open the browser")
	return c
}

func (p *program) run(ctx context.Context, url string, f captureFlags, addr string, open bool) error {
	ln, err := listen(ctx, addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	cfgs, err := p.captureConfigs(ctx, url, f)
	if err != nil {
		return err
	}
	a, err := p.openWriter(ctx, store.Options{Owner: "archiver run", Captures: true})
	if err != nil {
		return err
	}
	pages := "http://" + ln.Addr().String()
	p.announce(cfgs)
	p.say("archiver shows %s at %s (Ctrl-C ends it)", a.Dir(), pages)
	if open {
		p.openBrowser(pages)
	}
	return errors.Join(a.Announce(pages), a.both(ctx, ln, cfgs...), a.close())
}

// both captures and serves until ctx ends or one of them fails.
func (a *app) both(ctx context.Context, ln net.Listener, cfgs ...capture.Config) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- a.serve(ctx, ln, a.program.now)
		stop()
	}()
	err := a.capture(ctx, cfgs...)
	stop()
	return errors.Join(err, <-served)
}
