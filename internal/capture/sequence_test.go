package capture_test

import (
	"flag"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Whatever a server, a network, a disk and a person do, in whatever order:
// nothing acknowledged is missing from the log and nothing is in it twice, its
// order is that of release, its gaps are the true ones, and no server in
// trouble is asked more than six times a minute.
//
// A failure prints the shortest sequence found, what happened in it, and two
// lines to repeat it with, the first of which is the shortest one:
//
//	go test ./internal/capture -run TestSequences/lanes/0 -rapid.failfile=…
//	go test ./internal/capture -run TestSequences/lanes/0 -rapid.seed=…
//
// A fail file that is still under testdata/rapid is tried first by itself.
// ARCHIVER_LONG=1 tries 100,000 sequences; -rapid.checks=N any other number in
// each of the two lanes.
func TestSequences(t *testing.T) {
	checks := 300
	if os.Getenv("ARCHIVER_LONG") != "" {
		checks = 100_000
	}
	const lanes = 2
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // a bubble is garbage when it has ended
	number := flag.Lookup("rapid.checks")
	if number.Value.String() == number.DefValue {
		before := number.Value.String()
		must(t, flag.Set("rapid.checks", strconv.Itoa(checks/lanes)))
		t.Cleanup(func() { must(t, flag.Set("rapid.checks", before)) })
	}
	t.Run("lanes", func(t *testing.T) { // which has ended when all of them have
		for lane := range lanes {
			t.Run(strconv.Itoa(lane), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(rt *rapid.T) {
					seed := rapid.Uint64().Draw(rt, "jitter")
					steps := rapid.SliceOfN(steps(kinds()...), 1, 24).Draw(rt, "steps")
					if wrong := sequence(t, seed, steps); len(wrong) > 0 {
						rt.Fatalf("%s", strings.Join(wrong, "\n"))
					}
				})
			})
		}
	})
}

