package index

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search"
	blevequery "github.com/blevesearch/bleve/v2/search/query"

	"archiver/internal/archive"
)

// match is one message that matches.
type match struct {
	row   int32
	score float64
}

// collector counts all matches within a range of time and keeps the best of
// them. It is Bleve's own collector but for what makes that slow: dates and
// order come from the columns.
type collector struct {
	columns     *columns
	from, until int64 // until is exclusive
	dated       bool
	compare     func(a, b match) int // the best first
	keep        int                  // so many; below 0 all
	total       int64
	best        []match
}

func newCollector(c *columns, rg archive.SearchRange, r archive.SearchRequest) *collector {
	out := &collector{columns: c, compare: order(r.Sort), keep: -1, from: firstTime, until: lastTime}
	if r.Limit >= 0 {
		out.keep = max(0, r.Offset) + r.Limit
	}
	if rg.After.Known() {
		out.from, out.dated = nanosWithin(rg.After), true
	}
	if rg.Before.Known() {
		out.until, out.dated = nanosWithin(rg.Before), true
	}
	return out
}

// order compares matches. Rows are in the order of the log.
func order(by archive.Sort) func(a, b match) int {
	newest := func(a, b match) int { return cmp.Compare(b.row, a.row) }
	switch by {
	case archive.SortOldest:
		return func(a, b match) int { return cmp.Compare(a.row, b.row) }
	case archive.SortRelevance:
		return func(a, b match) int { return cmp.Or(cmp.Compare(b.score, a.score), newest(a, b)) }
	}
	return newest
}

// add takes a match into account. A message without time is in no range but the
// open one.
func (c *collector) add(m match) {
	if c.dated {
		if t := c.columns.times[m.row]; t < c.from || t >= c.until {
			return
		}
	}
	c.total++
	if c.keep == 0 {
		return
	}
	c.best = append(c.best, m)
	// Sorting twice as many as are kept, once in a while, is as cheap as a heap
	// and cheaper for matches that come in order.
	if c.keep > 0 && len(c.best) >= 2*c.keep+64 {
		c.cut()
	}
}

func (c *collector) cut() {
	slices.SortFunc(c.best, c.compare)
	if c.keep >= 0 {
		c.best = c.best[:min(c.keep, len(c.best))]
	}
}

// page is the matches behind an offset, in order.
func (c *collector) page(offset int) []match {
	c.cut()
	return c.best[min(max(0, offset), len(c.best)):]
}

// checkEvery is after how many matches a collection looks whether it is still
// wanted.
const checkEvery = 1024

// everyRow collects all messages.
func (c *collector) everyRow(ctx context.Context) error {
	for i := range c.columns.events {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		c.add(match{row: int32(i)})
	}
	return nil
}

// search collects what a query matches in a generation.
func (c *collector) search(ctx context.Context, g *generation, q blevequery.Query, scored bool) (err error) {
	defer recovered(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	snapshot, err := g.snapshotOf()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	rows, err := c.columns.numbers.of(c.columns, snapshot)
	if err != nil {
		return err
	}
	s, err := q.Searcher(ctx, snapshot, g.bleve.Mapping(), options(scored))
	if err != nil {
		return err
	}
	defer s.Close()
	return c.collect(ctx, snapshot, s, rows)
}

// collect reads all matches of a searcher, which come in the order of document
// numbers, segment by segment.
func (c *collector) collect(ctx context.Context, snapshot *scorch.IndexSnapshot, s search.Searcher, rows [][]int32) error {
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(s.DocumentMatchPoolSize()+1, 0), IndexReader: snapshot}
	segment, first := 0, uint64(0) // the one at hand and its first number
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		hit, err := s.Next(sc)
		if err != nil || hit == nil {
			return err
		}
		number := hit.IndexInternalID.Value()
		if number < first {
			segment, first = 0, 0
		}
		for number-first >= uint64(len(rows[segment])) {
			first += uint64(len(rows[segment]))
			segment++
		}
		if row := rows[segment][number-first]; row != noRow {
			c.add(match{row, hit.Score})
		}
		sc.DocumentMatchPool.Put(hit)
	}
}
