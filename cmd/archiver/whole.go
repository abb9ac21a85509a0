package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
)

// printWhole shows one thing to a person: a conversation as a transcript,
// anything else as its fields.
func (p *program) printWhole(v any) error {
	if c, ok := v.(conversationWhole); ok {
		return p.printTranscript(c)
	}
	b, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	return p.printFields(b)
}

// printFields prints the members of an object, one a line, in their order.
func (p *program) printFields(object []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		label := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		text := string(value)
		if value.Kind() == '"' {
			if err := json.Unmarshal(value, &text); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(p.out, "%-17s %s\n", label, strings.ReplaceAll(printable(text), "\n", "\n"+strings.Repeat(" ", 18))); err != nil {
			return err
		}
	}
	return nil
}

// printTranscript shows a conversation as it went.
func (p *program) printTranscript(c conversationWhole) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s · %s · started %s\n", printable(c.Title), c.ID, c.Kind, moment(c.Started, c.StartedSource))
	for _, s := range c.Stays {
		fmt.Fprintf(&b, "  %s%s: %s to %s\n", printable(named(s.Name, s.URI)), you(s.Local), moment(s.Joined, s.JoinedSource), leftText(s))
	}
	for _, i := range c.Invitations {
		fmt.Fprintf(&b, "  %s\n", printable(tellInvitation(i)))
	}
	b.WriteByte('\n')
	gaps := c.Uncaptured
	for _, m := range c.Written {
		for len(gaps) > 0 && comesBefore(gaps[0], m) {
			b.WriteString(tellGap(gaps[0]))
			gaps = gaps[1:]
		}
		text := m.Text
		if !m.TextKnown {
			text = "(text not captured: sent from another client)"
		}
		fmt.Fprintf(&b, "[%s] %s: %s%s\n", moment(m.Time, m.TimeSource), printable(named(m.FromName, m.FromURI)),
			strings.ReplaceAll(printable(text), "\n", "\n    "), failure(m))
	}
	for _, g := range gaps {
		b.WriteString(tellGap(g))
	}
	_, err := p.out.Write([]byte(b.String()))
	return err
}

// comesBefore reports whether a gap is to be told before a message. What only
// the server's history shows has no place of its own in the log, but a time.
func comesBefore(g archive.Gap, m archive.Message) bool {
	return g.After < m.Place.Observation() ||
		m.Provenance == archive.ProvenanceLog && m.Time.Known() && !g.From.After(m.Time.Time)
}

// tellGap tells what was not captured.
func tellGap(g archive.Gap) string {
	filled := ""
	if g.Backfilled {
		filled = "; read from the server's history since"
	}
	switch g.Cause {
	case archive.GapElsewhere:
		return fmt.Sprintf("  … went on in another client, which is not seen here, from %s to %s%s\n", moment(g.From, archive.FromReceipt), moment(g.To, archive.FromReceipt), filled)
	case archive.GapClock:
		return fmt.Sprintf("  … the clock was set between %s and %s; nothing was missed\n", moment(g.From, archive.FromReceipt), moment(g.To, archive.FromReceipt))
	}
	return fmt.Sprintf("  … not captured from %s to %s (%s%s)\n", moment(g.From, archive.FromReceipt), moment(g.To, archive.FromReceipt), g.Cause, filled)
}

func you(local bool) string {
	if local {
		return " (you)"
	}
	return ""
}

func leftText(s archive.Participant) string {
	if s.LeftSource == "" {
		return "now"
	}
	return moment(s.Left, s.LeftSource)
}

func failure(m archive.Message) string {
	if m.Status != "Failure" {
		return ""
	}
	if m.Reason == nil {
		return " (not delivered)"
	}
	return fmt.Sprintf(" (not delivered: %s)", named(m.Reason.Message, m.Reason.Subcode))
}

// tellInvitation tells how an invitation went, as a person would.
func tellInvitation(i archive.Invitation) string {
	incoming := i.Direction == archive.Incoming
	who, other := named(i.FromName, i.FromURI), "you"
	if !incoming {
		who, other = "you", named(i.ToName, i.ToURI)
	}
	when := ""
	if i.Started.Known() {
		when = " at " + i.Started.UTC().Format(time.DateTime+"Z")
	}
	return fmt.Sprintf("%s invited %s%s; %s", who, other, when, ending(i, incoming, other))
}

func ending(i archive.Invitation, incoming bool, other string) string {
	by := other
	if i.Code == "LocalFailure" && !incoming {
		by = "you"
	}
	switch i.Outcome {
	case archive.Accepted:
		return by + " accepted"
	case archive.Declined:
		return by + " declined"
	case archive.Missed:
		return by + " did not answer"
	case archive.Cancelled:
		return "it was cancelled"
	case archive.EndedElsewhere:
		return "it was answered on another client, where it went on"
	case archive.Failed:
		return "it failed: " + named(i.Reason, named(i.Subcode, i.Code))
	}
	return "no answer was seen"
}
