package index_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"

	"archiver/internal/archive"
	"archiver/internal/index"
)

// benchMessages is how many messages the benchmarks search among.
const benchMessages = 20_000

// library is a source of many messages that answers as fast as a store.
type library struct {
	*source
	docs []archive.Indexable // by change, which is also by event
}

// newLibrary makes messages of words that are as rare as words are: word n of
// 20,000 comes about 1/n as often as the first.
func newLibrary(n int) *library {
	rng := rand.New(rand.NewPCG(9, 10))
	words := rand.NewZipf(rng, 1.1, 4, 20_000)
	l := &library{source: newSource()}
	for i := range n {
		var text strings.Builder
		for range 1 + rng.IntN(25) {
			fmt.Fprintf(&text, "%s ", benchWord(words.Uint64()))
		}
		l.write(fmt.Sprintf("person%d", rng.IntN(300)), fmt.Sprintf("room%d", rng.IntN(900)), text.String())
		m := l.messages[i]
		l.docs = append(l.docs, archive.Indexable{Document: document(m), Text: m.Text, Changed: l.decoded})
	}
	return l
}

// benchWord is an invented word.
func benchWord(n uint64) string {
	const letters = "bacedifoguhajekilomunaperisotu"
	var b strings.Builder
	for n += 31; n > 0; n /= 15 {
		b.WriteString(letters[2*(n%15) : 2*(n%15)+2])
	}
	return b.String()
}

func (l *library) MessagesChangedAfter(_ context.Context, after archive.ObservationID, limit int) ([]archive.Indexable, error) {
	i := sort.Search(len(l.docs), func(i int) bool { return l.docs[i].Changed > after })
	return slices.Clone(l.docs[i:min(i+limit, len(l.docs))]), nil
}

func (l *library) MessagesByEvent(_ context.Context, ids []archive.EventID) (out []archive.Message, err error) {
	for _, id := range ids {
		i, found := slices.BinarySearchFunc(l.messages, id, func(m archive.Message, id archive.EventID) int { return cmp.Compare(m.Event, id) })
		if found {
			out = append(out, l.messages[i])
		}
	}
	return out, nil
}

// indexDefault indexes as Bleve does when nothing is said: a struct a document,
// 1,000 a batch.
func indexDefault(b *testing.B, l *library) bleve.Index {
	b.Helper()
	x, err := bleve.New(filepath.Join(b.TempDir(), "bleve"), bleve.NewIndexMapping())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = x.Close() })
	for messages := range slices.Chunk(l.messages, 1000) {
		batch := x.NewBatch()
		for _, m := range messages {
			doc := struct {
				Text, From, Conversation string
				Time                     time.Time
			}{m.Text, m.From, m.Conversation, m.Time.Time}
			if err := batch.Index(m.ID, doc); err != nil {
				b.Fatal(err)
			}
		}
		if err := x.Batch(batch); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

// BenchmarkIndexing indexes generated messages, merged to one segment, beside
// Bleve's defaults, which are not merged. Goal: 5 times as many a second.
func BenchmarkIndexing(b *testing.B) {
	l := newLibrary(benchMessages)
	var ours, theirs []time.Duration
	for b.Loop() {
		for range 3 {
			start := time.Now()
			x, err := index.Open(b.Context(), b.TempDir(), l, index.Options{})
			if err != nil {
				b.Fatal(err)
			}
			ours = append(ours, time.Since(start))
			if err := x.Close(); err != nil {
				b.Fatal(err)
			}
			start = time.Now()
			indexDefault(b, l)
			theirs = append(theirs, time.Since(start))
		}
	}
	b.ReportMetric(benchMessages/median(ours).Seconds(), "docs/s")
	b.ReportMetric(median(theirs).Seconds()/median(ours).Seconds(), "×bleve")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkSearch finds the 20 newest messages and the exact total, the store's
// part included, beside Bleve's defaults sorting by time. Goal: 0.02 of the time
// for words that are not rare, at a million messages.
func BenchmarkSearch(b *testing.B) {
	l := newLibrary(benchMessages)
	x, err := index.Open(b.Context(), b.TempDir(), l, index.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	peer := indexDefault(b, l)
	common, mid, rare := benchWord(0), benchWord(60), benchWord(9000)
	for _, bb := range []struct{ name, query, theirs string }{
		{"rare", rare, "+Text:" + rare},
		{"mid", mid, "+Text:" + mid},
		{"common", common, "+Text:" + common},
		{"two", common + " " + mid, "+Text:" + common + " +Text:" + mid},
		{"phrase", fmt.Sprintf("%q", common+" "+benchWord(1)), fmt.Sprintf("+Text:%q", common+" "+benchWord(1))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var ours, theirs []time.Duration
			for b.Loop() {
				for range 100 {
					start := time.Now()
					r, err := x.Search(b.Context(), archive.SearchRequest{Query: bb.query, Limit: 20})
					ours = append(ours, time.Since(start))
					if err != nil {
						b.Fatal(err)
					}
					request := bleve.NewSearchRequestOptions(bleve.NewQueryStringQuery(bb.theirs), 20, 0, false)
					request.SortBy([]string{"-Time"})
					start = time.Now()
					peers, err := peer.Search(request)
					theirs = append(theirs, time.Since(start))
					if err != nil || int64(peers.Total) != r.Total {
						b.Fatalf("Bleve finds %d, we %d, %v", peers.Total, r.Total, err)
					}
					b.ReportMetric(float64(r.Total), "hits")
				}
			}
			b.ReportMetric(float64(median(ours).Nanoseconds())/1000, "µs-p50")
			b.ReportMetric(float64(median(ours))/float64(median(theirs)), "×bleve")
		})
	}
}
