package capture_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

func TestAnOutageIsAGap(t *testing.T) {
	for _, tt := range []struct {
		lasts, dialing time.Duration
		gap            bool
	}{
		{0, 0, false}, {10 * time.Second, 0, true}, {5 * time.Minute, 0, true},
		{5 * time.Minute, 20 * time.Second, true}, // refused only after a while
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			r := f.start(f.config())
			f.say(message(1))
			pass(20 * time.Second)
			began := time.Now()
			f.set(func() { f.down, f.dialing = tt.lasts > 0, tt.dialing })
			f.restart()
			pass(tt.lasts)
			f.set(func() { f.down = false })
			pass(10 * time.Minute)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			gaps := f.log.allGaps()
			if !tt.gap {
				if len(gaps) != 0 {
					t.Errorf("gaps %+v", gaps)
				}
				return
			}
			if len(gaps) != 1 || gaps[0].Cause != archive.GapUnreachable || gaps[0].AtRisk != (gaps[0].Seconds >= 30) {
				t.Fatalf("gaps %+v", gaps)
			}
			if off := gaps[0].From.Sub(began); off.Abs() > time.Second {
				t.Errorf("begins %s off", off)
			}
			// The next attempt comes within the longest wait, unless chance had it that
			// the server was asked often before.
			if off := gaps[0].To.Sub(began.Add(tt.lasts)); off < 0 || off > time.Minute+tt.dialing {
				t.Errorf("ends %s off", off)
			}
		})
	}
}

func TestADeadConnectionIsAGapSinceItWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		silent := false
		f.intercept = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
			if !silent {
				return false
			}
			f.mu.Unlock()
			<-r.Context().Done()
			f.mu.Lock()
			return true
		}
		r := f.start(f.config())
		f.set(func() { silent = true })
		f.say(message(1))
		pass(time.Second)
		asked := time.Now().Add(-time.Second)
		pass(205 * time.Second)
		if gaps := f.log.allGaps(); len(gaps) != 0 {
			t.Errorf("too early: %+v", gaps)
		}
		f.set(func() { silent = false })
		pass(10 * time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		gaps := f.log.allGaps()
		if len(gaps) != 1 || gaps[0].Cause != archive.GapUnreachable || gaps[0].From.Time.Sub(asked).Abs() > time.Second || gaps[0].Seconds < 209 {
			t.Errorf("asked at %s, gaps %+v", asked, gaps)
		}
	})
}

func TestTheTimeBetweenTwoRunsIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		f.say(message(1))
		pass(90 * time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		stopped := archive.At(time.Now())
		pass(5 * time.Minute)
		r = f.start(f.config())
		started := archive.At(time.Now())
		f.say(message(2))
		pass(time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		want := []archive.Gap{{ID: 1, Account: account, Cause: archive.GapStopped, From: stopped, To: started, Seconds: 300, AtRisk: true, After: 1}}
		if d := cmp.Diff(want, f.log.allGaps()); d != "" {
			t.Error(d)
		}
		if f.apps != 1 || f.requests()[2] != app1+"?ack=2" {
			t.Errorf("%d applications, asked %q", f.apps, f.requests())
		}
	})
}

func TestARestartAfterTheApplicationHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		f.say(message(1))
		pass(time.Second)
		_ = r.stop()
		pass(time.Hour)
		f.set(func() { f.gone = true })
		r = f.start(f.config())
		pass(4 * time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		gaps := f.log.allGaps()
		if d := cmp.Diff([]archive.GapCause{archive.GapStopped, archive.GapApplicationGone}, causes(gaps)); d != "" {
			t.Fatal(d)
		}
		if gaps[0].Seconds != 3600 || gaps[0].To != gaps[1].From || !gaps[1].To.Known() {
			t.Errorf("gaps %+v", gaps)
		}
	})
}

func TestAGapThatWasOpenAtACrashGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		from := archive.At(time.Now().Add(-time.Hour))
		f.log.gaps = []archive.Gap{{ID: 1, Account: account, Cause: archive.GapUnreachable, From: from}}
		f.log.cursors = []archive.Cursor{{Account: account, EndpointID: "e", Capture: "x", Application: origin + "/ucwa/oauth/v1/applications/77",
			Next: origin + "/ucwa/oauth/v1/applications/77/events?ack=7", Updated: from}}
		r := f.start(f.config())
		pass(4 * time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		gaps := f.log.allGaps()
		if d := cmp.Diff([]archive.GapCause{archive.GapUnreachable, archive.GapApplicationGone}, causes(gaps)); d != "" {
			t.Fatal(d)
		}
		if gaps[0].To != gaps[1].From || !gaps[1].To.Known() || f.endpoints[0] != "e" {
			t.Errorf("gaps %+v, endpoints %q", gaps, f.endpoints)
		}
	})
}

func TestSignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		cfg := f.config()
		cfg.SignOut = true
		r := f.start(cfg)
		f.say(message(1))
		pass(time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if cur := f.log.cursor(); !f.gone || cur.Next != "" || cur.EndpointID == "" {
			t.Errorf("gone %v, cursor %+v", f.gone, cur)
		}
		pass(time.Minute)
		r = f.start(f.config())
		f.say(message(2))
		pass(time.Second)
		_ = r.stop()
		if d := cmp.Diff([]archive.GapCause{archive.GapStopped}, causes(f.log.allGaps())); d != "" {
			t.Error(d)
		}
	})
}

func TestActivityIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		pass(time.Hour + time.Second)
		_ = r.stop()
		calls := strings.Join(f.calls, "\n")
		if n := strings.Count(calls, "reportMyActivity"); n != 21 {
			t.Errorf("%d reports in an hour, want one every three minutes", n)
		}
		if n := strings.Count(calls, "makeMeAvailable"); n != 1 {
			t.Errorf("made available %d times", n)
		}
	})
}

// dice are thrown by the server and by the log at once.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// IntN is a number below n.
func (d *dice) IntN(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// Whatever fails in whatever order, every event that the server released is in
// the log, in order and once, and every request was for a durable cursor.
func TestNothingIsLostWhateverFails(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := &dice{rng: rand.New(rand.NewPCG(seed, 1))}
			f := newFront(t)
			f.intercept = func(w http.ResponseWriter, _ *http.Request, ack int) bool {
				switch random.IntN(8) {
				case 0:
					panic(http.ErrAbortHandler)
				case 1:
					w.WriteHeader(503)
					return true
				case 2: // the answer is lost on the way
					if ack == f.expect && len(f.queue) > 0 {
						f.release()
						panic(http.ErrAbortHandler)
					}
				}
				return false
			}
			f.log.fail = func(string) (bool, error) {
				switch random.IntN(12) {
				case 0:
					return false, errDisk
				case 1:
					return true, errDisk
				}
				return true, nil
			}
			r := f.start(f.config())
			for n := range 60 {
				f.say(message(n))
				pass(time.Duration(random.IntN(40)) * time.Second)
				select {
				case <-r.done: // the cursor could not be read at the start
					r = f.start(f.config())
				default:
				}
				if random.IntN(10) == 0 {
					_ = r.stop()
					r = f.start(f.config())
				}
			}
			f.set(func() { f.intercept = nil })
			f.log.mu.Lock()
			f.log.fail = nil
			f.log.mu.Unlock()
			_ = r.stop()
			r = f.start(f.config())
			pass(time.Hour)
			_ = r.stop()
			var got []string
			for _, o := range f.log.observations(archive.SourceCapture) {
				_, body, ok := strings.Cut(string(o.Body), `"events":[`)
				if ok {
					got = append(got, strings.TrimSuffix(body, "]}]}"))
				}
			}
			if d := cmp.Diff(strings.Join(f.history, ","), strings.Join(got, ",")); d != "" {
				t.Errorf("seed %d: %s", seed, d)
			}
			if len(f.history) != 60 || f.apps != 1 {
				t.Errorf("seed %d: %d events, %d applications", seed, len(f.history), f.apps)
			}
			for i, g := range f.log.allGaps() {
				if !g.To.Known() || g.To.Before(g.From.Time) {
					t.Errorf("seed %d: gap %d: %+v", seed, i, g)
				}
			}
		})
	}
}
