package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

func invited(text string) archive.InvitationChange {
	return archive.InvitationChange{Href: "/i/1", Kind: "messaging", Conversation: conv, Direction: archive.Incoming,
		From: bo, To: ana, State: "Connecting", Outcome: archive.Pending, Text: &archive.Text{Plain: text}}
}

func wrote(n string, from archive.Party, text string) archive.MessageChange {
	m := archive.MessageChange{Href: conv + "/messaging/messages/" + n, Conversation: conv, Direction: archive.Incoming,
		From: from, Time: archive.At(noon.Add(90 * time.Second)), Status: "Success"}
	if text != "" {
		m.Text = &archive.Text{Plain: text}
	}
	return m
}

func joined(who archive.Party) archive.ParticipantChange {
	return archive.ParticipantChange{Conversation: conv, Party: who, Local: who.URI == Account}
}

func left(who archive.Party) archive.ParticipantChange {
	return archive.ParticipantChange{Conversation: conv, Party: who, Left: true}
}

func ended() archive.ConversationChange {
	return archive.ConversationChange{Href: conv, Deleted: true}
}

func testFirstText(t *testing.T, f *fixture) {
	f.receive(invited("Hi Ana"), joined(ana), joined(bo))
	before := f.messages()
	accepted := invited("Hi Ana")
	accepted.Completed, accepted.Outcome, accepted.Status = true, archive.Accepted, "Success"
	f.receive(accepted, wrote("2", bo, "Hi Ana"))
	f.receive(wrote("3", bo, "Hi Ana")) // said once more
	got := f.messages()
	if len(got) != 2 {
		t.Fatalf("%d messages, want the first text and its repetition later: %+v", len(got), got)
	}
	first := got[0]
	if first.ID != before[0].ID || first.TimeSource != archive.FromServer || !first.Time.Equal(noon.Add(90*time.Second)) {
		t.Errorf("first text: %+v", first)
	}
	want := []archive.EventID{archive.NewEventID(1, 1), archive.NewEventID(2, 1), archive.NewEventID(2, 2)}
	if diff := cmp.Diff(want, first.Events); diff != "" {
		t.Error(diff)
	}
	inv := f.only().Invitations[0]
	if inv.Outcome != archive.Accepted || inv.MessageID != first.ID || inv.Message != "Hi Ana" || inv.FromName != bo.Name {
		t.Errorf("invitation: %+v", inv)
	}
}

