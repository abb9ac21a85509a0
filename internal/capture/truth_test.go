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
	dark     []span      // in which an application that had ended was asked
	runs     int         // processes so far
	boots    []time.Time // of each
	// stumbled are those whose disk failed when they ended: what they were last
	// told they could not write down, only the next one that time is missing.
	stumbled map[int]time.Time
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
	run   int // of the process that was told
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
	t.specials = append(t.specials, special{cause, t.runs, v.body, since})
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
