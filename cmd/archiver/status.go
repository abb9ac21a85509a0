package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"archiver/internal/archive"
)

func (p *program) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tell where capture stands for each account",
		Long: `Tell where capture stands for each account: whether it runs, when the server was
last heard, how far decoding and indexing have come, and how much was not
captured.`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := p.openReader(c.Context())
			if err != nil {
				return err
			}
			defer a.close()
			all, err := a.Status(c.Context())
			if err != nil {
				return err
			}
			for _, st := range all {
				if p.json {
					err = p.printJSON(st)
				} else {
					err = p.printStatus(st)
				}
				if err != nil {
					return err
				}
			}
			if len(all) == 0 && !p.json {
				p.say("the archive is empty; bring something in with `archiver import FILE` or `archiver init ADDRESS` and `archiver run`")
			}
			return nil
		},
	}
}

func (p *program) printStatus(st archive.Status) error {
	lag := "never"
	if st.LagSeconds != nil {
		lag = (time.Duration(*st.LagSeconds * float64(time.Second))).Round(time.Second).String() + " ago"
	}
	if _, err := fmt.Fprintf(p.out, `%s
  state      %s
  last poll  %s
  stored     %s
  decoded    %s (%d events kept raw, no decoder for them yet; %d that failed)
  indexed    %s
  gaps       %d
  history    %s
  on disk    %s
`, st.Account, p.tellState(st), lag, st.Watermarks.Stored, st.Watermarks.Decoded, st.Undecoded-st.Failed, st.Failed,
		st.Watermarks.Indexed, st.Gaps, p.tellHistory(st), humanize.IBytes(uint64(max(0, st.DiskBytes)))); err != nil {
		return err
	}
	return p.printReconciled(st)
}

// tellHistory says whether the server keeps a conversation history to fill
// gaps from, and when that was read.
func (p *program) tellHistory(st archive.Status) string {
	var s string
	switch st.History {
	case archive.HistoryAvailable:
		s = "kept by the server, not read to its end yet"
		if st.LastBackfill.Known() {
			s = fmt.Sprintf("kept by the server, read %s ago", p.now().Sub(st.LastBackfill.Time).Round(time.Second))
		}
	case archive.HistoryUnavailable:
		s = "this server keeps none: what is missed live is lost"
	default:
		return "not asked for yet"
	}
	if st.BackfillTrouble != "" {
		s += "; now waiting: " + st.BackfillTrouble
	}
	return s
}

// printReconciled says what the server counts and the archive lacks.
func (p *program) printReconciled(st archive.Status) error {
	if st.Reconciled == nil || !st.Reconciled.Short() {
		return nil
	}
	c := st.Reconciled
	_, err := fmt.Fprintf(p.out, "             the server counts %d conversations (%d missed), the archive holds %d (%d) of its history\n",
		c.ServerLogs, c.ServerMissed, c.ArchiveLogs, c.ArchiveMissed)
	return err
}
