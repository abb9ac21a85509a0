package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/capture"
)

// rebuilt is what `rebuild` tells.
type rebuilt struct {
	Observations int64   `json:"observations"`
	Events       int64   `json:"events"`
	Changes      int64   `json:"changes"`
	Failed       int64   `json:"failed"` // events whose decoding failed
	Seconds      float64 `json:"seconds"`
}

func (p *program) rebuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Decode and index everything anew from the stored bytes",
		Long: `Drop everything that was decoded and indexed, and make it again from the stored
bytes. Nothing that was received is touched. Afterwards every list prints the
same as before, unless this version decodes something that an older one did not.

It can be interrupted: the next command that writes goes on where it stopped.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := p.openExisting(c.Context(), "archiver rebuild")
			if err != nil {
				return err
			}
			defer a.close()
			result, err := a.rebuild(c.Context(), p.now)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(result)
			}
			_, err = fmt.Fprintf(p.out, "rebuilt %d observations with %d events into %d changes in %.1f s; %d events failed\n",
				result.Observations, result.Events, result.Changes, result.Seconds, result.Failed)
			return err
		},
	}
}

// rebuild makes the archive and the index anew from the log.
func (a *app) rebuild(ctx context.Context, now func() time.Time) (rebuilt, error) {
	start := now()
	if err := a.ClearDerived(ctx); err != nil {
		return rebuilt{}, err
	}
	// An empty index first: one of before would look right again after a crash,
	// once as many messages are decoded as it holds.
	if err := a.index.Rebuild(ctx, nil); err != nil {
		return rebuilt{}, err
	}
	marks, err := a.Watermarks(ctx)
	if err != nil {
		return rebuilt{}, err
	}
	bar := a.program.progress("decoding", int64(marks.Stored))
	done, err := a.project(ctx, func(g capture.Progress) { bar.set(int64(g.Through)) })
	bar.done()
	if err != nil {
		return rebuilt{}, err
	}
	if err := a.index.Follow(ctx); err != nil {
		return rebuilt{}, err
	}
	return rebuilt{
		Observations: done.Observations, Events: done.Events, Changes: done.Changes, Failed: done.Failed,
		Seconds: now().Sub(start).Seconds(),
	}, nil
}
