package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

const (
	logHref = "/communication/conversationLogs/1"
	logPage = logHref + "/transcripts"
)

// logged is a log of the thread t1.
func logged(href string) archive.LogChange {
	return archive.LogChange{Href: href, Transcripts: href + "/transcripts", Thread: archive.Thread{ID: "t1"}, Type: "MessageLog",
		Status: "Missed", Subject: "Plan", Created: archive.At(noon.Add(time.Hour)), Recipients: []archive.Party{bo}}
}

// said is a message of the log that noon is so many seconds before.
func said(from archive.Party, text string, seconds int) archive.LogMessageChange {
	m := archive.LogMessageChange{Page: logPage, From: from, Direction: archive.Incoming,
		Time: archive.At(noon.Add(time.Duration(seconds) * time.Second)), Text: &archive.Text{Plain: text}}
	if from.URI == Account {
		m.Direction = archive.Outgoing
	}
	return m
}

// inLog shows changes as the history does: in no capture.
func (f *fixture) inLog(changes ...archive.Change) archive.Observation {
	f.t.Helper()
	o := f.observation(fmt.Sprint("log", f.n))
	o.Source, o.Capture = archive.SourceBackfill, ""
	return f.receiveAs(o, changes...)
}

// inOrder is a conversation as it is read.
func (f *fixture) inOrder(id string) []archive.Message {
	f.t.Helper()
	return must[[]archive.Message](f.t)(f.Messages(f.t.Context(), archive.MessageFilter{Conversation: id}))
}

func summary(messages []archive.Message) (out []string) {
	for _, m := range messages {
		out = append(out, fmt.Sprintf("%s %s %s %d", m.Text, m.Provenance, m.FromURI, len(m.Events)))
	}
	return out
}

func testLogAlone(t *testing.T, f *fixture) {
	f.receive(archive.ConversationChange{Href: conv + "-other", Thread: archive.Thread{ID: "t2"}}) // 12:00
	f.receive(archive.ConversationChange{Href: conv + "-later", Thread: archive.Thread{ID: "t3"}}) // 12:01
	f.inLog(logged(logHref))
	f.inLog(archive.LogPageChange{Href: logPage, Next: logPage + "?2"}, said(bo, "Hi", 10), said(ana, "Hello", 20))
	last := said(bo, "Bye", 30)
	last.Page += "?2"
	f.inLog(archive.LogPageChange{Href: logPage + "?2"}, last, archive.LogNoteChange{Page: logPage, Sort: "audio", From: bo})
	list := must[[]archive.Conversation](t)(f.Conversations(t.Context(), archive.ConversationFilter{}))
	if len(list) != 3 || list[0].Thread != "t3" || list[1].Thread != "t1" || list[2].Thread != "t2" {
		t.Fatalf("conversations stand in the order %+v", list)
	}
	for i := range list[:2] {
		rest := must[[]archive.Conversation](t)(f.Conversations(t.Context(), archive.ConversationFilter{Before: list[i].Last}))
		if diff := cmp.Diff(list[i+1:], rest); diff != "" {
			t.Errorf("after number %d: %s", i, diff)
		}
	}
	v := must[archive.ConversationView](t)(f.Conversation(t.Context(), list[1].ID))
	c := v.Conversation
	if c.State != "Disconnected" || c.Kind != archive.Direct || c.Subject != "Plan" || c.Messages != 3 || c.LastMessage != "Bye" ||
		!c.Started.Equal(noon.Add(10*time.Second)) || c.StartedSource != archive.FromServer || !c.Ended.Equal(noon.Add(30*time.Second)) {
		t.Errorf("conversation: %+v", c)
	}
	if len(v.Participants) != 2 || v.Participants[1].Name != bo.Name || v.Participants[1].JoinedSource != archive.FromOrder || v.Participants[1].LeftSource == "" {
		t.Errorf("participants: %+v", v.Participants)
	}
	want := []string{"Hi log " + bo.URI + " 1", "Hello log " + Account + " 1", "Bye log " + bo.URI + " 1"}
	if diff := cmp.Diff(want, summary(f.inOrder(c.ID))); diff != "" {
		t.Error(diff)
	}
}

// What a page shows that nothing led to belongs to no conversation.
func testLostPage(t *testing.T, f *fixture) {
	f.inLog(archive.LogPageChange{Href: "/elsewhere", Next: "/elsewhere?2"}, archive.LogMessageChange{Page: "/elsewhere", From: bo, Text: &archive.Text{Plain: "Hi"}})
	if m := f.messages(); len(m) != 0 {
		t.Errorf("%+v", m)
	}
}

