package capture_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"archiver/internal/archive"
)

// span is an interval of time.
type span struct{ from, to time.Time }

// String gives a span in seconds of the bubble's clock.
func (s span) String() string {
	return fmt.Sprintf("[%.2f, %.2f]", float64(s.from.UnixMilli()%1e8)/1e3, float64(s.to.UnixMilli()%1e8)/1e3)
}

// uncovered gives the intervals without a parked P-GET: those that capture must
// have seen, and those that it may have to assume. They differ where nobody
// can know better: a connection that died in silence, an application or a place
// that was lost at some time before it was said, a process that was killed.
func (t *truth) uncovered(all span) (must, may, dark []span) {
	var held, sure []span
	for _, v := range t.visits {
		to := v.to
		if to.IsZero() {
			to = all.to
		}
		var silent, gaveUp time.Time
		if v.line != nil {
			silent, gaveUp = v.line.state()
		}
		switch {
		case silent.IsZero() || silent.After(to):
			held = append(held, span{v.from, to})
			if !v.doubtful {
				sure = append(sure, span{v.from, to})
			}
		case v.line.timedOut(t.stops):
			held = append(held, span{v.from, silent})
		default: // capture ended before it could notice
			if gaveUp.IsZero() {
				gaveUp = all.to
			}
			held = append(held, span{v.from, gaveUp})
			dark = append(dark, span{silent, gaveUp})
		}
	}
	return without(all, held), without(all, sure), dark
}

// without gives what remains of a span.
func without(all span, taken []span) (rest []span) {
	slices.SortFunc(taken, func(a, b span) int { return a.from.Compare(b.from) })
	at := all.from
	for _, s := range taken {
		if !s.from.Before(all.to) {
			break
		}
		if s.from.After(at) {
			rest = append(rest, span{at, s.from})
		}
		if s.to.After(at) {
			at = s.to
		}
	}
	if all.to.After(at) {
		rest = append(rest, span{at, all.to})
	}
	return rest
}

// outside gives the parts of spans longer than a second that others, each
// wider by a second, do not cover.
func outside(spans, others []span) (parts []span) {
	wider := make([]span, len(others))
	for i, o := range others {
		wider[i] = span{o.from.Add(-tolerance), o.to.Add(tolerance)}
	}
	for _, s := range spans {
		if s.to.Sub(s.from) > tolerance {
			parts = append(parts, without(s, wider)...)
		}
	}
	return parts
}

// tolerance is what a gap may be off, and how short an interval is none: a
// second by capture's clock, and what requests are under way.
const tolerance = time.Second + 50*latency

// compare holds the gaps of a log against the truth.
func (t *truth) compare(gaps []archive.Gap, obs []archive.Observation, all span) (wrong []string) {
	var logged []span
	for _, g := range gaps {
		if !g.To.Known() || g.To.Before(g.From.Time) {
			wrong = append(wrong, fmt.Sprintf("gap without an end: %+v", g))
			continue
		}
		if g.AtRisk != g.Risk() {
			wrong = append(wrong, fmt.Sprintf("gap whose risk is wrong: %+v", g))
		}
		logged = append(logged, span{g.From.Time, g.To.Time})
	}
	kept := make(map[string]archive.Observation)
	for _, o := range obs {
		kept[string(o.Body)] = o
	}
	must, may, dark := t.uncovered(all)
	_, anything, _ := t.uncovered(span{all.from.Add(-time.Minute), all.to})
	for _, s := range outside(must, logged) {
		wrong = append(wrong, fmt.Sprintf("no P-GET was parked and no gap says so: %s of %v, gaps %v", s, must, logged))
	}
	for _, s := range outside(logged, anything) {
		wrong = append(wrong, fmt.Sprintf("a gap where a P-GET was parked: %s, may %v, gaps %v", s, may, logged))
	}
	for _, e := range t.lost {
		at, ok := t.times[e]
		if ok && at.After(all.from) && !slices.ContainsFunc(slices.Concat(logged, dark, t.dark), func(s span) bool {
			return !at.Before(s.from.Add(-tolerance)) && !at.After(s.to.Add(tolerance))
		}) {
			wrong = append(wrong, fmt.Sprintf("an event of %s was lost and no gap says so: gaps %v", span{at, at}, logged))
		}
	}
	return append(wrong, t.causes(gaps, kept, all.from)...)
}

// causes looks for the gaps that are there however short.
func (t *truth) causes(gaps []archive.Gap, kept map[string]archive.Observation, begun time.Time) (wrong []string) {
	told := func(cause archive.GapCause, from, to time.Time) bool {
		return slices.ContainsFunc(gaps, func(g archive.Gap) bool {
			return g.Cause == cause && !to.Before(g.From.Add(-tolerance)) && !from.After(g.To.Add(tolerance))
		})
	}
	for _, s := range t.specials {
		if _, ok := t.stumbled[s.run]; ok {
			continue
		}
		if o, ok := kept[s.body]; ok && !s.since.After(o.Received.Time) && !told(s.cause, s.since, o.Received.Time) {
			wrong = append(wrong, fmt.Sprintf("no gap tells of a %s at %s: %v", s.cause, o.Received, gaps))
		}
	}
	for i, at := range t.created {
		stumbled := slices.ContainsFunc(slices.Collect(maps.Values(t.stumbled)), func(end time.Time) bool {
			return i > 0 && end.After(t.created[i-1]) && end.Before(at)
		})
		if i > 0 && !stumbled && at.After(begun) && !told(archive.GapApplicationGone, t.created[i-1], at) {
			wrong = append(wrong, fmt.Sprintf("no gap tells that application %d ended before %s: %v", i, at, gaps))
		}
	}
	return wrong
}

// stored checks what the log holds against what was released: everything
// acknowledged, nothing twice, in the order of release.
func (t *truth) stored(obs []archive.Observation) (wrong []string) {
	place := make(map[string]int)
	for i, b := range t.batches {
		for _, body := range b.bodies {
			place[body] = i + 1
		}
	}
	seen, last := make(map[string]bool), 0
	for _, o := range obs {
		at := place[string(o.Body)]
		if at == 0 {
			continue
		}
		key := o.Capture + " " + o.URL + " " + string(o.Body)
		if seen[key] {
			wrong = append(wrong, fmt.Sprintf("batch %d is stored twice", at))
		}
		if at < last {
			wrong = append(wrong, fmt.Sprintf("batch %d is stored after batch %d", at, last))
		}
		seen[key], last = true, at
		seen[string(o.Body)] = true
	}
	for i, b := range t.batches {
		if !b.acked.IsZero() && !slices.ContainsFunc(b.bodies, func(s string) bool { return seen[s] }) {
			wrong = append(wrong, fmt.Sprintf("batch %d was acknowledged and is not stored", i+1))
		}
		for _, e := range b.events {
			if !t.losses[e] && !b.excused() && !slices.ContainsFunc(b.bodies, func(s string) bool { return seen[s] && strings.Contains(s, e) }) {
				wrong = append(wrong, fmt.Sprintf("an event of batch %d is not stored", i+1))
			}
		}
	}
	return wrong
}
