package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/decode"
	"archiver/internal/store"
)

// tailEvery is how often the log is looked at: it is another process that
// writes to it.
const tailEvery = 250 * time.Millisecond

// tailFlags narrow what is shown.
type tailFlags struct {
	raw      bool
	noFollow bool
	account  string
	since    string
	last     int
}

func (p *program) tailCommand() *cobra.Command {
	var f tailFlags
	c := &cobra.Command{
		Use:   "tail",
		Short: "Print every event as it is captured",
		Long: `Print the last events and then every further one as another process captures it,
until Ctrl-C. It only reads, and needs no server.

--json prints one object an event, with the fields of "list events" and what is
known of its response; --raw prints the responses themselves, as they were
received, each followed by a line break.`,
		Example: `  archiver tail
  archiver tail -n 0 --json
  archiver tail --since 2h --account ana@contoso.example
  archiver tail --raw -n 100 --no-follow > bodies.jsonl`,
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if f.last < 0 {
				return invalid("--last is 0 or more, not %d", f.last)
			}
			since, err := p.since(f.since)
			if err != nil {
				return err
			}
			s, err := p.openRead(c.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			t := &tailing{program: p, store: s, raw: f.raw, since: since}
			if f.account != "" {
				t.account = uriOf(f.account)
			}
			return t.run(c.Context(), f.last, !f.noFollow)
		},
	}
	c.Flags().BoolVar(&f.raw, "raw", false, "print the responses as they were received")
	c.Flags().BoolVar(&f.noFollow, "no-follow", false, "end after what is there")
	c.Flags().StringVar(&f.account, "account", "", "only of this account")
	c.Flags().StringVar(&f.since, "since", "", "begin there instead: 2h, 2026-11-23, or 2026-11-23T09:00:00Z")
	c.Flags().IntVarP(&f.last, "last", "n", 10, "begin with so many events (with --raw: responses)")
	return c
}

func uriOf(address string) string {
	return "sip:" + strings.TrimPrefix(strings.ToLower(address), "sip:")
}

// since reads a moment: a time, a day in the local zone, or how long ago.
func (p *program) since(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return p.now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid("--since takes 2h, 2026-11-23 or 2026-11-23T09:00:00Z, not %q", text)
}

// tailing is a walk along the end of the log.
type tailing struct {
	program *program
	store   *store.Store
	raw     bool
	account string // URI; "" for all
	since   time.Time
}

// tailed is what `tail --json` prints of an event.
type tailed struct {
	Account  string         `json:"account"`
	Source   archive.Source `json:"source"`
	Received archive.Time   `json:"received"`
	archive.Event
	changes []archive.Change
	body    []byte // of the response, with --raw; there is one item a response then
}

func (t *tailing) run(ctx context.Context, last int, follow bool) error {
	at, err := t.begin(ctx, last)
	if err != nil {
		return err
	}
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	for {
		if at, err = t.each(ctx, at, t.print); err != nil {
			return err
		}
		if !follow {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin shows what a person wants of what is there. It returns where to go on.
func (t *tailing) begin(ctx context.Context, last int) (archive.ObservationID, error) {
	if !t.since.IsZero() {
		return 0, nil // the time decides what is shown, and clocks may have been changed
	}
	marks, err := t.store.Watermarks(ctx)
	if err != nil || last <= 0 {
		return marks.Stored, err
	}
	// Some responses hold no event, so it is not known how far back to look.
	for back := archive.ObservationID(last); ; back *= 4 {
		var items []tailed
		from := max(0, marks.Stored-back)
		at, err := t.each(ctx, from, func(i tailed) error {
			if items = append(items, i); len(items) > 2*last {
				items = append(items[:0], items[len(items)-last:]...)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		if len(items) < last && from > 0 {
			continue
		}
		for _, i := range items[max(0, len(items)-last):] {
			if err := t.print(i); err != nil {
				return 0, err
			}
		}
		return at, nil
	}
}

// each hands over what the log holds after an observation. It returns the last
// one it saw.
func (t *tailing) each(ctx context.Context, at archive.ObservationID, do func(tailed) error) (archive.ObservationID, error) {
	for {
		page, err := t.store.ObservationsAfter(ctx, at, archive.MaxPage)
		if err != nil || len(page) == 0 {
			return at, err
		}
		for _, o := range page {
			at = o.ID
			if t.account != "" && o.Account != t.account || !t.since.IsZero() && o.Received.Before(t.since) {
				continue
			}
			for _, item := range t.items(o) {
				if err := do(item); err != nil {
					return at, err
				}
			}
		}
	}
}

func (t *tailing) items(o archive.Observation) []tailed {
	if t.raw {
		return []tailed{{body: o.Body}}
	}
	var out []tailed
	for _, d := range decode.Observation(o) {
		out = append(out, tailed{Account: o.Account, Source: o.Source, Received: o.Received, Event: d.Event, changes: d.Changes})
	}
	return out
}

func (t *tailing) print(i tailed) error {
	switch {
	case t.raw:
		_, err := t.program.out.Write(append(i.body[:len(i.body):len(i.body)], '\n'))
		return err
	case t.program.json:
		return t.program.printJSON(i)
	}
	_, err := fmt.Fprintln(t.program.out, i.line())
	return err
}

// line is an event for a person: when, which, and what it says.
func (i tailed) line() string {
	what := i.Type + " " + i.Kind
	if i.Kind == "unknown" {
		what = i.Type + " " + named(i.Rel, "unreadable")
	}
	if i.Status != "" {
		what += " " + i.Status
	}
	said := i.Title
	for _, c := range i.changes {
		if s := saying(c); s != "" {
			said = s
		}
	}
	if i.Error != "" {
		said = "not decoded: " + i.Error
	}
	return strings.TrimRight(fmt.Sprintf("%-20s  %-7s %-38s  %s", moment(i.Received, archive.FromReceipt), i.ID,
		printable(what), clip(printable(said), 120)), " ")
}

// saying is what a change comes to, in a few words; "" for nothing worth them.
func saying(c archive.Change) string {
	switch c := c.(type) {
	case archive.MessageChange:
		text := "(text not captured)"
		if c.Text != nil {
			text = c.Text.Plain
		}
		return named(party(c.From), strings.ToLower(c.Direction)) + ": " + text
	case archive.InvitationChange:
		s := named(party(c.From), "you") + " → " + named(party(c.To), "you")
		if c.Direction == string(archive.Incoming) {
			s = named(party(c.From), "somebody") + " → you"
		}
		if c.Text != nil {
			s += ": " + c.Text.Plain
		} else if c.Subject != "" {
			s += ": " + c.Subject
		}
		if c.Completed {
			s += " (" + string(c.Outcome) + ")"
		}
		return s
	case archive.ParticipantChange:
		return party(c.Party)
	case archive.ConversationChange:
		return strings.TrimPrefix(strings.Join([]string{c.State, c.Subject}, " "), " ")
	case archive.ModalityChange:
		return c.State
	}
	return ""
}

func party(p archive.Party) string { return named(p.Name, strings.TrimPrefix(p.URI, "sip:")) }
