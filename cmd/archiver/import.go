package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"archiver/internal/importer"
	"archiver/internal/store"
)

func (p *program) importCommand() *cobra.Command {
	var account string
	c := &cobra.Command{
		Use:   "import PATH…",
		Short: "Bring in files that hold UCWA bodies",
		Long: `Bring in files that hold UCWA bodies: a console transcript with other text
between them, a JSON body, JSON Lines of bodies, or this program's own export.
What a file is, its content tells; - is standard input.

Every body is stored byte for byte. What is not a UCWA body is reported with its
line. Importing a file again changes nothing.`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, paths []string) error {
			a, err := p.openWriter(c.Context(), store.Options{Owner: "archiver import"})
			if err != nil {
				return err
			}
			err = p.importFiles(c.Context(), a, paths, account)
			_, caught := a.catchUp(c.Context(), nil)
			return errors.Join(err, caught, a.close())
		},
	}
	c.Flags().StringVar(&account, "account", "", "whose bodies they are, where a file does not tell")
	return c
}

// importFiles reads every file, whatever becomes of the others. The error is
// errPartial when some, and a plain one when all of them failed.
func (p *program) importFiles(ctx context.Context, a *app, paths []string, account string) error {
	failed, stored := 0, int64(0)
	for _, path := range paths {
		report, err := p.importFile(ctx, a, path, account)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			if err := p.printReport(report); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(p.err, "archiver: %s\n", plain(err))
		}
		if stored += report.Observations; err != nil || len(report.Problems) > 0 {
			failed++
		}
	}
	switch {
	case failed == 0:
		return nil
	case stored > 0 || failed < len(paths):
		return errPartial
	case len(paths) == 1:
		return fmt.Errorf("nothing could be imported from %s", paths[0])
	}
	return errors.New("nothing could be imported")
}

func (p *program) importFile(ctx context.Context, a *app, path, account string) (importer.Report, error) {
	bar := p.progress("importing "+path, 0)
	defer bar.done()
	return importer.Read(ctx, path, a.Store, importer.Options{
		Account: account, Stdin: p.in,
		Progress: func(read, total int64) {
			bar.grow(total)
			bar.set(read)
		},
	})
}

// maxShown is how many of a file's skipped lines a person is shown.
const maxShown = 5

func (p *program) printReport(r importer.Report) error {
	for _, l := range r.Problems {
		fmt.Fprintf(p.err, "archiver: %s:%d: %s\n", r.Path, l.Line, l.Reason)
	}
	if p.json {
		return p.printJSON(r)
	}
	news := fmt.Sprintf("%d new", r.New)
	if r.New == 0 && r.Observations > 0 {
		news = "nothing new"
	}
	if _, err := fmt.Fprintf(p.out, "%s: %s, %d observations with %d events, %s\n", r.Path, r.Format, r.Observations, r.Events, news); err != nil {
		return err
	}
	for i, l := range r.Skipped {
		if i == maxShown {
			p.say("  … and %d more lines that are no UCWA bodies; --json lists them", len(r.Skipped)-i)
			break
		}
		p.say("  line %d skipped: %s", l.Line, l.Reason)
	}
	for _, n := range r.Notes {
		p.say("  %s", n)
	}
	return nil
}