func testConversationGaps(t *testing.T, f *fixture) {
	gap := func(hours int) archive.GapID {
		from := noon.Add(time.Duration(hours) * time.Hour)
		return must[archive.GapID](t)(f.AppendGap(t.Context(), archive.Gap{Account: Account, Cause: archive.GapStopped,
			From: archive.At(from), To: archive.At(from.Add(time.Minute))}))
	}
	expect := func(when string, want ...archive.GapID) {
		t.Helper()
		v := f.only()
		var got []archive.GapID
		for _, g := range v.Gaps {
			got = append(got, g.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" || v.Conversation.Gaps != int64(len(want)) {
			t.Errorf("%s: %d gaps: %s", when, v.Conversation.Gaps, diff)
		}
	}
	f.append(f.observation("before"))
	gap(1)
	f.receive(joined(ana), joined(bo))
	expect("before anything was missed")
	inside := gap(2)
	expect("while it goes on", inside)
	f.receive(wrote("1", bo, "Hi"))
	next := gap(3)
	gap(4)
	expect("with its end not seen", inside, next)
	f.receive(ended())
	gap(5)
	expect("after its end", inside, next, next+1)
}

func testTextUnknown(t *testing.T, f *fixture) {
	own := wrote("1", ana, "")
	own.Direction = archive.Outgoing
	f.receive(own)
	if m := f.messages()[0]; m.TextKnown || m.Text != "" || m.Format != "" || m.FromURI != Account {
		t.Errorf("a message that came without text: %+v", m)
	}
	own.Text = &archive.Text{Plain: "On my way", HTML: "<b>On my way</b>"}
	f.receive(own)
	own.Text = nil
	f.receive(own)
	if m := f.messages()[0]; !m.TextKnown || m.Text != "On my way" || m.Format != "html" || len(m.Events) != 3 {
		t.Errorf("after its text came: %+v", m)
	}
}

func testReopenedConversation(t *testing.T, f *fixture) {
	thread := archive.Thread{ID: "t1"}
	f.receive(archive.ConversationChange{Href: conv, Thread: thread, Subject: "Budget"}, joined(ana), joined(bo))
	f.receive(ended())
	if v := f.only().Conversation; v.EndedSource != archive.FromReceipt || v.State != "Disconnected" {
		t.Fatalf("after its end: %+v", v)
	}
	f.receive(archive.ConversationChange{Href: conv + "-again", Thread: thread, State: "Connected"})
	v := f.only().Conversation
	if v.EndedSource != "" || v.Ended.Known() || v.State != "Connected" || v.Subject != "Budget" || v.First != archive.NewEventID(1, 1) {
		t.Errorf("after it came back: %+v", v)
	}
}

func testParticipants(t *testing.T, f *fixture) {
	f.receive(joined(ana), joined(bo)) // 12:00
	f.receive(left(bo))                // 12:01
	f.receive(joined(bo))              // 12:02
	f.receive(ended())                 // 12:03
	got := f.only().Participants
	type stay struct {
		who        string
		from, to   time.Duration
		local, out bool
	}
	var stays []stay
	for _, p := range got {
		stays = append(stays, stay{p.Name, p.Joined.Sub(noon), p.Left.Sub(noon), p.Local, p.LeftSource == archive.FromReceipt})
	}
	want := []stay{{"Ana Ruiz", 0, 3 * time.Minute, true, true}, {"Bo Lind", 0, time.Minute, false, true}, {"Bo Lind", 2 * time.Minute, 3 * time.Minute, false, true}}
	if diff := cmp.Diff(want, stays, cmp.AllowUnexported(stay{})); diff != "" {
		t.Error(diff)
	}
}

// What an application left open died with it, nobody knows when.
func testOutlived(t *testing.T, f *fixture) {
	f.receive(archive.ConversationChange{Href: conv, State: "Connected"}, joined(ana), joined(bo))
	if _, err := f.AppendGap(t.Context(), archive.Gap{Account: Account, Cause: archive.GapApplicationGone, From: archive.At(noon)}); err != nil {
		t.Fatal(err)
	}
	o := f.observation("{}")
	o.Capture = "k2"
	f.receiveAs(o)
	v := f.only()
	if c := v.Conversation; c.EndedSource != archive.FromOrder || c.Ended.Known() || c.State != "Connected" || c.Gaps != 1 {
		t.Errorf("after another application began: %+v", c)
	}
	for _, p := range v.Participants {
		if p.LeftEvent == 0 || p.Left.Known() || p.LeftSource != archive.FromOrder {
			t.Errorf("%s: %+v", p.Name, p)
		}
	}
}

func testTitles(t *testing.T, f *fixture) {
	for _, step := range []struct {
		change archive.Change
		want   string
	}{
		{archive.InvitationChange{Href: "/i/1", Conversation: conv, Direction: archive.Outgoing, From: ana, To: chi, Kind: "messaging"}, "千尋"},
		{joined(ana), "千尋"},
		{joined(bo), "Bo Lind"},
		{joined(chi), "Bo Lind, 千尋"},
		{archive.ConversationChange{Href: conv, Subject: "Plan"}, "Plan"},
	} {
		f.receive(step.change)
		if got := f.only().Conversation.Title; got != step.want {
			t.Errorf("after %+v the title is %q, want %q", step.change, got, step.want)
		}
	}
}

func testLeavingTwice(t *testing.T, f *fixture) {
	f.receive(left(bo), left(bo), ended(), left(bo))
	got := f.only().Participants
	if len(got) != 1 || got[0].Joined.Known() || got[0].JoinedSource != archive.FromOrder || got[0].LeftEvent != archive.NewEventID(1, 1) {
		t.Errorf("who left without having come: %+v", got)
	}
}

// What is fetched arrives when it may: it describes, and brings nobody back.
func testDescribed(t *testing.T, f *fixture) {
	described := joined(bo)
	described.Describes, described.SourceNetwork = true, "Federated"
	f.receive(archive.ConversationChange{Href: conv, State: "Connected"}, joined(bo))
	f.receive(left(bo), ended())
	f.receive(described, archive.ConversationChange{Href: conv, State: "Connected", Subject: "Plan"})
	v := f.only()
	if p := v.Participants; len(p) != 1 || p[0].SourceNetwork != "Federated" || p[0].LeftEvent == 0 {
		t.Errorf("participants: %+v", p)
	}
	if c := v.Conversation; c.State != "Disconnected" || c.Subject != "Plan" || c.EndedSource == "" {
		t.Errorf("conversation: %+v", c)
	}
}

func testGroup(t *testing.T, f *fixture) {
	f.receive(joined(ana), joined(bo), joined(bo))
	if k := f.only().Conversation.Kind; k != archive.Direct {
		t.Errorf("two people: %s", k)
	}
	f.receive(joined(chi))
	if k := f.only().Conversation.Kind; k != archive.Group {
		t.Errorf("three people: %s", k)
	}
}

func testThreadTime(t *testing.T, f *fixture) {
	began := archive.At(noon.AddDate(-8, 0, 0))
	o := f.observation("{}")
	o.Source, o.Received, o.Requested, o.Date = archive.SourceImport, archive.Time{}, archive.Time{}, archive.Time{}
	inv := invited("Hi")
	inv.Thread = archive.Thread{ID: "t1", Began: began}
	f.receiveAs(o, inv, joined(bo))
	v := f.only()
	if c := v.Conversation; c.Started != began || c.StartedSource != archive.FromThread {
		t.Errorf("started %s from %q", c.Started, c.StartedSource)
	}
	if m := f.messages()[0]; m.Time.Known() || m.TimeSource != archive.FromOrder {
		t.Errorf("message at %s from %q", m.Time, m.TimeSource)
	}
	if p := v.Participants[0]; p.Joined.Known() || p.JoinedSource != archive.FromOrder {
		t.Errorf("joined %s from %q", p.Joined, p.JoinedSource)
	}
}

// story is a history with a bit of everything.
func story(f *fixture) {
	f.receive(archive.ConversationChange{Href: conv, Thread: archive.Thread{ID: "t1"}, Subject: "Plan"}, joined(ana), invited("Hi"))
	f.receive(joined(bo), joined(chi), wrote("1", bo, "Hi"), wrote("2", chi, "こんにちは"))
	f.receive(left(chi), wrote("3", bo, "Bye"), ended())
	f.receive(archive.ConversationChange{Href: conv + "-2", Thread: archive.Thread{ID: "t1"}},
		archive.MessageChange{Href: "/m/9", Conversation: conv + "-2", From: ana, Direction: archive.Outgoing})
	f.inLog(logged(logHref), archive.MissedItemsChange{Logs: 1, Missed: 1})
	f.inLog(archive.LogPageChange{Href: logPage}, said(bo, "Hi", 85), said(ana, "Well", 86), said(chi, "まだ", 4000))
}

func testApplyTwice(t *testing.T, f *fixture) {
	story(f)
	want := f.dump()
	if err := f.Apply(t.Context(), f.log[1:2]); err != nil { // a replayed batch
		t.Fatal(err)
	}
	if err := f.Apply(t.Context(), f.log[3:]); err != nil {
		t.Fatal(err)
	}
	got := f.dump()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testRebuild(t *testing.T, f *fixture) {
	story(f)
	want := f.dump()
	if err := f.ClearDerived(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := must[archive.Watermarks](t)(f.Watermarks(t.Context())); m.Decoded != 0 || m.Stored == 0 || len(f.messages()) > 0 {
		t.Fatalf("after clearing: %+v and %d messages", m, len(f.messages()))
	}
	if err := f.Apply(t.Context(), f.log); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, f.dump()); diff != "" {
		t.Error(diff)
	}
}

func testKeyset(t *testing.T, f *fixture) {
	for i := range 5 {
		f.receive(wrote(string(rune('a'+i)), bo, string(rune('a'+i))))
	}
	all := f.messages()
	id := all[0].Conversation
	read := func(mf archive.MessageFilter) (s string) {
		mf.Conversation = id
		for _, m := range must[[]archive.Message](t)(f.Messages(t.Context(), mf)) {
			s += m.Text
		}
		return s
	}
	for _, tt := range []struct {
		filter archive.MessageFilter
		want   string
	}{
		{archive.MessageFilter{Limit: 2}, "ab"},
		{archive.MessageFilter{After: all[1].Event, Limit: 2}, "cd"},
		{archive.MessageFilter{After: all[4].Event}, ""},
		{archive.MessageFilter{Before: all[4].Event, Limit: 2}, "cd"},
		{archive.MessageFilter{Before: all[0].Event}, ""},
		{archive.MessageFilter{After: all[0].Event, Before: all[4].Event, Limit: 9}, "bcd"},
	} {
		if got := read(tt.filter); got != tt.want {
			t.Errorf("messages %+v: %q, want %q", tt.filter, got, tt.want)
		}
	}
}

func testNames(t *testing.T, f *fixture) {
	renamed := bo
	renamed.Name = "Bo Lindström"
	f.receive(joined(ana), joined(bo), archive.ConversationChange{Href: conv, Subject: "Café 100%"})
	f.receive(joined(renamed))
	var names []string
	for _, p := range must[[]archive.Person](t)(f.People(t.Context())) {
		if p.URI == bo.URI {
			names = p.Names
		}
	}
	if diff := cmp.Diff([]string{"Bo Lindström", "Bo Lind"}, names); diff != "" {
		t.Error(diff)
	}
	boID, anaID := archive.PersonID(bo.URI), archive.PersonID(Account)
	for text, want := range map[string][]string{"lindstrom": {boID}, "BO@contoso": {boID}, boID: {boID}, "me": {anaID}, "contoso": {anaID, boID}, "nobody": nil} {
		if diff := cmp.Diff(want, must[[]string](t)(f.FindPeople(t.Context(), text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	id := f.only().Conversation.ID
	for text, want := range map[string][]string{"cafe 100%": {id}, id: {id}, "lind": {id}, "100_": nil} {
		if diff := cmp.Diff(want, must[[]string](t)(f.FindConversations(t.Context(), text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func testChanged(t *testing.T, f *fixture) {
	f.receive(invited("Hi"))
	f.receive(wrote("2", chi, "a"), wrote("3", chi, "b"))
	f.receive(wrote("1", bo, "Hi")) // shows the invitation's text again
	read := func(after archive.ObservationID, limit int) (s string, last archive.ObservationID) {
		for _, m := range must[[]archive.Indexable](t)(f.MessagesChangedAfter(t.Context(), after, limit)) {
			s += m.Text + " "
			last = m.Changed
		}
		return s, last
	}
	for _, tt := range []struct {
		after archive.ObservationID
		limit int
		want  string
		last  archive.ObservationID
	}{{0, 100, "a b Hi ", 3}, {0, 1, "a b ", 2}, {2, 1, "Hi ", 3}, {3, 100, "", 0}} {
		if got, last := read(tt.after, tt.limit); got != tt.want || last != tt.last {
			t.Errorf("changed after %s, %d at most: %q up to %s, want %q up to %s", tt.after, tt.limit, got, last, tt.want, tt.last)
		}
	}
}
