package capture_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// disk is a log that outlives the processes which write to it, and what it has
// promised to keep.
type disk interface {
	capture.Log
	capture.Archive
}

// world is a server, a disk, and one process after another that captures.
type world struct {
	*front
	disk disk
	proc *process

	orders chan order // what is to happen to the process
	said   int        // messages so far
	fought bool       // somebody else took the channel
	storms []span
	// messages counts the decoded ones of a disk that is no memory.
	messages func() int
	healed   bool // nothing goes wrong any more

	wmu    sync.Mutex // guards what follows
	wrong  []string
	safe   map[string]bool // URLs of cursors that are or may be on the disk
	bodies map[string]bool
	cursor archive.Cursor
	// believed is up to when the process knows that the disk has everything.
	believed time.Time
	began    time.Time                   // when the first application was known
	open     map[archive.GapID]time.Time // gaps on the disk that last
	random   func() float64
}

func newWorld(t *testing.T, d disk, random func() float64) *world {
	w := &world{front: newFront(t), disk: d, random: random, orders: make(chan order, 1),
		safe: make(map[string]bool), bodies: make(map[string]bool), open: make(map[archive.GapID]time.Time)}
	w.front.errorf, w.front.strict = w.errorf, true
	w.front.durable = func(url string) bool { w.wmu.Lock(); defer w.wmu.Unlock(); return w.safe[url] }
	w.truth.errorf = w.errorf
	w.truth.holds = func(body string) bool { w.wmu.Lock(); defer w.wmu.Unlock(); return w.bodies[body] }
	w.truth.proven = w.proven
	return w
}

// errorf notes a broken promise. Failures are collected, since what runs inside
// a bubble cannot fail the test that looks for the shortest one.
func (w *world) errorf(format string, args ...any) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// proven is up to when the disk accounts for everything: a gap that lasts may
// have ended without the disk being told.
func (w *world) proven() time.Time {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	at := w.believed
	for from := range maps.Values(w.open) {
		if from.Before(at) {
			at = from
		}
	}
	return at
}

// process is one run of capture.
type process struct {
	*grip
	net    *host
	cancel context.CancelFunc
	done   chan error
	killed bool
	asked  time.Time // when it was asked to stop
}

// boot starts a process.
func (w *world) boot() {
	p := &process{net: w.host(), done: make(chan error, 1)}
	p.grip = &grip{w: w, kill: func() { w.kill(p) }}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	w.mu.Lock()
	w.truth.runs++
	w.truth.boots = append(w.truth.boots, time.Now())
	w.truth.tell("boot", w.truth.runs)
	p.begun, w.proc = len(w.asked), p
	w.mu.Unlock()
	cfg := w.config()
	cfg.Log, cfg.Client.HTTPClient = p.grip, p.net.client
	capture.SetJitter(&cfg, w.random)
	go func() { p.done <- capture.Run(ctx, cfg) }()
}

// kill ends a process as kill -9 does: nothing that it does from now on has an
// effect. It may be called from anywhere.
func (w *world) kill(p *process) {
	p.grip.die()
	p.killed = true
	p.net.cut(true)
	p.cancel()
}

// stop asks the process to stop.
func (w *world) stop() {
	w.proc.asked = time.Now()
	w.set(func() { w.truth.stops = append(w.truth.stops, w.proc.asked) })
	w.proc.cancel()
}

// reaped takes note of the end of a process and says what was wrong with it.
func (w *world) reaped(err error, fought bool) {
	p := w.proc
	p.net.cut(true)
	synctest.Wait()
	w.wmu.Lock()
	w.believed = w.cursor.Updated.Time // as the next process will read it
	w.wmu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.truth.tell("ended", err)
	if p.asked.IsZero() {
		p.asked = time.Now().Add(-10 * time.Millisecond)
	}
	if p.killed || p.grip.failedSince(p.asked) {
		if !p.killed {
			w.truth.stumbled[w.truth.runs] = time.Now()
		}
		w.truth.doubt()
	}
	switch {
	case err == nil || p.killed || fought && errors.Is(err, archive.ErrConflict):
	case errors.Is(err, errDisk) && len(w.asked) == p.begun: // not even the cursor could be read
	default:
		w.errorf("capture ended by itself: %v", err)
	}
}

