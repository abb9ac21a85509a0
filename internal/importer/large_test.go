package importer_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
	"archiver/internal/check"
	"archiver/internal/importer"
)

// corpus is JSON Lines of a generated history, in a single line each.
func corpus(t testing.TB, messages int) []byte {
	t.Helper()
	var out []byte
	for body := range (check.Corpus{Seed: 1, Messages: messages}).Bodies() {
		line := jsontext.Value(body)
		if err := line.Compact(); err != nil {
			t.Fatal(err)
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

// sink is a log that keeps nothing and watches memory.
type sink struct{ peak uint64 }

func (s *sink) EnsureAccount(context.Context, string, string) error { return nil }

func (s *sink) AppendGap(context.Context, archive.Gap) (archive.GapID, error) { return 1, nil }

func (s *sink) AppendObservations(_ context.Context, obs []archive.Observation, _ *archive.Cursor) ([]archive.Appended, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.peak = max(s.peak, m.HeapAlloc)
	return make([]archive.Appended, len(obs)), nil
}

// repeated reads the same bytes n times over.
type repeated struct {
	b    []byte
	n    int
	next int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[r.next:])
	if r.next += n; r.next == len(r.b) {
		r.n, r.next = r.n-1, 0
	}
	return n, nil
}

// A file that is much larger than what an import may hold is read in little
// memory.
func TestMemoryStaysFlat(t *testing.T) {
	const times, allowed = 40, 40 << 20
	lines := corpus(t, 1000)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	log := &sink{}
	report, err := importer.Read(t.Context(), "-", log, importer.Options{Stdin: &repeated{b: lines, n: times}})
	if err != nil || report.Observations < 1000*times {
		t.Fatalf("%d observations, %v", report.Observations, err)
	}
	if used := int64(log.peak) - int64(before.HeapAlloc); used > allowed {
		t.Errorf("%d MiB were read with %d MiB of memory", len(lines)*times>>20, used>>20)
	}
}

// BenchmarkRead measures the reading of JSON Lines, but for the store, against
// a bare validation of the same bytes in memory. Reading goes through them
// twice and looks into each body.
func BenchmarkRead(b *testing.B) {
	lines := corpus(b, 20_000)
	path := filepath.Join(b.TempDir(), "corpus.jsonl")
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		b.Fatal(err)
	}
	const rounds = 5
	var ours, valid []time.Duration
	for b.Loop() {
		for range rounds {
			start := time.Now()
			if _, err := importer.Read(b.Context(), path, &sink{}, importer.Options{}); err != nil {
				b.Fatal(err)
			}
			ours = append(ours, time.Since(start))
			start = time.Now()
			validate(b, lines)
			valid = append(valid, time.Since(start))
		}
	}
	slices.Sort(ours)
	slices.Sort(valid)
	median, floor := ours[len(ours)/2], valid[len(valid)/2]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(lines))/median.Seconds()/1e6, "MB/s")
	b.ReportMetric(float64(median)/float64(floor), "×validation")
}

func validate(b *testing.B, lines []byte) {
	b.Helper()
	for line := range bytes.Lines(lines) {
		if !jsontext.Value(line).IsValid() {
			b.Fatal("a line is not valid")
		}
	}
}
