package capture_test

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// machine is a machine whose clock can be set and that can be put to sleep.
// Asleep it does nothing, so time goes on for it alone by what it slept.
type machine struct {
	mu     sync.Mutex
	begun  time.Time
	slept  time.Duration
	set    time.Duration
	silent bool // it does not tell its uptime
}

func newMachine() *machine { return &machine{begun: time.Now()} }

func (m *machine) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Add(m.slept + m.set)
}

func (m *machine) clock() *capture.MachineClock {
	return &capture.MachineClock{
		Awake: func() time.Duration { return time.Since(m.begun) },
		Uptime: func() (time.Duration, bool) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return time.Since(m.begun) + m.slept, !m.silent
		},
	}
}

func (m *machine) change(slept, set time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slept += slept
	m.set += set
}

// on makes a capture that runs on the machine.
func (f *front) on(m *machine) capture.Config {
	cfg := f.config()
	cfg.Now, cfg.Machine = m.now, m.clock()
	return cfg
}

func TestAMachineThatSleeps(t *testing.T) {
	for _, tt := range []struct {
		slept  time.Duration
		silent bool
		risk   bool
	}{{20 * time.Second, false, false}, {8 * time.Hour, false, true}, {8 * time.Hour, true, true}} {
		synctest.Test(t, func(t *testing.T) {
			f, m := newFront(t), newMachine()
			m.silent = tt.silent
			r := f.start(f.on(m))
			f.say(message(1))
			pass(100 * time.Second)
			from := m.now()
			m.change(tt.slept, 0)
			asked := len(f.requests())
			pass(2 * time.Second)
			if n := len(f.requests()) - asked; n != 1 {
				t.Errorf("asked %d times on waking, want once, over another connection", n)
			}
			f.say(message(2))
			pass(time.Second)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			gaps := f.log.allGaps()
			if len(gaps) != 1 || gaps[0].Cause != archive.GapAsleep || gaps[0].AtRisk != tt.risk ||
				gaps[0].From.Sub(from).Abs() > time.Second || gaps[0].To.Sub(from.Add(tt.slept)).Abs() > time.Second {
				t.Errorf("slept from %s for %s; gaps %+v", from, tt.slept, gaps)
			}
			if obs := f.log.observations(archive.SourceCapture); len(obs) != 2 || obs[1].Received != archive.At(m.now().Add(-time.Second)) {
				t.Errorf("observations %+v, now %s", obs, m.now())
			}
		})
	}
}

// A clock that is set neither makes a gap longer or shorter nor makes one.
func TestAClockThatIsSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, -10 * time.Second, 10 * time.Second, time.Hour} {
		for _, outage := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				f, m := newFront(t), newMachine()
				r := f.start(f.on(m))
				f.say(message(1))
				pass(100 * time.Second)
				began := m.now()
				if outage {
					f.set(func() { f.down = true })
					f.restart()
					pass(100 * time.Second)
				}
				before := m.now()
				m.change(0, by)
				pass(100 * time.Second)
				f.set(func() { f.down = false })
				pass(5 * time.Minute)
				f.say(message(2))
				pass(time.Second)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				clock := archive.Gap{Cause: archive.GapClock, From: archive.At(before), To: archive.At(before.Add(by))}
				if by < 0 {
					clock.From, clock.To = clock.To, clock.From
				}
				var rest []archive.Gap
				for _, g := range f.log.allGaps() {
					if g.Cause != archive.GapClock {
						rest = append(rest, g)
					} else if g.AtRisk || g.From.Sub(clock.From.Time).Abs() > 2*time.Second || g.To.Sub(g.From.Time) != by.Abs() {
						t.Errorf("set by %s at %s: %+v", by, before, g)
					}
				}
				if len(f.log.allGaps()) != len(rest)+1 {
					t.Errorf("set by %s: gaps %+v", by, f.log.allGaps())
				}
				if !outage {
					if len(rest) != 0 {
						t.Errorf("set by %s: gaps without an interruption: %+v", by, rest)
					}
					return
				}
				if len(rest) != 1 || rest[0].From.Sub(began).Abs() > time.Second || rest[0].Seconds < 200 || rest[0].Seconds > 261 ||
					rest[0].To.Sub(rest[0].From.Time).Seconds() != rest[0].Seconds {
					t.Errorf("set by %s in an outage of 200 s from %s: %+v", by, began, rest)
				}
				if last := f.log.observations(archive.SourceCapture); last[len(last)-1].Received != archive.At(m.now().Add(-time.Second)) {
					t.Errorf("set by %s: received %s, now %s", by, last[len(last)-1].Received, m.now())
				}
			})
		}
	}
}

