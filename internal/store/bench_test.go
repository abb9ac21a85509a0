package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/store/storetest"
)

// The benchmarks run their contestants in turn, round by round, and report the
// medians' ratios: a figure of one machine at one time says nothing.
const (
	rounds         = 9
	commitsARound  = 100
	responseBytes  = 2333 // the mean size of an event's response in the generated corpus
	fdatasyncBytes = 20 << 10
)

// contestant does one unit of work. n counts the units of all rounds.
type contestant struct {
	name string
	work func(n int) error
}

// medians runs the contestants in turn and returns the median time of a unit
// for each.
func medians(b *testing.B, units int, contestants []contestant) map[string]time.Duration {
	b.Helper()
	times := make(map[string][]time.Duration)
	for round := range rounds {
		for _, c := range contestants {
			for i := range units {
				start := time.Now()
				if err := c.work(round*units + i); err != nil {
					b.Fatal(c.name, err)
				}
				times[c.name] = append(times[c.name], time.Since(start))
			}
		}
	}
	out := make(map[string]time.Duration)
	for name, all := range times {
		slices.Sort(all)
		out[name] = all[len(all)/2]
	}
	return out
}

// BenchmarkDurableCommit measures one response committed durably against the
// disk's fdatasync of 20 KiB and, with -tags peers, against the same insert
// through C SQLite. Goal: at most 1.6 times fdatasync; at least 0.9 of C's rate.
func BenchmarkDurableCommit(b *testing.B) {
	for b.Loop() {
		s := openWrite(b, b.TempDir())
		contestants := append(commitPeers(b),
			contestant{"archiver", func(n int) error {
				o := response(n)
				cursor := archive.Cursor{Account: o.Account, Next: o.URL, Updated: o.Received}
				_, err := s.AppendObservations(b.Context(), []archive.Observation{o}, &cursor)
				return err
			}},
			contestant{"fdatasync", fdatasync(b)})
		m := medians(b, commitsARound, contestants)
		report(b, m, "fdatasync", "C")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// report prints how many times a peer's time ours is.
func report(b *testing.B, m map[string]time.Duration, peers ...string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(m["archiver"].Microseconds()), "µs")
	for _, peer := range peers {
		if m[peer] > 0 {
			b.ReportMetric(float64(m["archiver"])/float64(m[peer]), "×"+peer)
		}
	}
}

// response is a response of the event channel of ordinary size.
func response(n int) archive.Observation {
	at := archive.At(time.Unix(1_700_000_000+int64(n), 0))
	return archive.Observation{
		Account: storetest.Account, Source: archive.SourceCapture, Method: "GET", Status: 200, Capture: "k1",
		URL:         fmt.Sprintf("https://pool.contoso.example/ucwa/v1/applications/1/events?ack=%d", n),
		ContentType: "application/json", Requested: at, Received: at, Date: at,
		Body: append(fmt.Appendf(nil, "%08d", n), bytes.Repeat([]byte("x"), responseBytes-8)...),
	}
}

// fdatasync is the floor: 20 KiB appended to a file and synced.
func fdatasync(b *testing.B) func(int) error {
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	block := bytes.Repeat([]byte("x"), fdatasyncBytes)
	return func(int) error {
		if _, err := f.Write(block); err != nil {
			return err
		}
		return syncData(f)
	}
}

// BenchmarkBulk measures responses stored in batches, as an import does, against
// the same rows inserted through C SQLite by one prepared statement (-tags
// peers). Goal: at most 1.0 of its time.
func BenchmarkBulk(b *testing.B) {
	const batch, batches = 500, 8
	for b.Loop() {
		s := openWrite(b, b.TempDir())
		contestants := append(bulkPeers(b, batch), contestant{"archiver", func(n int) error {
			obs := make([]archive.Observation, batch)
			for i := range obs {
				obs[i] = response(n*batch + i)
			}
			_, err := s.AppendObservations(b.Context(), obs, nil)
			return err
		}})
		report(b, medians(b, batches, contestants), "C")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWindow measures 100 messages read from the middle of a room of
// 20,000 against the same rows read through C SQLite (-tags peers). Goal: at
// most 1.0 of its time.
func BenchmarkWindow(b *testing.B) {
	const messages, page = 20_000, 100
	for b.Loop() {
		dir := b.TempDir()
		s := openWrite(b, dir)
		id := fillRoom(b, s, messages)
		contestants := append(windowPeers(b, dir, page), contestant{"archiver", func(n int) error {
			after := archive.NewEventID(archive.ObservationID(1+n*997%(messages-page)), 1)
			got, err := s.Messages(b.Context(), archive.MessageFilter{Conversation: id, After: after, Limit: page})
			if err == nil && len(got) != page {
				err = fmt.Errorf("%d messages, want %d", len(got), page)
			}
			return err
		}})
		report(b, medians(b, commitsARound, contestants), "C")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// fillRoom makes one conversation of many messages and returns its id.
func fillRoom(b *testing.B, s *store.Store, messages int) string {
	b.Helper()
	const room = "/ucwa/v1/applications/1/communication/conversations/room"
	var obs []archive.Observation
	var batches []archive.Batch
	for n := range messages {
		o := response(n)
		o.ID = archive.ObservationID(n + 1)
		obs = append(obs, o)
		batches = append(batches, archive.Batch{Observation: o, Events: []archive.Decoded{{
			Event: archive.Event{ID: archive.NewEventID(o.ID, 1), Kind: "message", Decoded: true},
			Changes: []archive.Change{archive.MessageChange{
				Href: fmt.Sprintf("%s/messages/%d", room, n), Conversation: room, Direction: archive.Incoming,
				From: archive.Party{URI: fmt.Sprintf("sip:p%d@contoso.example", n%50), Name: fmt.Sprintf("Person %d", n%50)},
				Time: o.Received, Text: &archive.Text{Plain: "The quick brown fox jumps over the lazy dog, again and again and again."},
			}},
		}}})
	}
	if _, err := s.AppendObservations(b.Context(), obs, nil); err != nil {
		b.Fatal(err)
	}
	if err := s.Apply(b.Context(), batches); err != nil {
		b.Fatal(err)
	}
	all, err := s.Conversations(b.Context(), archive.ConversationFilter{})
	if err != nil || len(all) != 1 {
		b.Fatal(len(all), err)
	}
	return all[0].ID
}
