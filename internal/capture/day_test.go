package capture_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/store"
)

// A day of a user: 24 hours of messages, with every fault at random times, into
// a real store. At its end everything acknowledged is in the store, its gaps
// are the true ones, tokens were renewed before they expired, activity was
// reported as often as the server wants it, and no goroutine is left (else the
// bubble does not end).
//
// A failure names its seed and tells the day. To have the same day again:
//
//	ARCHIVER_DAY=17 go test ./internal/capture -run TestDay
//
// ARCHIVER_LONG=1 lives through 200 days and a quiet one.
func TestDay(t *testing.T) {
	first, days := quiet, uint64(4)
	if os.Getenv("ARCHIVER_LONG") != "" {
		days = 201
	}
	if s := os.Getenv("ARCHIVER_DAY"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		must(t, err)
		first, days = n, 1
	}
	for seed := first; seed < first+days; seed++ {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			t.Parallel()
			if wrong := day(t, seed); len(wrong) > 0 {
				t.Errorf("seed %d: %s", seed, strings.Join(wrong, "\n"))
			}
		})
	}
}

const dayLong = 24 * time.Hour

// quiet is the day on which nothing goes wrong.
const quiet = uint64(0)

func day(t *testing.T, seed uint64) (wrong []string) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), dir, store.Options{Write: true})
		must(t, err)
		d := &dice{rng: rand.New(rand.NewPCG(seed, 2))}
		w := newWorld(t, s, d.Float64)
		w.messages = func() int { return countMessages(t, s) }
		end := time.Now().Add(dayLong)
		var due []step
		w.intercept = func(rw http.ResponseWriter, r *http.Request, ack int) bool {
			if len(due) == 0 || w.healed || w.gone || !w.present(r) || r.Header.Get("Authorization") != "Bearer "+w.token() {
				return false
			}
			s := due[0]
			due = due[1:]
			return w.perform(rw, r, ack, s)
		}
		// Chance of its own, so that what happens does not depend on how often
		// capture waits.
		faults, talk := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4))
		var world sync.WaitGroup
		if seed != quiet {
			world.Go(func() { w.trouble(faults, end, &due) })
		}
		world.Go(func() { w.chatter(talk, end) })
		w.run(func() bool { return !time.Now().Before(end) })
		world.Wait()
		gaps, err := s.Gaps(t.Context(), account)
		must(t, err)
		wrong = append(w.verdict(gaps, w.proc.asked), w.looked(gaps)...)
		if seed == quiet && (len(gaps) > 0 || w.apps != 1 || w.grants > int(2*dayLong/tokenLife)+1) {
			wrong = append(wrong, fmt.Sprintf("on a quiet day: %d applications, %d tokens, gaps %v", w.apps, w.grants, gaps))
		}
		must(t, s.Close())
	})
	return wrong
}

// trouble makes faults fall due, one every 20 minutes or so.
func (w *world) trouble(rng *rand.Rand, end time.Time, due *[]step) {
	all := kinds()
	for time.Now().Before(end) {
		time.Sleep(time.Duration(rng.ExpFloat64() * float64(20*time.Minute)))
		s := steps(all[rng.IntN(len(all))]).Example(int(rng.Int32()))
		w.set(func() { *due = append(*due, s) })
	}
}

// chatter is what other people say: conversations of some messages, and links
// to what has to be fetched.
func (w *world) chatter(rng *rand.Rand, end time.Time) {
	for time.Now().Before(end) {
		time.Sleep(time.Duration(rng.ExpFloat64() * float64(25*time.Minute)))
		for range 1 + rng.IntN(10) {
			time.Sleep(time.Duration(rng.ExpFloat64()*float64(20*time.Second)) + time.Millisecond)
			w.set(func() {
				if w.healed {
					return
				}
				w.event(1)
				if rng.IntN(10) == 0 {
					href := fmt.Sprintf("%s/c1/participants/p%d", w.app(), w.said)
					w.resources[href] = `{"rel":"participant","name":"Bo Canary"}`
					w.tell(bare("added", "participant", href, ""))
				}
			})
		}
	}
}

// looked checks what capture has to do while nothing is wrong.
func (w *world) looked(gaps []archive.Gap) (wrong []string) {
	if w.expired > 0 {
		wrong = append(wrong, fmt.Sprintf("%d tokens were used beyond their time", w.expired))
	}
	if w.grants < int(dayLong/tokenLife) {
		wrong = append(wrong, fmt.Sprintf("%d tokens in a day", w.grants))
	}
	// Where nothing was wrong, no four minutes go by without a report.
	var quiet []span
	for _, g := range gaps {
		quiet = append(quiet, span{g.From.Time, g.To.Time})
	}
	for _, s := range without(span{w.began, w.proc.asked}, quiet) {
		last := s.from
		for _, at := range append(w.truth.reports, s.to) {
			if at.Before(s.from) || at.After(s.to) {
				continue
			}
			if at.Sub(last) > 4*time.Minute+tolerance {
				wrong = append(wrong, fmt.Sprintf("no activity reported in %s", span{last, at}))
			}
			last = at
		}
	}
	return wrong
}

func countMessages(t *testing.T, s *store.Store) (n int) {
	conversations, err := s.Conversations(context.Background(), archive.ConversationFilter{})
	must(t, err)
	for _, c := range conversations {
		for after := archive.EventID(0); ; {
			page, err := s.Messages(context.Background(), archive.MessageFilter{Conversation: c.ID, After: after})
			must(t, err)
			if len(page) == 0 {
				break
			}
			n, after = n+len(page), page[len(page)-1].Events[0]
		}
	}
	return n
}
