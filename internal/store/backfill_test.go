package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/store/storetest"
)

// answer is what a resource of the history said at a minute past noon.
func answer(minute int, body string) *archive.Observation {
	return &archive.Observation{Account: storetest.Account, Source: archive.SourceBackfill, Method: "GET", Status: 200,
		URL: "https://pool.contoso.example/log", Received: archive.At(midday.Add(time.Duration(minute) * time.Minute)), Body: []byte(body)}
}

func step(t *testing.T, s *store.Store, h archive.HistoryStep) archive.Appended {
	t.Helper()
	h.Account = storetest.Account
	a, err := s.AppendHistory(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tasks(t *testing.T, s *store.Store) (urls []string, found int64) {
	t.Helper()
	list, found, err := s.HistoryTasks(t.Context(), storetest.Account, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		urls = append(urls, l.URL)
	}
	return urls, found
}

func TestHistorySteps(t *testing.T) {
	dir := t.TempDir()
	s := openWrite(t, dir)
	if h, err := s.History(t.Context(), storetest.Account); err != nil || h.Availability != archive.HistoryUnknown {
		t.Errorf("never asked: %+v, %v", h, err)
	}
	state := archive.History{Availability: archive.HistoryAvailable, Checked: archive.At(midday), Begun: archive.At(midday), Whole: true,
		Trouble: "the server answered 500", TroubleAt: archive.At(midday)}
	list := archive.HistoryStep{Observation: answer(0, "list"), Resource: "/logs", Digest: []byte("list"), Restart: true, State: &state,
		Next: []archive.HistoryTask{{Rel: "conversationLog", URL: "one"}, {Rel: "conversationLog", URL: "two"}}}
	first := step(t, s, list)
	if !first.New || first.ID != 1 {
		t.Fatalf("the list: %+v", first)
	}
	one := archive.HistoryStep{Observation: answer(1, "one"), Resource: "/logs/1", Digest: []byte("one"), Done: "one",
		Next: []archive.HistoryTask{{Rel: "conversationLogTranscripts", URL: "one?page"}, {Rel: "conversationLog", URL: "one"}}}
	for range 2 {
		step(t, s, one)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openWrite(t, dir)
	defer s.Close()
	if got, found := tasks(t, s); !cmp.Equal(got, []string{"one?page", "two"}) || found != 3 {
		t.Errorf("still to read: %q of %d", got, found)
	}
	if h, err := s.History(t.Context(), storetest.Account); err != nil || h != state {
		t.Errorf("the state: %+v, %v", h, err)
	}
	// Read again: the same is not kept twice, something else is, and then the
	// first once more is a third version.
	list.Observation = answer(2, "list")
	if a := step(t, s, list); a.New || a.ID != first.ID {
		t.Errorf("the same list: %+v", a)
	}
	for minute, digest := range map[int]string{3: "longer"} {
		list.Observation, list.Digest = answer(minute, digest), []byte(digest)
		if a := step(t, s, list); !a.New {
			t.Errorf("a changed list: %+v", a)
		}
	}
	list.Observation, list.Digest = answer(4, "list"), []byte("list")
	if a := step(t, s, list); !a.New || a.ID == first.ID {
		t.Errorf("a list as it was at first: %+v", a)
	}
	if got, found := tasks(t, s); len(got) != 2 || found != 2 {
		t.Errorf("begun anew: %q of %d", got, found)
	}
	if err := s.ClearDerived(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h, err := s.History(t.Context(), storetest.Account); err != nil || h != state {
		t.Errorf("after a rebuild: %+v, %v", h, err)
	}
}

// A finished round covers the gaps that had ended when it began, those too of
// which that becomes known only later.
func TestCoveredGaps(t *testing.T) {
	s := openWrite(t, t.TempDir())
	defer s.Close()
	at := func(hour int) archive.Time { return archive.At(midday.Add(time.Duration(hour) * time.Hour)) }
	for _, g := range []archive.Gap{
		{Account: storetest.Account, Cause: archive.GapStopped, From: at(1), To: at(2)},
		{Account: storetest.Account, Cause: archive.GapStopped, From: at(3), To: at(5)},
		{Account: storetest.Account, Cause: archive.GapStopped, From: archive.At(midday.Add(200 * time.Minute))},
		{Account: "sip:chi@fabrikam.example", Cause: archive.GapStopped, From: at(1), To: at(2)},
	} {
		if _, err := s.AppendGap(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		round  int
		covers bool
		want   []bool
	}{
		{9, false, []bool{false, false, false, false}},
		{4, true, []bool{true, false, false, false}},
		{5, true, []bool{true, true, false, false}},
	} {
		state := archive.History{Availability: archive.HistoryAvailable, Round: at(tt.round), Finished: at(9)}
		step(t, s, archive.HistoryStep{Restart: true, State: &state, Covers: tt.covers})
		all, err := s.Gaps(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, g := range all {
			got = append(got, g.Backfilled)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("a round at %d that covers (%v): %s", tt.round, tt.covers, diff)
		}
	}
	open, err := s.OpenGaps(t.Context(), storetest.Account)
	if err != nil || len(open) != 1 {
		t.Fatal(err, open)
	}
	late := archive.Gap{Account: storetest.Account, Cause: archive.GapResync, From: at(4), To: at(5)}
	id, err := s.AppendGap(t.Context(), late)
	if err := errors.Join(err, s.CloseGap(t.Context(), open[0].ID, at(5))); err != nil {
		t.Fatal(err)
	}
	state := archive.History{Availability: archive.HistoryAvailable, Begun: at(8)} // a round that is not finished
	step(t, s, archive.HistoryStep{State: &state})
	later := archive.Gap{Account: storetest.Account, Cause: archive.GapResync, From: at(6), To: at(7)}
	if _, err := s.AppendGap(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	all, err := s.Gaps(t.Context(), storetest.Account)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if want := g.ID == id || g.ID == open[0].ID || g.To.Equal(at(5).Time) || g.To.Equal(at(2).Time); g.Backfilled != want {
			t.Errorf("gap %+v", g)
		}
	}
}

// What went on in another client is covered by a log of that conversation
// which was filed afterwards, and by no round as such.
func TestCoveredElsewhere(t *testing.T) {
	r := &recorder{t: t, s: openWrite(t, t.TempDir())}
	defer r.s.Close()
	r.opens()
	gap := archive.Gap{Account: storetest.Account, Cause: archive.GapElsewhere, From: archive.At(midday), To: archive.At(midday.Add(time.Second)), Conversation: sitting}
	if _, err := r.s.AppendGap(t.Context(), gap); err != nil {
		t.Fatal(err)
	}
	covered := func() bool {
		t.Helper()
		all, err := r.s.Gaps(t.Context(), "")
		if err != nil || len(all) != 1 {
			t.Fatal(err, all)
		}
		return all[0].Backfilled
	}
	state := archive.History{Availability: archive.HistoryAvailable, Round: archive.At(midday.Add(time.Hour))}
	step(t, r.s, archive.HistoryStep{State: &state, Covers: true})
	filed := archive.LogChange{Href: logHref, Transcripts: pages, Thread: archive.Thread{ID: thread}, Created: archive.At(midday.Add(-time.Hour))}
	r.receive(archive.SourceBackfill, filed)
	r.page(0, false, nil)
	if covered() {
		t.Error("covered by a round, or by an older log of the thread")
	}
	filed.Created = archive.At(midday.Add(20 * time.Minute))
	r.receive(archive.SourceBackfill, filed)
	r.page(0, true, nil)
	if covered() {
		t.Error("covered before the log was read to its end")
	}
	r.page(1, false, nil)
	if !covered() {
		t.Error("not covered by its log")
	}
}

func TestHistoryStatus(t *testing.T) {
	r := &recorder{t: t, s: openWrite(t, t.TempDir())}
	defer r.s.Close()
	status := func() archive.Status {
		t.Helper()
		all, err := r.s.Status(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(err, len(all))
		}
		return all[0]
	}
	r.opens()
	if st := status(); st.History != archive.HistoryUnknown || st.Reconciled != nil || st.LastBackfill.Known() {
		t.Errorf("before it was asked for: %+v", st)
	}
	state := archive.History{Availability: archive.HistoryAvailable, Finished: archive.At(midday), Trouble: "no answer"}
	step(t, r.s, archive.HistoryStep{State: &state})
	r.lists()
	r.receive(archive.SourceBackfill, archive.MissedItemsChange{Logs: 2, Missed: 0}, archive.LogChange{Href: "/2", Status: "Missed"})
	st := status()
	want := archive.HistoryCount{ServerLogs: 2, ArchiveLogs: 2, ArchiveMissed: 1}
	if st.History != archive.HistoryAvailable || !st.LastBackfill.Equal(midday) || st.BackfillTrouble != "no answer" || *st.Reconciled != want || st.Reconciled.Short() {
		t.Errorf("after it was read: %+v %+v", st, st.Reconciled)
	}
	r.receive(archive.SourceCapture, archive.MissedItemsChange{Logs: 3, Missed: 1})
	if c := status().Reconciled; !c.Short() || c.ServerLogs != 3 {
		t.Errorf("after the server counted one more: %+v", c)
	}
}

func TestHistoryIsWrittenByTheWriterAlone(t *testing.T) {
	dir := t.TempDir()
	s := openWrite(t, dir)
	defer s.Close()
	reader, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.AppendHistory(t.Context(), archive.HistoryStep{Account: storetest.Account}); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("a reader wrote: %v", err)
	}
}
