package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

func testAppend(t *testing.T, f *fixture) {
	body := "\xef\xbb\xbf{\"a\":\"\xff\x00\"}\r\n"
	o := f.observation(body)
	first, again := f.append(o), f.append(o)
	if !first.New || again.New || first.ID != again.ID {
		t.Fatalf("appended %+v, then %+v", first, again)
	}
	got := must[archive.Observation](t)(f.Observation(t.Context(), first.ID))
	sum := sha256.Sum256([]byte(body))
	o.ID, o.Bytes, o.SHA256 = first.ID, int64(len(body)), hex.EncodeToString(sum[:])
	if diff := cmp.Diff(o, got); diff != "" {
		t.Error(diff)
	}
	o.Body = append(o.Body, ' ') // the same ack with another body is another observation
	if more := f.append(o); !more.New || more.ID == first.ID {
		t.Errorf("another body of the same URL: %+v", more)
	}
	if _, err := f.Observation(t.Context(), 99); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("observation 99: %v", err)
	}
}

func testCursor(t *testing.T, f *fixture) {
	if _, err := f.Cursor(t.Context(), Account); !errors.Is(err, archive.ErrNotFound) {
		t.Fatalf("cursor of an archive that captured nothing: %v", err)
	}
	want := archive.Cursor{Account: Account, Application: "https://pool.contoso.example/a/1", Next: "https://pool.contoso.example/a/1/events?ack=2",
		EndpointID: "e1", Capture: "k1", Updated: archive.At(noon), Polled: archive.At(noon.Add(-time.Minute))}
	for range 2 {
		if _, err := f.AppendObservations(t.Context(), []archive.Observation{f.observation("{}")}, &want); err != nil {
			t.Fatal(err)
		}
		f.reopen()
		if diff := cmp.Diff(want, must[archive.Cursor](t)(f.Cursor(t.Context(), Account))); diff != "" {
			t.Error(diff)
		}
		want.Next += "0"
	}
}

func testFetched(t *testing.T, f *fixture) {
	o := f.observation(`{"rel":"participant"}`)
	o.Source = archive.SourceFetch
	later := o
	later.Received = archive.At(o.Received.Add(time.Second))
	if a, b, c := f.append(o), f.append(later), f.append(o); !a.New || !b.New || c.New || c.ID != a.ID {
		t.Errorf("fetched at two times: %+v, %+v, then the first again: %+v", a, b, c)
	}
}