// An invitation's text, its repetition as a message and its entry in the log
// are one message, in whatever order they come.
func testInvitationInLog(t *testing.T, f *fixture) {
	invite := func() {
		inv := invited("Hi Ana")
		inv.Thread = archive.Thread{ID: "t1"}
		f.receive(inv, joined(ana), joined(bo))
	}
	repeat := func() {
		f.receive(wrote("2", bo, "Hi Ana"))
	}
	read := func() {
		f.inLog(logged(logHref))
		f.inLog(archive.LogPageChange{Href: logPage}, said(bo, "Hi  Ana\r\n", 80))
	}
	type result struct {
		ID, Text, Invitation string
		Source               archive.TimeSource
		Evidence             int
		Provenance           archive.Provenance
	}
	var first *result
	for _, order := range [][]func(){{invite, repeat, read}, {invite, read, repeat}, {read, invite, repeat}} {
		f.clear()
		for _, step := range order {
			step()
		}
		got := f.messages()
		if len(got) != 1 {
			t.Fatalf("%d messages", len(got))
		}
		r := &result{got[0].ID, got[0].Text, f.only().Invitations[0].MessageID, got[0].TimeSource, len(got[0].Evidence), got[0].Provenance}
		if first == nil {
			first = r
		}
		if diff := cmp.Diff(first, r); diff != "" || r.Invitation != r.ID || r.Provenance != archive.ProvenanceBoth || r.Text != "Hi Ana" {
			t.Error(diff, r)
		}
	}
}

// clear begins anew with an empty archive and the same clock.
func (f *fixture) clear() {
	f.t.Helper()
	if err := f.Store.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.dir, f.n, f.log = f.t.TempDir(), 0, nil
	f.Store = f.open(f.t, f.dir)
}

// A conversation is described the same whether the event channel or the
// history showed it first.
func testLogFirst(t *testing.T, f *fixture) {
	type described struct {
		Conversation archive.Conversation
		People       []string
		Messages     []string
	}
	live := func() {
		f.receive(archive.ConversationChange{Href: conv, Thread: archive.Thread{ID: "t1"}, State: "Connected"}, joined(ana), joined(bo))
		f.receive(wrote("1", bo, "Hi"), ended())
	}
	read := func() {
		f.inLog(logged(logHref))
		f.inLog(archive.LogPageChange{Href: logPage}, said(chi, "Early", -100), said(bo, "Hi", 90), said(bo, "Late", 300))
	}
	var all []described
	for _, order := range [][]func(){{live, read}, {read, live}} {
		f.clear()
		f.n = 10 // clocks that differ between the orders tell nothing
		for _, step := range order {
			f.n = 10
			step()
		}
		v := f.only()
		d := described{Conversation: v.Conversation, Messages: summary(f.inOrder(v.Conversation.ID))}
		d.Conversation.First, d.Conversation.Last = 0, 0
		for _, p := range v.Participants {
			d.People = append(d.People, fmt.Sprint(p.URI, p.Name, p.Local, p.Joined, p.JoinedSource, p.Left, p.LeftSource))
		}
		all = append(all, d)
	}
	if diff := cmp.Diff(all[0], all[1]); diff != "" {
		t.Error(diff)
	}
	want := []string{"Early log " + chi.URI + " 1", "Hi both " + bo.URI + " 2", "Late log " + bo.URI + " 1"}
	if diff := cmp.Diff(want, all[0].Messages); diff != "" {
		t.Error(diff)
	}
	if c := all[0].Conversation; c.LastMessage != "Late" || c.State != "Disconnected" || len(all[0].People) != 2 {
		t.Errorf("%+v, %v", c, all[0].People)
	}
}

