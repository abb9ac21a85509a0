package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/query"
)

func (p *program) searchCommand() *cobra.Command {
	var limit int
	var sort, zone string
	c := &cobra.Command{
		Use:   "search QUERY",
		Short: "Find messages",
		Long: `Find messages. All words must match; case and accents do not matter.

` + query.Help() + `
Dates mean the days of your time zone (--zone). Words of the query may be given
as one argument or as several; put -- before one that begins with a dash.`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			loc, err := p.location(zone)
			if err != nil {
				return err
			}
			order, err := parseSort(sort)
			if err != nil {
				return err
			}
			if limit == 0 {
				limit = -1
			}
			app, err := p.openReader(c.Context())
			if err != nil {
				return err
			}
			defer app.close()
			result, err := app.Search(c.Context(), archive.SearchRequest{
				Query: strings.Join(a, " "), Sort: order, Limit: limit, Zone: loc, Now: p.now(),
			})
			if err != nil {
				return err
			}
			if p.json {
				return p.printHitsJSON(result)
			}
			return p.printHits(result, loc)
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", 50, "print so many hits; 0 prints all")
	c.Flags().StringVar(&sort, "sort", "newest", "order: newest, oldest or relevance")
	c.Flags().StringVar(&zone, "zone", "", "time zone of dates and times, such as Europe/Berlin (default: this machine's)")
	return c
}

// location is a time zone by name; "" is the machine's.
func (p *program) location(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, invalid("there is no time zone %q; use a name such as Europe/Berlin", name)
	}
	return loc, nil
}

func parseSort(s string) (archive.Sort, error) {
	switch order := archive.Sort(s); order {
	case archive.SortNewest, archive.SortOldest, archive.SortRelevance:
		return order, nil
	}
	return "", invalid("--sort takes newest, oldest or relevance, not %q", s)
}

func (p *program) printHitsJSON(r archive.SearchResult) error {
	if err := p.printJSON(r); err != nil {
		return err
	}
	for _, h := range r.Hits {
		if err := p.printJSON(h); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) printHits(r archive.SearchResult, zone *time.Location) error {
	for _, h := range r.Hits {
		when := "time unknown"
		if h.Time.Known() {
			when = h.Time.In(zone).Format("2006-01-02 15:04 MST")
		}
		if _, err := fmt.Fprintf(p.out, "%s  %s  %s\n  %s  %s\n  %s\n\n", p.bold(printable(named(h.FromName, h.FromURI))), when,
			printable(h.ConversationTitle), h.ID, h.Conversation, printable(p.marked(h.Snippet))); err != nil {
			return err
		}
	}
	p.say("%s", summary(r))
	return nil
}

// summary tells what was found and what was not looked at.
func summary(r archive.SearchResult) string {
	s := fmt.Sprintf("%d messages for %s in %.0f ms", r.Total, r.Parsed, r.TookMS)
	if len(r.Hits) < int(r.Total) {
		s += fmt.Sprintf("; %d shown, -n 0 shows all", len(r.Hits))
	}
	if r.Index.Behind > 0 {
		s += fmt.Sprintf("; %d responses are not indexed yet", r.Index.Behind)
	}
	if r.UncoveredSeconds > 0 {
		s += fmt.Sprintf("; %s of the time searched were not captured", time.Duration(r.UncoveredSeconds*float64(time.Second)).Round(time.Second))
	}
	return s
}

func (p *program) bold(s string) string {
	if !p.colored(p.out) {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// marked turns a snippet, which is HTML with <mark>, into text for a terminal.
func (p *program) marked(snippet string) string {
	open, shut := "[", "]"
	s := strings.NewReplacer("<mark>", open, "</mark>", shut, "&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&").Replace(snippet)
	return strings.Join(strings.Fields(s), " ")
}
