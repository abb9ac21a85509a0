package capture_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"archiver/internal/archive"
)

// truth is what happened as the server saw it, for a log to be compared with.
// It is guarded by the front's mutex.
type truth struct {
	visits   []*visit
	batches  []*batch             // in order of release
	times    map[string]time.Time // of each event, when it was said
	lost     []string             // events that the server itself dropped
	losses   map[string]bool
	specials []special
	created  []time.Time // of each application
	stops    []time.Time // when capture was asked to stop
	runs     int         // processes so far
	boots    []time.Time // of each
	reports  []time.Time // of activity
	story    []scene
	// holds reports whether the log holds an answer for good.
	holds func(body string) bool
	// proven is up to when the log accounts for everything.
	proven func() time.Time
	errorf func(format string, args ...any)
}

// scene is one thing that happened, for people to read.
type scene struct {
	at   time.Time
	what string
	more any
}

func (t *truth) tell(what string, more any) { t.story = append(t.story, scene{time.Now(), what, more}) }

// narrative is the story until a while after everything was healed, and what
// the log has as gaps.
func (t *truth) narrative(gaps []archive.Gap) string {
	var b strings.Builder
	healed := slices.IndexFunc(t.story, func(s scene) bool { return s.what == "healed" })
	for i, s := range t.story {
		if healed >= 0 && i > healed+6 {
			break
		}
		more := strings.Join(strings.Fields(fmt.Sprint(s.more)), " ")
		fmt.Fprintf(&b, "%12.3f %s %.150s\n", float64(s.at.UnixMilli()%1e8)/1e3, s.what, more)
	}
	for _, g := range gaps {
		fmt.Fprintf(&b, "gap %s %s\n", g.Cause, span{g.From.Time, g.To.Time})
	}
	return b.String()
}

// visit is one P-GET. The server holds it from its arrival until it is answered
// or its connection is lost.
type visit struct {
	req      *http.Request
	line     *line
	replaced chan struct{} // closed when a newer one takes its place
	from, to time.Time     // to is zero while it lasts
	body     string        // the batch that answered it
	// doubtful: that it was held does not show that nothing was lost, since the
	// application or the place in the channel was, or since nobody lived to
	// write down that it was held.
	doubtful bool
}

// batch is what the server released at once, in the forms that it sent.
type batch struct {
	bodies []string
	events []string
	acked  time.Time
	// grown and run are the processes that were sent it with more than before
	// and that acknowledged it. When they differ, what was added may be lost: the
	// first may have been killed after a commit that it had taken for failed.
	grown, run int
}

// excused reports whether the batch need not be stored in its last form.
func (b *batch) excused() bool { return b.grown > 0 && b.grown != b.run }

// special is an answer that tells of a loss.
type special struct {
	cause archive.GapCause
	body  string
	since time.Time // of what it may have lost
}

// arrive notes a P-GET. None may come while capture itself keeps another
// parked; one whose connection has died without a word is replaced.
func (f *front) arrive(r *http.Request) *visit {
	v := &visit{req: r, line: lineOf(r), replaced: make(chan struct{}), from: time.Now()}
	for _, o := range f.truth.visits {
		if !o.to.IsZero() {
			continue
		}
		if silent, gaveUp := o.line.state(); f.strict && silent.IsZero() && gaveUp.IsZero() {
			f.errorf("%s: a P-GET while another is parked", r.URL)
		}
		select {
		case <-o.replaced:
		default:
			close(o.replaced)
		}
	}
	f.truth.visits = append(f.truth.visits, v)
	f.truth.tell("asked", r.URL.RequestURI())
	return v
}

func (t *truth) visitOf(r *http.Request) *visit {
	return t.visits[slices.IndexFunc(t.visits, func(v *visit) bool { return v.req == r })]
}

func (t *truth) leave(v *visit) {
	v.to = time.Now()
	t.tell("answered", v.body)
}

// hush makes the line of a P-GET that still lasts fall silent.
func (v *visit) hush() {
	if v.to.IsZero() {
		v.line.hush()
	}
}

// doubt makes all visits doubtful that ended later than what is proven.
func (t *truth) doubt() {
	if t.proven == nil {
		return
	}
	since := t.proven()
	for _, v := range t.visits {
		if v.to.IsZero() || v.to.After(since.Add(time.Millisecond)) {
			v.doubtful = true
		}
	}
}

func (t *truth) doubted(v *visit) { v.doubtful = true; t.doubt() }

// special notes an answer that tells of a loss.
func (t *truth) special(v *visit, rel string) {
	t.doubted(v)
	cause := archive.GapResync
	if rel == "resume" {
		cause = archive.GapResume
	}
	since := v.from
	if t.proven != nil && t.proven().Before(since) {
		since = t.proven()
	}
	t.specials = append(t.specials, special{cause, v.body, since})
}

func (t *truth) said(event string) {
	if t.times == nil {
		t.times = make(map[string]time.Time)
	}
	t.times[event] = time.Now()
	t.tell("said", event)
}

func (t *truth) waited(event string) time.Duration { return time.Since(t.times[event]) }

func (t *truth) lose(events ...string) {
	if t.losses == nil {
		t.losses = make(map[string]bool)
	}
	for _, e := range events {
		t.tell("lost", e)
		t.losses[e] = true
		t.lost = append(t.lost, e)
	}
}

// loseBatch notes that the last batch will not be sent again.
func (t *truth) loseBatch() {
	if n := len(t.batches); n > 0 && t.batches[n-1].acked.IsZero() {
		t.lose(t.batches[n-1].events...)
	}
}

func (t *truth) released(body string, events []string, again bool) {
	if !again {
		t.batches = append(t.batches, &batch{})
	}
	b := t.batches[len(t.batches)-1]
	if again {
		b.grown = t.runs
	}
	b.bodies = append(b.bodies, body)
	b.events = append(b.events, events...)
}

// acknowledge is what a request for the next batch does to the last. By then
// the log must hold it.
func (t *truth) acknowledge() {
	if len(t.batches) == 0 || !t.batches[len(t.batches)-1].acked.IsZero() {
		return
	}
	b := t.batches[len(t.batches)-1]
	b.acked, b.run = time.Now(), t.runs
	if t.holds != nil && !slices.ContainsFunc(b.bodies, t.holds) {
		t.errorf("batch %d was acknowledged and is not in the log", len(t.batches))
	}
}

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
		if ok && at.After(all.from) && !slices.ContainsFunc(slices.Concat(logged, dark), func(s span) bool {
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
		if o, ok := kept[s.body]; ok && !s.since.After(o.Received.Time) && !told(s.cause, s.since, o.Received.Time) {
			wrong = append(wrong, fmt.Sprintf("no gap tells of a %s at %s: %v", s.cause, o.Received, gaps))
		}
	}
	for i, at := range t.created {
		if i > 0 && at.After(begun) && !told(archive.GapApplicationGone, t.created[i-1], at) {
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
