package component

import (
	"fmt"
	"time"

	"archiver/internal/archive"
)

// Clock tells times to one reader: in that reader's zone, relative to now.
type Clock struct {
	Zone *time.Location
	Now  time.Time
}

// Stamp is a moment as a page shows it.
type Stamp struct {
	Text    string // what is read, such as "09:12"; "time unknown" when it is
	Machine string // RFC 3339 in UTC; "" when unknown
	Title   string // the whole moment with its zone, and where it comes from
	// Inferred marks a time that no payload stated; Title says how it came to be.
	Inferred bool
}

// Unknown reports whether there is no moment to show.
func (s Stamp) Unknown() bool { return s.Machine == "" }

// Minute is the time of day.
func (c Clock) Minute(t archive.Time, src archive.TimeSource) Stamp {
	return c.stamp(t, src, "15:04")
}

// Full is date and time to the second.
func (c Clock) Full(t archive.Time, src archive.TimeSource) Stamp {
	return c.stamp(t, src, "2 January 2006, 15:04:05")
}

// Brief is as short as now allows: a time today, a day this year, else a date.
func (c Clock) Brief(t archive.Time, src archive.TimeSource) Stamp {
	layout := "2006-01-02"
	at, now := t.In(c.Zone), c.Now.In(c.Zone)
	switch {
	case at.Year() == now.Year() && at.YearDay() == now.YearDay():
		layout = "15:04"
	case at.Year() == now.Year():
		layout = "2 Jan"
	}
	return c.stamp(t, src, layout)
}

// Moment is a day and a time of day, without the year when it is this one.
func (c Clock) Moment(t archive.Time, src archive.TimeSource) Stamp {
	layout := "2 Jan 2006, 15:04"
	if t.In(c.Zone).Year() == c.Now.In(c.Zone).Year() {
		layout = "2 Jan, 15:04"
	}
	return c.stamp(t, src, layout)
}

// Date is the day in the reader's zone, such as 2024-03-31; "" when unknown.
func (c Clock) Date(t archive.Time) string {
	if !t.Known() {
		return ""
	}
	return t.In(c.Zone).Format(time.DateOnly)
}

// Day is the day as a heading says it.
func (c Clock) Day(t archive.Time) string {
	return t.In(c.Zone).Format("Monday, 2 January 2006")
}

func (c Clock) stamp(t archive.Time, src archive.TimeSource, layout string) Stamp {
	if !t.Known() {
		return Stamp{Text: "time unknown", Title: "No event says when this was. Its place comes from the order of the log."}
	}
	at := t.In(c.Zone)
	s := Stamp{Text: at.Format(layout), Machine: t.String(), Title: at.Format("Monday, 2 January 2006, 15:04:05 MST")}
	if note := sourceNotes[src]; note != "" {
		s.Inferred, s.Title = true, s.Title+" · "+note
	}
	return s
}

// sourceNotes say where a time comes from that the server did not state.
var sourceNotes = map[archive.TimeSource]string{
	archive.FromReceipt: "inferred: when the response arrived, by this machine's clock",
	archive.FromThread:  "inferred: read out of the thread id",
	archive.FromOrder:   "inferred: bounded only by its neighbours",
}

// Span is a length of time in its two largest units, such as "2 h 35 min".
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return two(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	case d < day:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	}
	return two(int(d/day), "d", int(d%day/time.Hour), "h")
}

func two(large int, unit string, small int, lesser string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", large, unit)
	}
	return fmt.Sprintf("%d %s %d %s", large, unit, small, lesser)
}
