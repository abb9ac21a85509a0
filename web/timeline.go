package web

import (
	"cmp"
	"slices"
	"time"

	"archiver/internal/archive"
	"archiver/web/component"
)

// runBreak is how long a silence ends a run of one sender's messages.
const runBreak = 10 * time.Minute

// item is one thing in the flow of a conversation: exactly one field is set.
type item struct {
	Day    *dayView
	Gap    *component.Gap
	Notice *noticeView
	Run    *runView
}

// dayView is the line between two days.
type dayView struct {
	Text string
	Date string // 2024-03-31
	ID   string // "" when the page has this day already
}

// noticeView is something that happened beside the messages.
type noticeView struct {
	Text  string
	Title string // the moment that Text names, in full
	Time  component.Stamp
	Timed bool // whether Text leaves the time to Time
	Bad   bool
	Event string // where the raw event is
	who   []string
	verb  string // what they did; "" for a notice that is not about coming or going
}

// runView is messages that one person wrote in a row.
type runView struct {
	Own      bool
	Person   string
	Name     string
	Href     string
	Messages []messageView
}

// messageView is one message.
type messageView struct {
	ID       string // its anchor
	Link     string
	Time     component.Stamp
	Text     string
	Absent   string // why there is no text
	Failure  string // why it was not delivered; "" when nothing says so
	Event    string
	Hit      bool
	Original string // "HTML" when it was sent in another form than shown
	History  bool   // only the server's history shows it
}

// entry is something with its place in the log. Where places are equal, what
// was not captured comes first, then what led to a message, then the message.
type entry struct {
	place archive.EventID
	rank  int
	at    archive.Time
	item  item
	m     *archive.Message
}

const (
	rankGap = iota
	rankNotice
	rankMessage
	rankLeave
)

// timeline merges what happened in a conversation by its place in the log,
// never by the clock, and draws what was not captured where it was missed.
func timeline(c component.Clock, view archive.ConversationView, page messagePageOf) []item {
	var entries []entry
	for i := range page.Messages {
		m := &page.Messages[i]
		entries = append(entries, entry{place: placeOf(m, view.Gaps), rank: rankMessage, at: m.Time, m: m})
	}
	for _, e := range slices.Concat(gapEntries(c, view.Gaps), noticeEntries(c, view)) {
		if page.shows(e.place) {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.rank, b.rank))
	})
	b := flow{clock: c, hit: page.Highlight, days: map[string]bool{}}
	for _, e := range entries {
		b.add(e)
	}
	return b.items
}

// shows reports whether what happened at a place belongs on the page: behind
// the page before it and up to its last message.
func (p messagePageOf) shows(place archive.EventID) bool {
	if place <= p.After {
		return false
	}
	if !p.HasNewer || len(p.Messages) == 0 {
		return true
	}
	return place <= p.Messages[len(p.Messages)-1].Place
}

// placeOf is where a message is drawn. What only the server's history shows
// stands behind the last live message before it, and where something was not
// captured in between, behind that.
func placeOf(m *archive.Message, gaps []archive.Gap) archive.EventID {
	place := m.Place
	if m.Provenance != archive.ProvenanceLog || !m.Time.Known() {
		return place
	}
	for _, g := range gaps {
		if !g.From.After(m.Time.Time) {
			place = max(place, archive.NewEventID(g.After+1, 0))
		}
	}
	return place
}

func gapEntries(c component.Clock, gaps []archive.Gap) []entry {
	out := make([]entry, len(gaps))
	for i, g := range gaps {
		told := c.Gap(g)
		// Behind every event of the last response before the gap.
		out[i] = entry{place: archive.NewEventID(g.After+1, 0), rank: rankGap, at: g.From, item: item{Gap: &told}}
	}
	return out
}

// flow builds the items of a page one after the other.
type flow struct {
	clock component.Clock
	hit   archive.EventID
	items []item
	day   string
	days  map[string]bool
	last  *archive.Message // the message that ended the open run; nil when none is open
}

func (f *flow) add(e entry) {
	if e.m != nil || f.clock.Date(e.at) > f.day { // only messages lead back to an earlier day
		f.turnTo(e.at)
	}
	if e.m == nil {
		f.last = nil
		if n := len(f.items); n > 0 && f.items[n-1].Notice.takes(e.item.Notice) {
			return
		}
		f.items = append(f.items, e.item)
		return
	}
	if f.last == nil || breaksRun(*f.last, *e.m) {
		f.items = append(f.items, item{Run: newRun(*e.m)})
	}
	run := f.items[len(f.items)-1].Run
	run.Messages = append(run.Messages, newMessage(f.clock, *e.m, e.m.Event == f.hit))
	f.last = e.m
}

// turnTo begins a day when the moment is known to be in another one.
func (f *flow) turnTo(at archive.Time) {
	date := f.clock.Date(at)
	if date == "" || date == f.day {
		return
	}
	d := &dayView{Text: f.clock.Day(at), Date: date}
	if !f.days[date] {
		d.ID = "d-" + date
	}
	f.day, f.days[date], f.last = date, true, nil
	f.items = append(f.items, item{Day: d})
}

func breaksRun(a, b archive.Message) bool {
	if a.From != b.From || a.FromURI != b.FromURI || a.Direction != b.Direction {
		return true
	}
	return a.Time.Known() && b.Time.Known() && b.Time.Sub(a.Time.Time).Abs() > runBreak
}

func newRun(m archive.Message) *runView {
	r := &runView{Own: m.Direction == archive.Outgoing, Person: m.From, Name: nameOr(m.FromName, m.FromURI)}
	if m.From != "" {
		r.Href = personHref(m.From)
	}
	return r
}

func newMessage(c component.Clock, m archive.Message, hit bool) messageView {
	v := messageView{
		ID: anchor(m.ID), Link: messageHref(m.ID), Time: c.Minute(m.Time, m.TimeSource),
		Text: m.Text, Event: eventHref(m.Event), Hit: hit, Failure: failure(m),
		History: m.Provenance == archive.ProvenanceLog,
	}
	if m.Format == "html" {
		v.Original = "HTML"
	}
	switch {
	case !m.TextKnown && m.Direction == archive.Outgoing:
		v.Text, v.Absent = "", "text not captured: sent from another client"
	case !m.TextKnown:
		v.Text, v.Absent = "", "text not captured: no event carried it"
	case m.Text == "":
		v.Absent = "empty message"
	}
	return v
}

// failure says why a message did not arrive.
func failure(m archive.Message) string {
	if m.Status != "Failure" {
		return ""
	}
	if because := reasonText(m.Reason); because != "" {
		return "not delivered: " + because
	}
	return "not delivered"
}

// reasonText is a reason in the server's words, else its codes.
func reasonText(r *archive.Reason) string {
	switch {
	case r == nil:
		return ""
	case r.Message != "":
		return r.Message
	case r.Subcode != "":
		return r.Subcode
	}
	return r.Code
}