// A clock that stands before the last commit hides no time without capture.
func TestAClockThatIsSetBackBetweenTwoRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newFront(t), newMachine()
		r := f.start(f.on(m))
		f.say(message(1))
		pass(100 * time.Second)
		_ = r.stop()
		pass(10 * time.Minute)
		m.change(0, -time.Hour)
		r = f.start(f.on(m))
		f.say(message(2))
		pass(time.Second)
		_ = r.stop()
		gaps := f.log.allGaps()
		if d := cmp.Diff([]archive.GapCause{archive.GapClock, archive.GapStopped}, causes(gaps)); d != "" {
			t.Fatal(d)
		}
		if gaps[0].Seconds != 3000 || gaps[1].To.Before(gaps[1].From.Time) {
			t.Errorf("gaps %+v", gaps)
		}
	})
}

// An answer that begins and then stalls is no parked request.
func TestAnAnswerThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		stall := false
		f.intercept = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !stall {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"_links":`)
			w.(http.Flusher).Flush()
			f.mu.Unlock()
			<-r.Context().Done()
			f.mu.Lock()
			return true
		}
		r := f.start(f.config())
		pass(60 * time.Second)
		f.set(func() { stall = true })
		f.say(message(1)) // answered; the next stalls
		pass(time.Second)
		began := time.Now().Add(-time.Second)
		pass(10 * time.Second)
		f.set(func() { stall = false })
		pass(time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		gaps := f.log.allGaps()
		if len(gaps) != 1 || gaps[0].Cause != archive.GapUnreachable || gaps[0].From.Sub(began).Abs() > time.Second || gaps[0].Seconds < 15 || gaps[0].Seconds > 17 {
			t.Errorf("stalled at %s, gaps %+v", began, gaps)
		}
	})
}

// Neither a slow callback nor a resource nor keeping alive holds up the next
// request; a slow commit does, and is a gap.
func TestTheNextRequestFollowsTheCommit(t *testing.T) {
	for _, slow := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			var mu sync.Mutex
			var turns []capture.Turn
			cfg := f.config()
			cfg.OnPoll = func(turn capture.Turn) { mu.Lock(); turns = append(turns, turn); mu.Unlock() }
			cfg.OnCommit = func(archive.ObservationID) { time.Sleep(time.Hour) }
			f.answering("reportMyActivity", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(29 * time.Second); w.WriteHeader(204) })
			f.answering("/c1", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(29 * time.Second); w.WriteHeader(404) })
			r := f.start(cfg)
			f.log.set(func() { f.log.slow = slow })
			for n := range 20 {
				f.say(message(n))
				f.say(bare("updated", "conversation", "/ucwa/oauth/v1/applications/1/c1", ""))
				pass(30 * time.Second)
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			for _, turn := range turns {
				if turn.Commit != slow || turn.Ask != 0 {
					t.Errorf("a turn took %+v, want a commit of %s and no more", turn, slow)
				}
			}
			gaps := f.log.allGaps()
			if slow == 0 && len(gaps) > 0 || slow > 0 && (len(gaps) < 18 || gaps[0].Cause != archive.GapStorage || gaps[0].Seconds != slow.Seconds()) {
				t.Errorf("commits of %s: gaps %+v", slow, gaps)
			}
			if len(turns) == 0 {
				t.Error("told of no turn")
			}
		})
	}
}
