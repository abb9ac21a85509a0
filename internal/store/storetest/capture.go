package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

func (f *fixture) fetches() []archive.Fetch {
	f.t.Helper()
	return must[[]archive.Fetch](f.t)(f.Fetches(f.t.Context(), Account, 10))
}

// What an observation wants is on the list when the observation is in the log,
// once, and leaves it with the observation that answers it.
func testFetches(t *testing.T, f *fixture) {
	o := f.observation("links")
	o.Wants = []archive.Link{{Rel: "participant", Href: "/p/1"}, {Rel: "message", Href: "/m/1"}, {Rel: "message", Href: "/m/2"}}
	f.append(o)
	f.append(o) // the server sends it again
	f.reopen()
	want := make([]archive.Fetch, 3)
	for i, l := range o.Wants {
		want[i] = archive.Fetch{ID: archive.FetchID(i + 1), Account: Account, Capture: "k1", Rel: l.Rel, Href: l.Href, After: 1}
	}
	if diff := cmp.Diff(want, f.fetches()); diff != "" {
		t.Fatal(diff)
	}
	answer := f.observation("participant")
	answer.Source, answer.Answers = archive.SourceFetch, 1
	f.append(answer)
	if err := f.NoteFetch(t.Context(), 2, archive.FetchAgain); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	want[1].Attempts = 1 // and waits behind what was not tried yet
	if diff := cmp.Diff([]archive.Fetch{want[2], want[1]}, f.fetches()); diff != "" {
		t.Error(diff)
	}
	for id, outcome := range map[archive.FetchID]archive.FetchOutcome{2: archive.FetchGone, 3: archive.FetchApplicationGone, 1: archive.FetchGone} {
		if err := f.NoteFetch(t.Context(), id, outcome); err != nil {
			t.Fatal(err)
		}
	}
	missed := must[map[archive.FetchOutcome]int64](t)(f.MissedFetches(t.Context(), ""))
	if diff := cmp.Diff(map[archive.FetchOutcome]int64{archive.FetchGone: 1, archive.FetchApplicationGone: 1}, missed); diff != "" || len(f.fetches()) > 0 {
		t.Errorf("still listed %+v: %s", f.fetches(), diff)
	}
}

func testPolicy(t *testing.T, f *fixture) {
	told := archive.Policy{Account: Account, Name: archive.SaveMessagingHistory, Value: "Disabled", Seen: archive.At(noon)}
	see := func(p archive.Policy) archive.Policy { return must[archive.Policy](t)(f.SeePolicy(t.Context(), p)) }
	if err := f.AcknowledgePolicy(t.Context(), Account, told.Name, told.Seen); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("acknowledged what was never seen: %v", err)
	}
	if diff := cmp.Diff(told, see(told)); diff != "" {
		t.Error(diff)
	}
	for range 2 { // the first time counts
		if err := f.AcknowledgePolicy(t.Context(), Account, told.Name, archive.At(told.Seen.AddDate(0, 0, f.n))); err != nil {
			t.Fatal(err)
		}
		f.n++
	}
	again := told
	again.Seen = archive.At(noon.AddDate(0, 1, 0))
	f.reopen()
	told.Acknowledged = told.Seen
	if diff := cmp.Diff(told, see(again)); diff != "" {
		t.Error(diff)
	}
	again.Value = "None"
	if diff := cmp.Diff(again, see(again)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]archive.Policy{again}, must[[]archive.Policy](t)(f.Policies(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
}

// A gap that concerns one conversation is no time without capture, is that
// conversation's alone, and may begin together with another's.
func testElsewhere(t *testing.T, f *fixture) {
	f.receive(archive.ConversationChange{Href: conv, State: "Connected"}, archive.ConversationChange{Href: conv + "2", State: "Connected"})
	for _, href := range []string{conv, conv + "9"} {
		g := archive.Gap{Account: Account, Cause: archive.GapElsewhere, From: archive.At(noon), Conversation: href}
		id := must[archive.GapID](t)(f.AppendGap(t.Context(), g))
		if same := must[archive.GapID](t)(f.AppendGap(t.Context(), g)); same != id {
			t.Errorf("the same gap again is %s, want %s", same, id)
		}
		if err := f.CloseGap(t.Context(), id, archive.At(noon.Add(1))); err != nil {
			t.Fatal(err)
		}
	}
	clock := archive.Gap{Account: Account, Cause: archive.GapClock, From: archive.At(noon), To: archive.At(noon.AddDate(0, 0, 1))}
	must[archive.GapID](t)(f.AppendGap(t.Context(), clock))
	all := must[[]archive.Gap](t)(f.Gaps(t.Context(), ""))
	if len(all) != 3 || !all[0].AtRisk || all[2].AtRisk {
		t.Errorf("gaps %+v", all)
	}
	if s := must[float64](t)(f.UncoveredSeconds(t.Context(), archive.SearchRange{})); s != 0 {
		t.Errorf("%v s uncovered, want none", s)
	}
	shown := make(map[string][]string)
	for _, c := range must[[]archive.Conversation](t)(f.Conversations(t.Context(), archive.ConversationFilter{})) {
		for _, g := range must[archive.ConversationView](t)(f.Conversation(t.Context(), c.ID)).Gaps {
			if g.Conversation != "" {
				shown[c.ID] = append(shown[c.ID], g.Conversation)
			}
		}
	}
	if diff := cmp.Diff(map[string][]string{archive.ConversationID(Account, "", conv): {conv}}, shown); diff != "" {
		t.Error(diff)
	}
}
