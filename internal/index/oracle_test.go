package index_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/index"
)

// vocabulary is what generated messages are made of.
func vocabulary() []string { return strings.Fields("ant bee cat dog elk fox gnu hen ibis jay") }

// generate adds messages of random words, some without a time.
func (s *source) generate(rng *rand.Rand, n int) {
	words := vocabulary()
	for range n {
		var text []string
		for range 1 + rng.IntN(8) {
			text = append(text, words[rng.IntN(len(words))])
		}
		s.write([]string{"bo", "chi", "dee"}[rng.IntN(3)], []string{"plan", "bugs"}[rng.IntN(2)], strings.Join(text, " "))
		if rng.IntN(20) == 0 {
			s.messages[len(s.messages)-1].Time = archive.Time{}
		}
	}
}

// criterion is one clause with what it means.
type criterion struct {
	text  string
	holds func(archive.Message) bool
}

// anyCriterion makes a random clause.
func anyCriterion(rng *rand.Rand, n int) criterion {
	words := vocabulary()
	a, b := words[rng.IntN(len(words))], words[rng.IntN(len(words))]
	has := func(part string) func(archive.Message) bool {
		return func(m archive.Message) bool { return strings.Contains(" "+m.Text+" ", " "+part+" ") }
	}
	at := base.Add(time.Duration(rng.IntN(n)) * time.Hour)
	switch rng.IntN(7) {
	case 0:
		return criterion{strings.ToUpper(a), has(a)}
	case 1:
		return criterion{fmt.Sprintf("%q", a+" "+b), has(a + " " + b)}
	case 2:
		return criterion{"-" + a, func(m archive.Message) bool { return !has(a)(m) }}
	case 3:
		return criterion{"from:bo,dee", func(m archive.Message) bool { return m.From != "p:chi" }}
	case 4:
		return criterion{"NOT in:plan", func(m archive.Message) bool { return m.Conversation != "c:plan" }}
	case 5:
		return criterion{"after:" + at.Format(time.RFC3339), func(m archive.Message) bool { return m.Time.Known() && !m.Time.Before(at) }}
	}
	return criterion{"before:" + at.Format(time.RFC3339), func(m archive.Message) bool { return m.Time.Known() && m.Time.Before(at) }}
}

// expected is what reading every message finds, oldest first.
func (s *source) expected(all []criterion) (ids []string) {
	for _, m := range s.messages {
		if !slices.ContainsFunc(all, func(c criterion) bool { return !c.holds(m) }) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func idsOf(r archive.SearchResult) (ids []string) {
	for _, h := range r.Hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// checkAll runs random queries and holds what they find, its order and every
// page of it against reading all messages.
func checkAll(t *testing.T, x *index.Index, s *source, rng *rand.Rand, queries int) {
	t.Helper()
	for range queries {
		var all []criterion
		var texts []string
		for range rng.IntN(4) {
			c := anyCriterion(rng, len(s.messages))
			if strings.HasPrefix(c.text, "from:") && slices.Contains(texts, c.text) {
				continue // the same field again means or
			}
			all, texts = append(all, c), append(texts, c.text)
		}
		q, want := strings.Join(texts, " "), s.expected(all)
		limit, offset := rng.IntN(30), rng.IntN(20)
		page := want[min(offset, len(want)):min(offset+limit, len(want))]
		r, err := x.Search(t.Context(), archive.SearchRequest{Query: q, Sort: archive.SortOldest, Limit: limit, Offset: offset})
		if err != nil || r.Total != int64(len(want)) || !slices.Equal(idsOf(r), page) {
			t.Fatalf("%s: oldest %d from %d: %d of %d %v, %v; want %d, %v", q, limit, offset, len(r.Hits), r.Total, idsOf(r), err, len(want), page)
		}
		slices.Reverse(want)
		page = want[min(offset, len(want)):min(offset+limit, len(want))]
		r, err = x.Search(t.Context(), archive.SearchRequest{Query: q, Limit: limit, Offset: offset})
		if err != nil || r.Total != int64(len(want)) || !slices.Equal(idsOf(r), page) {
			t.Fatalf("%s: newest %d from %d: %d of %d %v, %v; want %d, %v", q, limit, offset, len(r.Hits), r.Total, idsOf(r), err, len(want), page)
		}
		checkRelevance(t, x, q, want, limit, offset)
	}
}

// checkRelevance pages through the order by relevance: the same messages, the
// best first, the newest first among equals.
func checkRelevance(t *testing.T, x *index.Index, q string, want []string, limit, offset int) {
	t.Helper()
	whole := search(t, x, archive.SearchRequest{Query: q, Sort: archive.SortRelevance, Limit: -1})
	for i, h := range whole.Hits[min(1, len(whole.Hits)):] {
		before := whole.Hits[i]
		if !(before.Score > h.Score || before.Score == h.Score && before.Event > h.Event) {
			t.Fatalf("%s: by relevance %s (%v) stands before %s (%v)", q, before.ID, before.Score, h.ID, h.Score)
		}
	}
	all := idsOf(whole)
	part, err := x.Search(t.Context(), archive.SearchRequest{Query: q, Sort: archive.SortRelevance, Limit: limit, Offset: offset})
	if err != nil || !slices.Equal(idsOf(part), all[min(offset, len(all)):min(offset+limit, len(all))]) {
		t.Fatalf("%s: %d from %d by relevance: %v, %v of %v", q, limit, offset, idsOf(part), err, all)
	}
	slices.Sort(all)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(all, want) {
		t.Fatalf("%s: by relevance %v, want %v", q, all, want)
	}
}

// What the index says is what reading every message would say: filled at once,
// while it follows, opened again, made anew and read beside the writer.
func TestOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s, dir := newSource(), t.TempDir()
	s.generate(rng, 300)
	x := open(t, dir, s)
	checkAll(t, x, s, rng, 100)
	for range 20 {
		s.generate(rng, 1+rng.IntN(20))
		e := s.messages[rng.IntN(len(s.messages))].Event
		s.rewrite(e, "gnu "+vocabulary()[rng.IntN(10)])
		s.retime(s.messages[rng.IntN(len(s.messages))].Event, base.Add(time.Duration(rng.IntN(300))*time.Hour))
		follow(t, x)
		checkAll(t, x, s, rng, 10)
	}
	reader, err := index.OpenReadOnly(t.Context(), dir, s, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	checkAll(t, reader, s, rng, 100)
	if err := x.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	checkAll(t, x, s, rng, 100)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	checkAll(t, open(t, dir, s), s, rng, 100)
}

// A bulk takes many batches.
func TestBulk(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	s, dir := newSource(), t.TempDir()
	s.generate(rng, 12_345)
	x := open(t, dir, s)
	if x.Watermark() != s.decoded {
		t.Errorf("watermark %s, want %s", x.Watermark(), s.decoded)
	}
	checkAll(t, x, s, rng, 5)
	var last int64
	if err := x.Rebuild(t.Context(), func(n int64) { last = max(last, n) }); err != nil || last != 12_345 {
		t.Errorf("rebuilt %d messages, %v", last, err)
	}
	s.generate(rng, 10)
	follow(t, x)
	checkAll(t, x, s, rng, 5)
}
