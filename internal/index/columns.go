package index

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"

	"archiver/internal/archive"
)

// columns hold of every message, in the order of the log, what hits are ordered
// and filtered by. A row is a place in them. They never change: a change makes
// new ones, which may share what is the same.
type columns struct {
	events  []archive.EventID // ascending
	times   []int64           // nanoseconds, or unknownTime
	numbers *numbers          // belong to these rows
}

// Times of the columns, in nanoseconds, go from firstTime to before lastTime.
const (
	unknownTime = math.MinInt64
	firstTime   = math.MinInt64 + 1
	lastTime    = math.MaxInt64
)

func nanos(t archive.Time) int64 {
	if !t.Known() {
		return unknownTime
	}
	return nanosWithin(t)
}

// nanosWithin is a known time, or the bound that it is beyond: nanoseconds reach
// from 1678 to 2261.
func nanosWithin(t archive.Time) int64 {
	switch year := t.UTC().Year(); {
	case year < 1678:
		return firstTime
	case year > 2261:
		return lastTime
	}
	return t.Nanos()
}

// loadColumns reads the columns of the messages up to a watermark.
func loadColumns(ctx context.Context, src Source, mark archive.ObservationID) (*columns, error) {
	c := &columns{numbers: newNumbers()}
	err := src.Documents(ctx, func(d archive.Document) error {
		if d.Event.Observation() <= mark {
			c.events, c.times = append(c.events, d.Event), append(c.times, nanos(d.Time))
		}
		return nil
	})
	return c, err
}

// row is where an event stands, or would stand.
func (c *columns) row(e archive.EventID) (int, bool) {
	n := len(c.events)
	if n == 0 || c.events[n-1] < e {
		return n, false
	}
	i := sort.Search(n, func(i int) bool { return c.events[i] >= e })
	return i, c.events[i] == e
}

// with is the columns with messages added or changed. Messages that follow
// those before, as new ones do, are appended without copying: nobody looks
// behind the end of the columns that he holds.
func (c *columns) with(docs []archive.Indexable) *columns {
	out := *c
	copied := false
	var added []archive.Document
	for _, d := range docs {
		i, ok := c.row(d.Event)
		switch {
		case !ok:
			added = append(added, d.Document)
		case c.times[i] != nanos(d.Time):
			if !copied {
				out.times, copied = slices.Clone(c.times), true
			}
			out.times[i] = nanos(d.Time)
		}
	}
	slices.SortFunc(added, func(a, b archive.Document) int { return cmp.Compare(a.Event, b.Event) })
	if n := len(c.events); len(added) > 0 && n > 0 && added[0].Event < c.events[n-1] {
		return out.merged(added)
	}
	for _, d := range added {
		out.events, out.times = append(out.events, d.Event), append(out.times, nanos(d.Time))
	}
	return &out
}

// merged puts messages between those that are there, which moves rows.
func (c *columns) merged(added []archive.Document) *columns {
	out := &columns{
		events:  make([]archive.EventID, 0, len(c.events)+len(added)),
		times:   make([]int64, 0, len(c.times)+len(added)),
		numbers: newNumbers(),
	}
	for i := 0; i < len(c.events) || len(added) > 0; {
		if len(added) > 0 && (i == len(c.events) || added[0].Event < c.events[i]) {
			out.events, out.times = append(out.events, added[0].Event), append(out.times, nanos(added[0].Time))
			added = added[1:]
			continue
		}
		out.events, out.times = append(out.events, c.events[i]), append(out.times, c.times[i])
		i++
	}
	return out
}
