package store_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/store/storetest"
)

const (
	sitting = "/ucwa/v1/applications/1/communication/conversations/c1"
	logHref = "/communication/conversationLogs/1"
	pages   = logHref + "/transcripts"
	thread  = "AdptUZVBBUAAAQIDBAUGBwgJCgsMDQ4PEA=="
)

var (
	me     = archive.Party{URI: storetest.Account}
	bo     = archive.Party{URI: "sip:bo@contoso.example", Name: "Bo Lind"}
	midday = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

// past is one message of a random history.
type past struct {
	n         int
	at        time.Time
	own       bool
	text      string
	live, log bool
	textless  bool // as the event channel shows it
}

func (p past) from() (archive.Party, string) {
	if p.own {
		return me, archive.Outgoing
	}
	return bo, archive.Incoming
}

func (p past) liveChange() archive.Change {
	from, direction := p.from()
	m := archive.MessageChange{Href: fmt.Sprintf("%s/messaging/messages/%d", sitting, p.n), Conversation: sitting,
		From: from, Direction: direction, Time: archive.At(p.at), Status: "Success"}
	if !p.textless {
		m.Text = &archive.Text{Plain: p.text}
	}
	return m
}

func (p past) logChange(skew time.Duration) archive.LogMessageChange {
	from, direction := p.from()
	return archive.LogMessageChange{From: from, Direction: direction, Time: archive.At(p.at.Add(skew)), Text: &archive.Text{Plain: " " + p.text + "\n"}}
}

// drawHistory is a history in which it is decided what is the same: a message
// that only one of the two shows has nothing like it near.
func drawHistory(t *rapid.T) []past {
	var all []past
	at := midday
	both := true
	for n := range rapid.IntRange(1, 14).Draw(t, "messages") {
		p := past{n: n, own: rapid.Bool().Draw(t, "own"), live: true, log: true}
		switch rapid.IntRange(0, 3).Draw(t, "shown") {
		case 0:
			p.log = false
		case 1:
			p.live = false
		}
		p.textless = p.own && p.live && rapid.Bool().Draw(t, "textless")
		p.text = fmt.Sprintf("message %d", n)
		if rapid.Bool().Draw(t, "usual words") {
			p.text = "ok"
		}
		least := 1
		if !both || !p.live || !p.log {
			least = 120
		}
		both = p.live && p.log
		at = at.Add(time.Duration(rapid.IntRange(least, least+60).Draw(t, "seconds")) * time.Second)
		p.at = at
		all = append(all, p)
	}
	return all
}

// recorder applies changes as observations of an archive.
type recorder struct {
	t   *testing.T
	s   *store.Store
	n   int
	log []archive.Batch
}

// newRecorder copies an empty archive, which is quicker than making one, and
// does without waiting for the disk.
func newRecorder(t *testing.T, empty string) *recorder {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(empty)); err != nil {
		t.Fatal(err)
	}
	s := openWrite(t, dir)
	if err := s.Hurry(); err != nil {
		t.Fatal(err)
	}
	return &recorder{t: t, s: s}
}