// Sequences that found something once, each with several waits.
func TestSequencesThatWereWrong(t *testing.T) {
	const second, minute = time.Second, time.Minute
	for name, steps := range map[string][]step{
		"an interruption of short pieces": {{Do: "batch", N: 1}, {Do: "expire"}, {Do: "expire", N: 1}, {Do: "expire"}, {Do: "expire", N: 2}},
		"a proxy that gives up":           {{Do: "cut", Wait: 100 * second}, {Do: "answer", Wait: 120 * second, How: "504"}, {Do: "answer", Wait: 120 * second, How: "504"}},
		"cut, then silent":                {{Do: "batch", N: 1}, {Do: "batch", N: 1}, {Do: "cut", Wait: 64 * second}, {Do: "silent", Wait: 6 * second}},
		"cut after half a minute":         {{Do: "batch", N: 1}, {Do: "cut", Wait: 31 * second}, {Do: "empty"}},
		"lost on the way, then gone":      {{Do: "batch", N: 1}, {Do: "break", N: 2, How: "before", Wait: 10 * second}, {Do: "answer", Wait: 2 * second, How: "404 of a proxy"}, {Do: "gone", How: "404 ApplicationNotFound"}},
		"a gap that goes on":              {{Do: "stop", For: 5 * second}, {Do: "forbid", N: 1}, {Do: "kill", Wait: 2 * second, For: 20 * minute}},
		"a full disk at the stop":         {{Do: "batch", N: 1}, {Do: "disk", N: 7, How: "before"}, {Do: "stop", Wait: second, For: 19 * second}},
		"gone while the disk is full":     {{Do: "batch", N: 1}, {Do: "disk", N: 9, How: "before"}, {Do: "batch", N: 2}, {Do: "gone", How: "404 ApplicationNotFound"}, {Do: "batch", N: 1}},
		"told twice":                      {{Do: "kill", For: 299 * second}, {Do: "disk", N: 1, How: "kill after"}},
		"started into a storm":            {{Do: "batch", N: 1}, {Do: "storm", For: 12 * minute, How: "404 of a proxy"}, {Do: "batch", N: 1}},
		"stopped while dialing":           {{Do: "batch", N: 1}, {Do: "down", For: 9 * second, How: "slow"}, {Do: "stop", Wait: 12 * second, For: 7 * second}},
		"a token refused in between":      {{Do: "batch", N: 1}, {Do: "cut", Wait: 20 * second}, {Do: "expire"}, {Do: "cut", Wait: 20 * second}, {Do: "forbid"}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(25) {
				if wrong := sequence(t, seed, steps); len(wrong) > 0 {
					t.Fatalf("seed %d: %s", seed, strings.Join(wrong, "\n"))
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// kinds are what can happen, the simplest first: that is where rapid looks for
// the shortest sequence.
func kinds() []string {
	return []string{"batch", "empty", "break", "disk", "answer", "gone", "kill", "cut", "resync", "resume", "silent",
		"extend", "expire", "forbid", "stop", "down", "replaced", "storm"}
}

// variants are the ways in which some can happen.
func variants() map[string][]string {
	return map[string][]string{
		"resync": {"", "with next"}, "gone": {"404 ApplicationNotFound", "410 InactiveApplicationExpired", "410 Something"},
		"answer": slices.Sorted(maps.Keys(answers())), "break": {"before", "inside", "after"}, "down": {"", "slow"},
		"disk": {"before", "after", "kill before", "kill after"}, "storm": {"503", "502", "404 of a proxy", "429", "a page"},
	}
}

// steps draws one step of some kinds.
func steps(kinds ...string) *rapid.Generator[step] {
	hows := variants()
	return rapid.Custom(func(rt *rapid.T) step {
		s := step{Do: rapid.SampledFrom(kinds).Draw(rt, "do")}
		s.Wait = time.Duration(rapid.IntRange(0, 170).Draw(rt, "wait")) * time.Second
		s.N = rapid.IntRange(1, 4).Draw(rt, "n")
		if how := hows[s.Do]; how != nil {
			s.How = rapid.SampledFrom(how).Draw(rt, "how")
		}
		switch s.Do {
		case "storm":
			s.For = time.Duration(rapid.IntRange(12, 30).Draw(rt, "for")) * time.Minute
		case "kill", "stop", "down":
			s.For = time.Duration(rapid.IntRange(0, 1200).Draw(rt, "for")) * time.Second
		case "gone":
			s.N--
		case "disk":
			s.N *= 3 // an attempt takes two or three operations
		case "expire", "forbid": // a token is judged when it arrives
			s.N, s.Wait = s.N-1, 0
		}
		return s
	})
}

// sequence lets the steps happen one after the other, each to a P-GET, then
// heals everything and says what was not as it should be.
func sequence(t *testing.T, seed uint64, steps []step) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		d := &dice{rng: rand.New(rand.NewPCG(seed, 1))}
		log := &memory{}
		w := newWorld(t, log, d.Float64)
		w.intercept = func(rw http.ResponseWriter, r *http.Request, ack int) bool {
			if len(steps) == 0 || w.gone || !w.present(r) || r.Header.Get("Authorization") != "Bearer "+w.token() {
				return false
			}
			s := steps[0]
			steps = steps[1:]
			return w.perform(rw, r, ack, s)
		}
		w.run(func() bool { return len(steps) == 0 })
		wrong = w.verdict(log.allGaps(), w.proc.asked)
	})
	return wrong
}

// Float64 is from 0 to 1.
func (d *dice) Float64() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64()
}

// order is what is to happen to the process, and for how long it is then gone.
type order struct {
	what string
	away time.Duration
}

func (w *world) order(what string, away time.Duration) {
	select {
	case w.orders <- order{what, away}:
	default: // one at a time
	}
}

// longest is how long a sequence may last in its own time, so that one that
// makes no progress ends.
const longest = 48 * time.Hour

// run keeps a process running until over says so, heals the world, and stops.
func (w *world) run(over func() bool) {
	w.boot()
	for begun := time.Now(); time.Since(begun) < longest; {
		away, ended := time.Duration(0), false
		select {
		case err := <-w.proc.done:
			w.ended(err)
			ended = true
		case o := <-w.orders:
			away, ended = o.away, true
			if o.what == "kill" {
				w.kill(w.proc)
			} else {
				w.stop()
			}
			w.ended(<-w.proc.done)
		case <-time.After(time.Minute):
		}
		if ended {
			time.Sleep(away + time.Second)
			w.boot()
		}
		w.mu.Lock()
		done := over() && w.busy == nil && !w.down
		w.mu.Unlock()
		if done {
			break
		}
	}
	w.settle()
}

func (w *world) ended(err error) {
	w.mu.Lock()
	fought := w.fought
	w.fought = false
	w.mu.Unlock()
	w.reaped(err, fought)
}

// settle lets the present process find a world in which everything works, and
// stops it.
func (w *world) settle() {
	w.set(func() {
		w.service, w.refuses, w.busy, w.down, w.healed = nil, nil, nil, false, true
		w.truth.tell("healed", "")
	})
	w.proc.heal()
	for quiet := time.Now(); time.Since(quiet) < 10*time.Minute; {
		select {
		case err := <-w.proc.done:
			w.ended(err)
			w.boot()
		case o := <-w.orders:
			_ = o // whatever was still to come does not
		case <-time.After(time.Minute):
		}
	}
	w.set(func() { w.event(1) })
	time.Sleep(10 * time.Second)
	w.stop()
	w.ended(<-w.proc.done)
	time.Sleep(time.Minute) // dialing goes on for a while after nobody wants it any more
}
