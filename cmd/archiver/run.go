package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"archiver/internal/config"
)

// program is one run of the command: its streams, its environment and the
// flags that all commands share.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time
	level    slog.Level // of the logs that are shown without --verbose

	archive string
	config  string // the file of settings that a flag names
	json    bool
	quiet   bool
	verbose bool
	noInput bool
	color   string

	settled *config.Settings // once read
	closers []io.Closer      // what is closed when the command has ended
	ring    keyring
}

// run is the whole program as a function. It returns the exit code.
func run(ctx context.Context, env func(string) string, in io.Reader, out, errOut io.Writer, args []string) int {
	p := &program{in: in, out: out, err: errOut, env: env, now: time.Now, level: slog.LevelWarn, ring: systemKeyring{env: env}}
	return p.execute(ctx, args)
}

func (p *program) execute(ctx context.Context, args []string) int {
	root := p.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	for _, c := range p.closers {
		err = errors.Join(err, c.Close())
	}
	return p.exit(ctx, err)
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "archiver",
		Short: "Keep and find Skype for Business conversations",
		Long: `Archiver captures Skype for Business conversations through UCWA, keeps every
byte the server said, and finds them again.

Start with a look at it, without a server or an archive of your own:

  archiver demo

Then sign in (archiver init ADDRESS) and capture (archiver run), or bring in what
you have (archiver import FILE), and read it in the browser (archiver serve) or
here (archiver list, search, show).`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVarP(&p.archive, "archive", "a", "", "directory of the archive (or ARCHIVER_ARCHIVE; default "+config.DefaultArchive(p.env)+")")
	flags.StringVarP(&p.config, "config", "c", "", "file of settings (or ARCHIVER_CONFIG; default "+config.File("", p.env)+")")
	flags.BoolVar(&p.json, "json", false, "print JSON: one object a line for lists, one object for the rest")
	flags.BoolVarP(&p.quiet, "quiet", "q", false, "print results only, no progress")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log what happens, to standard error")
	flags.BoolVar(&p.noInput, "no-input", false, "never ask; fail instead")
	flags.StringVar(&p.color, "color", "auto", "colour: auto, always or never")
	root.AddCommand(p.commands()...)
	return root
}

// commands is the list of all commands. A new one is a file of its own and a
// line here.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.demoCommand(),
		p.initCommand(),
		p.loginCommand(),
		p.logoutCommand(),
		p.runCommand(),
		p.captureCommand(),
		p.backfillCommand(),
		p.serveCommand(),
		p.importCommand(),
		p.searchCommand(),
		p.listCommand(),
		p.showCommand(),
		p.exportCommand(),
		p.statusCommand(),
		p.tailCommand(),
		p.whoisCommand(),
		p.rebuildCommand(),
		p.configCommand(),
		p.simCommand(),
		p.versionCommand(),
	}
}

// logger writes to standard error: warnings, or everything with --verbose.
func (p *program) logger() *slog.Logger {
	level := p.level
	if p.verbose {
		level = slog.LevelDebug
	}
	return slog.New(tint.NewTextHandler(p.err, &tint.Options{
		Level: level, TimeFormat: time.TimeOnly, NoColor: !p.colored(p.err),
	}))
}

// colored tells whether a stream gets colour.
func (p *program) colored(w io.Writer) bool {
	switch p.color {
	case "always":
		return true
	case "never":
		return false
	}
	return p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// say tells a person what is going on, unless asked to be quiet.
func (p *program) say(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.err, format+"\n", args...)
	}
}

// usageError is a wrong use of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// args makes a cobra argument check a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		if err := check(c, a); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
		}
		return nil
	}
}

// invalid is a usage error of our own words.
func invalid(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}