func (r *recorder) receive(source archive.Source, changes ...archive.Change) {
	r.t.Helper()
	r.n++
	o := archive.Observation{Account: storetest.Account, Source: source, URL: fmt.Sprint("/", r.n), Body: fmt.Append(nil, r.n),
		Received: archive.At(midday.Add(24 * time.Hour).Add(time.Duration(r.n) * time.Second))}
	appended, err := r.s.AppendObservations(r.t.Context(), []archive.Observation{o}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	o.ID = appended[0].ID
	b := archive.Batch{Observation: o}
	for i, c := range changes {
		id := archive.NewEventID(o.ID, i+1)
		b.Events = append(b.Events, archive.Decoded{Changes: []archive.Change{c},
			Event: archive.Event{ID: id, Observation: o.ID, Position: i + 1, Kind: "test", Decoded: true}})
	}
	r.log = append(r.log, b)
	if err := r.s.Apply(r.t.Context(), []archive.Batch{b}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) opens() {
	r.receive(archive.SourceCapture, archive.ConversationChange{Href: sitting, Thread: archive.Thread{ID: thread}},
		archive.ParticipantChange{Conversation: sitting, Party: me, Local: true}, archive.ParticipantChange{Conversation: sitting, Party: bo})
}

// lists shows the log itself, and page one of the pages of what it holds.
func (r *recorder) lists() {
	r.receive(archive.SourceBackfill, archive.LogChange{Href: logHref, Transcripts: pages, Thread: archive.Thread{ID: thread},
		Type: "MessageLog", Status: "Archived", Recipients: []archive.Party{bo}})
}

func (r *recorder) page(at int, next bool, entries []archive.LogMessageChange) {
	href := func(n int) string {
		if n == 0 {
			return pages
		}
		return fmt.Sprintf("%s?page=%d", pages, n)
	}
	p := archive.LogPageChange{Href: href(at)}
	if next {
		p.Next = href(at + 1)
	}
	changes := []archive.Change{p}
	copies := map[string]int{}
	for _, e := range entries {
		e.Page = href(at)
		key := fmt.Sprint(e.From, e.Time, e.Text.Plain)
		e.Copy, copies[key] = copies[key], copies[key]+1
		changes = append(changes, e)
	}
	r.receive(archive.SourceBackfill, changes...)
}

// shown is what stays the same however the two were read.
type shown struct {
	ID, Text, From, Direction string
	Time                      archive.Time
	Known                     bool
	Provenance                archive.Provenance
}

func (r *recorder) shown() (out []shown) {
	r.t.Helper()
	for _, m := range r.messages() {
		out = append(out, shown{m.ID, m.Text, m.FromURI, m.Direction, m.Time, m.TextKnown, m.Provenance})
	}
	return out
}

func (r *recorder) messages() []archive.Message {
	r.t.Helper()
	m, err := r.s.Messages(r.t.Context(), archive.MessageFilter{Conversation: archive.ConversationID(storetest.Account, thread, "")})
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// A history of which part was captured live, part stands in the server's log
// and part in both comes out as it was, whichever is read first and however
// often: each message once, in order, with the same id.
func TestLiveAndLogMerge(t *testing.T) {
	empty := t.TempDir()
	if err := openWrite(t, empty).Close(); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		history := drawHistory(rt)
		skew := time.Duration(rapid.IntRange(-3000, 3000).Draw(rt, "skew")) * time.Millisecond
		var live []past
		var logged []archive.LogMessageChange
		for _, p := range history {
			if p.live {
				live = append(live, p)
			}
			if p.log {
				logged = append(logged, p.logChange(skew))
			}
		}
		first := newRecorder(t, empty)
		defer first.s.Close()
		first.opens()
		for _, p := range live {
			first.receive(archive.SourceCapture, p.liveChange())
		}
		first.lists()
		first.page(0, false, logged)
		want := first.shown()
		checkHistory(rt, history, want)

		mixed := newRecorder(t, empty)
		defer mixed.s.Close()
		interleave(rt, mixed, live, logged)
		if diff := cmp.Diff(want, mixed.shown()); diff != "" {
			rt.Errorf("read in another order: %s", diff)
		}
		before := mixed.messages()
		if err := mixed.s.ClearDerived(t.Context()); err != nil {
			rt.Fatal(err)
		}
		if err := mixed.s.Apply(t.Context(), mixed.log); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(before, mixed.messages()); diff != "" {
			rt.Errorf("rebuilt: %s", diff)
		}
	})
}

// interleave shows what was live in its order and what the log holds in pages,
// in several rounds at random moments; a later round may know more.
func interleave(rt *rapid.T, r *recorder, live []past, logged []archive.LogMessageChange) {
	opened := false
	show := func(n int) {
		if !opened {
			r.opens()
			opened = true
		}
		for _, p := range live[:n] {
			r.receive(archive.SourceCapture, p.liveChange())
		}
		live = live[n:]
	}
	rounds := rapid.IntRange(1, 3).Draw(rt, "rounds")
	for round := range rounds {
		if n := rapid.IntRange(0, len(live)).Draw(rt, "live before"); n > 0 {
			show(n)
		}
		known := len(logged)
		if round < rounds-1 {
			known = rapid.IntRange(0, len(logged)).Draw(rt, "known")
		}
		r.lists()
		size := rapid.IntRange(1, 5).Draw(rt, "page size")
		for at := 0; at == 0 || at*size < known; at++ {
			r.page(at, (at+1)*size < known, logged[min(at*size, known):min((at+1)*size, known)])
			if n := rapid.IntRange(0, len(live)).Draw(rt, "live between"); n > 0 {
				show(n)
			}
		}
	}
	show(len(live))
}

// checkHistory compares what is shown with what was written.
func checkHistory(rt *rapid.T, history []past, got []shown) {
	var want, have []string
	for _, p := range history {
		text := p.text
		if p.textless && !p.log {
			text = ""
		}
		want = append(want, fmt.Sprint(text, p.own, p.live, p.log))
	}
	for _, s := range got {
		have = append(have, fmt.Sprint(trim(s.Text), s.Direction == archive.Outgoing, s.Provenance != archive.ProvenanceLog, s.Provenance != archive.ProvenanceLive))
	}
	if !slices.Equal(want, have) {
		rt.Errorf("shown: %s", cmp.Diff(want, have))
	}
}

func trim(s string) string {
	if len(s) > 0 && s[0] == ' ' {
		return s[1 : len(s)-1]
	}
	return s
}
