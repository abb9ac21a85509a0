package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/export"
)

func (p *program) exportCommand() *cobra.Command {
	var opts export.Options
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the archive to a file for others",
		Long:  "Write the archive to a file for others. The formats are:\n\n" + formatHelp(),
		Args:  args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if opts.Path == "" {
				return invalid("where to? Use -o FILE, or -o - for standard output")
			}
			s, err := p.openRead(c.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			totals, err := s.Totals(c.Context())
			if err != nil {
				return err
			}
			bar := p.progress("exporting", totals.Observations)
			opts.Stdout, opts.Progress = p.out, bar.set
			report, err := export.Write(c.Context(), s, opts)
			bar.done()
			if errors.Is(err, archive.ErrConflict) {
				return fmt.Errorf("%w; --force replaces it", err)
			}
			if err != nil || opts.Path == "-" {
				return err
			}
			if p.json {
				return p.printJSON(report)
			}
			_, err = fmt.Fprintf(p.out, "%s: %d records, %s, SHA-256 %s\n", report.Path, report.Records, humanize.IBytes(uint64(report.Bytes)), report.SHA256)
			return err
		},
	}
	f := c.Flags()
	f.StringVarP(&opts.Format, "format", "f", "jsonl", "format")
	f.StringVarP(&opts.Path, "output", "o", "", "file to write; - is standard output")
	f.BoolVar(&opts.Force, "force", false, "replace a file that is there")
	return c
}

func formatHelp() string {
	var b strings.Builder
	for _, f := range export.Formats() {
		fmt.Fprintf(&b, "  %-8s %s\n", f.Name, f.Help)
	}
	return b.String()
}
