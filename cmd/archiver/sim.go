package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

const simLong = `Simulate a Skype for Business server, for UCWA clients of any make.

It plays a scenario to whoever signs in: one of those that come with the
program (archiver sim --list), or a file. Without one it is an office in which
nothing has happened yet. Everybody in the scenario can sign in, with several
clients at once, and they can write to each other; people without a client
answer by themselves. The whole login is there: autodiscovery, the challenge,
the password grant, the application, the event channel.

One port speaks http and https. Clients that only take a domain reach it

  - as their HTTP proxy (HTTP_PROXY, HTTPS_PROXY): every host they ask for is
    this server, so lyncdiscover.contoso.example needs no name service
  - or by a line in the hosts file and --addr with port 80 or 443.

For https they have to trust a certificate: --trust-file writes it.

/sim on the same port is a page that shows who is signed in, what waits and what
was asked; it can plan faults, let people write, end applications and take
tokens back. The same as JSON: /sim?format=json. For scripts:

  curl -d 'spec=GET /events 503 times=2' http://127.0.0.1:8790/sim/faults
  curl -d from=bo.lindqvist@contoso.example -d to=ana@contoso.example \
       -d text=Hello http://127.0.0.1:8790/sim/calls
  curl -X POST http://127.0.0.1:8790/sim/tokens

Servers differ, and so do the bodies that they send: the flags choose. All of it
is in docs/simulator.md.`

const defaultSimAddr = "127.0.0.1:8790"

func (p *program) simCommand() *cobra.Command {
	var f simFlags
	var list bool
	c := &cobra.Command{
		Use:   "sim [SCENARIO]",
		Short: "Simulate a Skype for Business server for UCWA clients",
		Long:  simLong,
		Args:  args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			switch {
			case f.verbs:
				_, err := fmt.Fprint(p.out, ucwatest.Verbs())
				return err
			case list:
				return p.listScenarios()
			}
			name := "office"
			if len(a) > 0 {
				name = a[0]
			}
			return p.sim(c.Context(), name, f)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the scenarios that come with the program")
	c.Flags().BoolVar(&f.verbs, "steps", false, "explain the steps of which scenarios are made")
	f.flags(c.Flags())
	return c
}

// sim serves a scenario until ctx ends.
func (p *program) sim(ctx context.Context, name string, f simFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	sc, err := openScenario(name)
	if err != nil {
		return err
	}
	if f.account != "" {
		sc.Rename(f.account)
	}
	ln, err := f.listen(ctx)
	if err != nil {
		return err
	}
	defer ln.Close()
	authority, err := ucwatest.NewAuthority()
	if err != nil {
		return err
	}
	if f.trust != "" {
		if err := os.WriteFile(f.trust, authority.PEM(), 0o644); err != nil { // it is public
			return err
		}
	}
	server := ucwatest.New(sc, f.opt)
	defer server.Close()
	p.sayWhere(ln, sc)
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	if err := server.Serve(ln, authority); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

func (f *simFlags) listen(ctx context.Context) (net.Listener, error) {
	local, err := isLocal(f.addr)
	if err != nil {
		return nil, err
	}
	if !local && !f.remote {
		return nil, invalid("%q can be reached from other machines, where nobody should take this for a real server; if that is wanted, add --remote", f.addr)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", f.addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another with --addr", err)
	}
	return ln, nil
}

// sayWhere says how clients get in.
func (p *program) sayWhere(ln net.Listener, sc *ucwatest.Scenario) {
	address := strings.TrimPrefix(sc.Account.URI, "sip:")
	p.say("archiver simulates a Skype for Business server at http://%s and https://%s (Ctrl-C ends it)", ln.Addr(), ln.Addr())
	p.say("  sign in as   %s, password %q", address, sc.Password)
	people := sc.People()
	const shown = 12
	for _, who := range people[:min(shown, len(people))] {
		p.say("  or as        %s (%s)", strings.TrimPrefix(who.URI, "sip:"), who.Name)
	}
	if more := len(people) - shown; more > 0 {
		p.say("  or as one of %d more", more)
	}
	p.say("  look at it   http://%s/sim", ln.Addr())
	p.say("  capture it   archiver capture http://%s --user %s", ln.Addr(), address)
}

// openScenario finds one by its name, or reads a file.
func openScenario(name string) (*ucwatest.Scenario, error) {
	data, err := fs.ReadFile(testdata.Scenarios, "scenarios/"+name+".txtar")
	if err != nil {
		if data, err = os.ReadFile(name); err != nil {
			return nil, invalid("there is no scenario and no file %q; archiver sim --list lists the scenarios", name)
		}
		name = strings.TrimSuffix(filepath.Base(name), ".txtar")
	}
	sc, err := ucwatest.ParseScenario(name, data)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return sc, nil
}

func (p *program) listScenarios() error {
	files, err := fs.Glob(testdata.Scenarios, "scenarios/*.txtar")
	if err != nil {
		return err
	}
	for _, file := range files {
		sc, err := openScenario(strings.TrimSuffix(filepath.Base(file), ".txtar"))
		if err != nil {
			return err
		}
		about := strings.Join(strings.Fields(sc.About), " ")
		if p.json {
			err = p.printJSON(map[string]string{"name": sc.Name, "about": about, "account": sc.Account.URI})
		} else {
			_, err = fmt.Fprintf(p.out, "%-12s %s\n", sc.Name, about)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
