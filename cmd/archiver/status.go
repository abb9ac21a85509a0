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
				p.say("the archive is empty; bring something in with `archiver import FILE` or `archiver run URL`")
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
	_, err := fmt.Fprintf(p.out, `%s
  state      %s
  last poll  %s
  stored     %s
  decoded    %s (%d events kept raw, no decoder for them yet; %d that failed)
  indexed    %s
  gaps       %d
  on disk    %s
`, st.Account, p.tellState(st), lag, st.Watermarks.Stored, st.Watermarks.Decoded, st.Undecoded-st.Failed, st.Failed,
		st.Watermarks.Indexed, st.Gaps, humanize.IBytes(uint64(max(0, st.DiskBytes))))
	return err
}