func testOwnWordsFromLog(t *testing.T, f *fixture) {
	own := wrote("1", ana, "")
	own.Direction = archive.Outgoing
	f.receive(archive.ConversationChange{Href: conv, Thread: archive.Thread{ID: "t1"}}, own) // 12:01:30
	f.inLog(logged(logHref))
	f.inLog(archive.LogPageChange{Href: logPage}, said(ana, "Too early", 70), said(ana, "On my way", 91), said(bo, "Fine", 91))
	id := f.only().Conversation.ID
	want := []string{"Too early log " + Account + " 1", "On my way both " + Account + " 2", "Fine log " + bo.URI + " 1"}
	if diff := cmp.Diff(want, summary(f.inOrder(id))); diff != "" {
		t.Error(diff)
	}
	if m := f.inOrder(id)[1]; !m.TextKnown || m.Evidence[0].Provenance != archive.ProvenanceLive || m.Evidence[1].Provenance != archive.ProvenanceLog {
		t.Errorf("filled from the history: %+v", m)
	}
	own.Text = &archive.Text{Plain: "On my way!"}
	f.receive(own) // fetched after all: live words stand
	f.inLog(archive.LogPageChange{Href: logPage}, said(ana, "Too early", 70), said(ana, "On my way", 91), said(bo, "Fine", 91))
	if got := summary(f.inOrder(id)); len(got) != 3 || got[1] != "On my way! both "+Account+" 4" {
		t.Errorf("after its live text came: %q", got)
	}
}

// Two logs may show one conversation, as when a client and the server both
// saved it: each is matched with each message once.
func testTwoLogs(t *testing.T, f *fixture) {
	const other = "/communication/conversationLogs/2"
	f.inLog(logged(logHref), logged(other))
	entries := func(page string, later int) (out []archive.Change) {
		out = append(out, archive.LogPageChange{Href: page})
		for i, text := range []string{"ok", "ok", "good"} {
			m := said(bo, text, later+i)
			m.Page = page
			out = append(out, m)
		}
		return out
	}
	f.inLog(entries(logPage, 0)...)
	f.inLog(entries(other+"/transcripts", 30)...)
	f.inLog(entries(logPage, 0)...) // read once more
	if got := f.messages(); len(got) != 3 || len(got[0].Events) != 3 || got[2].Text != "good" {
		t.Errorf("%q", summary(got))
	}
	twice := said(bo, "twice", 60)
	again := twice
	again.Copy = 1
	for range 2 {
		f.inLog(archive.LogPageChange{Href: logPage}, twice, again)
	}
	if got := f.messages(); len(got) != 5 || got[3].ID == got[4].ID {
		t.Errorf("the same twice at one moment: %q", summary(got))
	}
}

// A log without a threadId is a conversation of its own, and a message without
// a time stands at the end.
func testSparseLog(t *testing.T, f *fixture) {
	l := logged(logHref)
	l.Thread, l.Created, l.Meeting = archive.Thread{}, archive.Time{}, true
	for range 2 {
		f.inLog(l)
		late := said(bo, "some time", 0)
		late.Time = archive.Time{}
		f.inLog(archive.LogPageChange{Href: logPage}, said(bo, "Hi", 0), late)
	}
	v := f.only()
	if got := summary(f.inOrder(v.Conversation.ID)); len(got) != 2 || got[1] != "some time log "+bo.URI+" 2" || v.Conversation.Kind != archive.Meeting {
		t.Errorf("%q in %+v", got, v.Conversation)
	}
}

// Pages of a conversation that part of is from the history lead through all of
// it, forwards and backwards.
func testMixedKeyset(t *testing.T, f *fixture) {
	f.receive(archive.ConversationChange{Href: conv, Thread: archive.Thread{ID: "t1"}}, wrote("1", bo, "b"))
	later := wrote("2", bo, "e")
	later.Time = archive.At(noon.Add(time.Hour))
	f.receive(later)
	f.inLog(logged(logHref))
	f.inLog(archive.LogPageChange{Href: logPage}, said(bo, "a", -500), said(bo, "c", 600), said(bo, "d", 601), said(bo, "f", 9000))
	id := f.only().Conversation.ID
	all := f.inOrder(id)
	var forwards, backwards string
	page := func(mf archive.MessageFilter) []archive.Message {
		mf.Conversation, mf.Limit = id, 1
		return must[[]archive.Message](t)(f.Messages(t.Context(), mf))
	}
	for got := all[:1]; len(got) > 0; got = page(archive.MessageFilter{After: got[0].Event}) {
		forwards += got[0].Text
	}
	for got := all[5:]; len(got) > 0; got = page(archive.MessageFilter{Before: got[0].Event}) {
		backwards += got[0].Text
	}
	if forwards != "abcdef" || backwards != "fedcba" {
		t.Errorf("forwards %q, backwards %q", forwards, backwards)
	}
}