func testReopen(t *testing.T, f *fixture) {
	var want []string
	for _, body := range []string{"one", "two", "three"} {
		f.append(f.observation(body))
		want = append(want, body)
	}
	f.reopen()
	var got []string
	for after := archive.ObservationID(0); ; {
		page := must[[]archive.Observation](t)(f.ObservationsAfter(t.Context(), after, 2))
		if len(page) == 0 {
			break
		}
		for _, o := range page {
			got = append(got, string(o.Body))
			after = o.ID
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := must[archive.Observation](t)(f.LastObservation(t.Context(), Account)); last.ID != 3 {
		t.Errorf("last observation %s, want o:3", last.ID)
	}
}

func testGaps(t *testing.T, f *fixture) {
	f.append(f.observation("{}"))
	from, to := archive.At(noon.Add(time.Hour)), archive.At(noon.Add(2*time.Hour))
	gap := archive.Gap{Account: Account, Cause: archive.GapUnreachable, From: from}
	id := must[archive.GapID](t)(f.AppendGap(t.Context(), gap))
	if same := must[archive.GapID](t)(f.AppendGap(t.Context(), gap)); same != id {
		t.Errorf("the same gap again is %s, want %s", same, id)
	}
	if open := must[[]archive.Gap](t)(f.OpenGaps(t.Context(), Account)); len(open) != 1 || !open[0].AtRisk {
		t.Errorf("open gaps: %+v", open)
	}
	if err := f.CloseGap(t.Context(), id, to); err != nil {
		t.Fatal(err)
	}
	if err := f.CloseGap(t.Context(), id, archive.At(noon)); err == nil {
		t.Error("a gap was ended twice")
	}
	want := []archive.Gap{{ID: id, Account: Account, Cause: archive.GapUnreachable, From: from, To: to, Seconds: 3600, AtRisk: true, After: 1}}
	if diff := cmp.Diff(want, must[[]archive.Gap](t)(f.Gaps(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
	if err := f.CloseGap(t.Context(), 99, to); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("closing a gap that is not there: %v", err)
	}
}

// A gap that has ended cannot be ended again, and what is said to last longer is
// recorded from there: a process that was killed left off where it did not know.
func testGapThatGoesOn(t *testing.T, f *fixture) {
	at := func(h int) archive.Time { return archive.At(noon.Add(time.Duration(h) * time.Hour)) }
	gap := func(to archive.Time) archive.GapID {
		return must[archive.GapID](t)(f.AppendGap(t.Context(), archive.Gap{Account: Account, Cause: archive.GapStopped, From: at(1), To: to}))
	}
	first := gap(at(2))
	if same := gap(at(2)); same != first {
		t.Errorf("the same gap again is %s, want %s", same, first)
	}
	second := gap(archive.Time{})
	if same := gap(archive.Time{}); same != second || second == first {
		t.Errorf("the gap that goes on is %s and %s, the first %s", second, same, first)
	}
	if err := f.CloseGap(t.Context(), second, at(4)); err != nil {
		t.Fatal(err)
	}
	third := gap(at(5))
	want := []archive.Gap{
		{ID: first, Account: Account, Cause: archive.GapStopped, From: at(1), To: at(2), Seconds: 3600, AtRisk: true},
		{ID: second, Account: Account, Cause: archive.GapStopped, From: at(2), To: at(4), Seconds: 7200, AtRisk: true},
		{ID: third, Account: Account, Cause: archive.GapStopped, From: at(4), To: at(5), Seconds: 3600, AtRisk: true},
	}
	if diff := cmp.Diff(want, must[[]archive.Gap](t)(f.Gaps(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
}

// A gap without length that is told again as longer.
func testGapThatBecomesOne(t *testing.T, f *fixture) {
	from, to := archive.At(noon), archive.At(noon.Add(time.Minute))
	for _, end := range []archive.Time{from, to} {
		must[archive.GapID](t)(f.AppendGap(t.Context(), archive.Gap{Account: Account, Cause: archive.GapResync, From: from, To: end}))
	}
	if gaps := must[[]archive.Gap](t)(f.Gaps(t.Context(), "")); len(gaps) != 2 || gaps[1].To != to {
		t.Errorf("gaps %+v", gaps)
	}
}

func testUncovered(t *testing.T, f *fixture) {
	at := func(h int) archive.Time { return archive.At(noon.Add(time.Duration(h) * time.Hour)) }
	for _, g := range [][2]int{{2, 4}, {1, 3}, {6, 7}} { // 1–4 and 6–7: four hours
		if _, err := f.AppendGap(t.Context(), archive.Gap{Account: Account, Cause: archive.GapStopped, From: at(g[0]), To: at(g[1])}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		after, before archive.Time
		hours         float64
	}{
		{archive.Time{}, archive.Time{}, 4}, {at(2), archive.Time{}, 3}, {archive.Time{}, at(2), 1},
		{at(3), at(6), 1}, {at(4), at(6), 0}, {at(0), at(1), 0}, {at(7), archive.Time{}, 0},
	} {
		got := must[float64](t)(f.UncoveredSeconds(t.Context(), archive.SearchRange{After: tt.after, Before: tt.before}))
		if got != tt.hours*3600 {
			t.Errorf("uncovered from %s to %s: %v s, want %v h", tt.after, tt.before, got, tt.hours)
		}
	}
}
