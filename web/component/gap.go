package component

import (
	"fmt"
	"time"

	"archiver/internal/archive"
)

// Gap is an interval that was not captured, told to a reader.
type Gap struct {
	ID      string
	When    string // "not captured 14:02–16:37"
	Title   string // both moments in full
	Cause   string
	Risk    string // what it may have cost
	Lossy   bool   // whether messages may have been lost
	Open    bool
	Length  string // "" while open
	Account string
	From    Stamp
	To      Stamp
}

// Gap tells a gap in the reader's time.
func (c Clock) Gap(g archive.Gap) Gap {
	v := Gap{
		ID: g.ID.String(), Cause: cause(g.Cause), Account: g.Account,
		Open: !g.To.Known(), Lossy: g.AtRisk && !g.Backfilled,
		From: c.Moment(g.From, archive.FromServer), To: c.Moment(g.To, archive.FromServer),
	}
	what := "not captured"
	switch g.Cause {
	case archive.GapClock:
		what = "clock set"
	case archive.GapElsewhere:
		what = "went on in another client"
	}
	if v.Open {
		v.When = what + " since " + v.From.Text
		v.Title = v.From.Title
	} else {
		v.Length = Span(time.Duration(g.Seconds * float64(time.Second)))
		v.When = what + " " + c.interval(g.From, g.To)
		v.Title = fmt.Sprintf("%s – %s", v.From.Title, v.To.Title)
	}
	switch {
	case g.Backfilled:
		v.Risk = "filled in from the server's history"
	case g.Cause == archive.GapElsewhere:
		v.Risk = "what was written there is not here"
	case g.Cause == archive.GapClock:
		v.Risk = "nothing was missed"
	case g.AtRisk:
		v.Risk = "messages may have been lost"
	default:
		v.Risk = "too short for messages to be lost"
	}
	return v
}

// interval is two moments, with their days when these differ.
func (c Clock) interval(from, to archive.Time) string {
	if !from.Known() {
		return "until " + c.Moment(to, archive.FromServer).Text
	}
	layout := "15:04"
	if to.Sub(from.Time) < 2*time.Minute {
		layout = time.TimeOnly
	}
	if c.Date(from) == c.Date(to) {
		return from.In(c.Zone).Format(layout) + "–" + to.In(c.Zone).Format(layout)
	}
	return from.In(c.Zone).Format("2 Jan 15:04") + " – " + to.In(c.Zone).Format("2 Jan 15:04")
}

func cause(c archive.GapCause) string {
	switch c {
	case archive.GapStopped:
		return "the archiver was not running"
	case archive.GapUnreachable:
		return "the server did not answer"
	case archive.GapApplicationGone:
		return "the application was gone"
	case archive.GapResync:
		return "the event channel had lost its place"
	case archive.GapResume:
		return "the server had closed conversations after a long silence"
	case archive.GapUnauthorized:
		return "the server refused the sign-in"
	case archive.GapStorage:
		return "the archive could not be written"
	case archive.GapAsleep:
		return "the machine was asleep"
	case archive.GapClock:
		return "the machine's clock was set"
	case archive.GapElsewhere:
		return "the conversation went on in another client"
	}
	return "cause unknown"
}