// verdict compares the disk with the truth. Everything has ended by now.
func (w *world) verdict(gaps []archive.Gap, end time.Time) []string {
	var obs []archive.Observation
	for after := archive.ObservationID(0); ; {
		more, err := w.disk.ObservationsAfter(context.Background(), after, 1000)
		if err != nil || len(more) == 0 {
			if err != nil {
				w.errorf("read the log: %v", err)
			}
			break
		}
		obs, after = append(obs, more...), more[len(more)-1].ID
	}
	live := slices.DeleteFunc(slices.Clone(obs), func(o archive.Observation) bool { return o.Source != archive.SourceCapture })
	wrong := slices.Concat(w.wrong, w.truth.stored(live), w.truth.compare(gaps, live, span{w.began, end}), w.decoded(), w.stormy())
	if len(wrong) > 0 {
		wrong = append(wrong, w.truth.narrative(gaps))
	}
	return wrong
}

// decoded projects the log, with a disk that fails now and then, and checks
// that every message is there once.
func (w *world) decoded() (wrong []string) {
	for range 3 { // once more alters nothing
		if _, err := capture.Project(context.Background(), capture.Projection{Archive: w.disk, Batch: 7}); err != nil && !errors.Is(err, errDisk) {
			wrong = append(wrong, fmt.Sprintf("project: %v", err))
		}
	}
	said := w.storedMessages()
	m, ok := w.disk.(*memory)
	if !ok {
		if n := w.messages(); n != len(said) {
			wrong = append(wrong, fmt.Sprintf("%d messages decoded, %d were stored", n, len(said)))
		}
		return wrong
	}
	last, messages := archive.ObservationID(0), make(map[string]bool)
	for _, b := range m.applied {
		if b.Observation.ID <= last {
			wrong = append(wrong, fmt.Sprintf("observation %s was applied twice", b.Observation.ID))
		}
		last = b.Observation.ID
		for _, e := range b.Events {
			for _, c := range e.Changes {
				if change, ok := c.(archive.MessageChange); ok {
					messages[change.Href] = true
				}
			}
		}
	}
	if last != archive.ObservationID(len(m.obs)) {
		wrong = append(wrong, fmt.Sprintf("decoded up to %s of %d", last, len(m.obs)))
	}
	if len(messages) != len(said) {
		wrong = append(wrong, fmt.Sprintf("%d messages decoded, %d were stored", len(messages), len(said)))
	}
	return wrong
}

// storedMessages are the messages that observations hold.
func (w *world) storedMessages() map[string]bool {
	said := make(map[string]bool)
	for e := range w.truth.times {
		if !strings.Contains(e, "plainMessage") {
			continue
		}
		for body := range w.bodies {
			if strings.Contains(body, e) {
				said[e] = true
			}
		}
	}
	return said
}

// stormy looks for storms in which somebody was asked more often than six times
// a minute by one process.
func (w *world) stormy() (wrong []string) {
	for _, s := range w.storms {
		if slices.ContainsFunc(w.truth.boots, func(at time.Time) bool { return at.After(s.from) && at.Before(s.to) }) {
			continue
		}
		var during []time.Time
		for _, e := range w.truth.story {
			if e.what == "refused" && e.at.After(s.from.Add(time.Minute)) && e.at.Before(s.to) {
				during = append(during, e.at)
			}
		}
		for i := range max(0, len(during)-perMinute) {
			if took := during[i+perMinute].Sub(during[i]); took < time.Minute-tolerance {
				wrong = append(wrong, fmt.Sprintf("%d requests within %s in a storm: %v", perMinute+1, took, during[i:i+perMinute+1]))
				break
			}
		}
	}
	return wrong
}

// perMinute is how often a server in trouble may be asked.
const perMinute = 6
