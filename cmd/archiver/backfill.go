package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/capture"
	"archiver/internal/store"
)

func (p *program) backfillCommand() *cobra.Command {
	var f captureFlags
	c := &cobra.Command{
		Use:   "backfill [URL]",
		Short: "Read the conversation history that the server keeps",
		Long: `Read the conversation history that the server keeps, where it keeps one, and join
it with what was captured live: each message stays one message.

Accounts, URL and passwords are those of archiver capture, which reads the history
by itself when it starts and after a gap that matters: this command is for a time when no
capture runs. It only reads. Nothing is marked as read, accepted or deleted, and
the account does not show as available.

It can be ended at any time and goes on where it was. Read again, only what has
changed is added. Gaps that a finished reading covers say so in archiver list
gaps; what a server has not written down, or somebody has deleted, stays lost.`,
		Example: `  archiver backfill
  archiver backfill --account ana@contoso.example --json
  archiver backfill https://lyncdiscover.contoso.example/ --user ana@contoso.example`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			cfgs, err := p.captureConfigs(c.Context(), first(a), f)
			if err != nil {
				return err
			}
			app, err := p.openWriter(c.Context(), store.Options{Owner: "archiver backfill"})
			if err != nil {
				return p.heldByCapture(err)
			}
			for _, cfg := range cfgs {
				err = errors.Join(err, app.backfill(c.Context(), cfg))
			}
			return errors.Join(err, app.close())
		},
	}
	f.reading(c.Flags())
	return c
}

// heldByCapture says of an archive that a capture holds that nothing need be
// done.
func (p *program) heldByCapture(err error) error {
	dir, settings := p.archiveDir()
	if settings != nil {
		return err
	}
	holder := store.HeldBy(dir)
	if errors.Is(err, store.ErrLocked) && holder != nil && holder.Captures {
		return heldError{err}
	}
	return err
}

// heldError is an archive whose running capture reads the history by itself.
type heldError struct{ error }

func (e heldError) Error() string {
	return e.error.Error() + "; the running capture reads the history by itself"
}

func (e heldError) Unwrap() error { return e.error }

// backfillResult is what the command prints.
type backfillResult struct {
	capture.HistorySummary
	Seconds float64 `json:"seconds"`
}

func (a *app) backfill(ctx context.Context, cfg capture.Config) error {
	cfg.Log, cfg.History = a.Store, a.Store
	began := a.program.now()
	bar := a.program.progress("reading the history", 0)
	sum, err := capture.Backfill(ctx, cfg, func(s capture.HistorySummary) {
		bar.grow(s.Found)
		bar.set(s.Logs + s.Transcripts)
	})
	bar.done()
	if err != nil {
		_, undone := a.catchUp(context.WithoutCancel(ctx), nil) // what was read is in the log
		return errors.Join(reachability(err), undone)
	}
	if _, err := a.catchUp(ctx, nil); err != nil {
		return err
	}
	return a.program.printBackfill(backfillResult{sum, a.program.now().Sub(began).Seconds()})
}

func (p *program) printBackfill(r backfillResult) error {
	if p.json {
		return p.printJSON(r)
	}
	if r.Unavailable {
		p.say("this server keeps no conversation history: what is not captured live is lost")
		return nil
	}
	p.say("read %d conversations, %d messages in %d pages, in %s; %d of %d answers were new", r.Logs, r.Messages, r.Transcripts,
		time.Duration(r.Seconds*float64(time.Second)).Round(time.Second), r.New, r.Observations)
	return nil
}
