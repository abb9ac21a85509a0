package capture_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// crowd is several accounts, each with a server of its own.
func crowd(t *testing.T, n int) (fronts []*front, cfgs []capture.Config) {
	for i := range n {
		f := newFront(t)
		cfg := f.config()
		cfg.Account = fmt.Sprintf("sip:user%d@contoso.example", i)
		fronts, cfgs = append(fronts, f), append(cfgs, cfg)
	}
	return fronts, cfgs
}

// Whatever becomes of one account, the others go on.
func TestEachAccountFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fronts, cfgs := crowd(t, 8)
		fronts[1].password = "another"
		fronts[2].policy = "Disabled"
		cfgs[3].OnCommit = func(archive.ObservationID) { panic("canary: a callback") }
		fronts[4].log.fail = func(op string) (bool, error) {
			if op == "append" {
				panic("canary: the log")
			}
			return true, nil
		}
		fronts[5].log.fail = func(op string) (bool, error) {
			if op == "note" {
				panic("canary: beside the loop")
			}
			return true, nil
		}
		cfgs[6].Presence = "Online"
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		ended := make(map[string]error)
		done := make(chan error, 1)
		go func() {
			done <- capture.RunAll(ctx, cfgs, func(e *capture.AccountError) {
				mu.Lock()
				defer mu.Unlock()
				ended[e.Account] = e.Err
			})
		}()
		pass(time.Second)
		for _, f := range fronts {
			f.say(bare("added", "participant", app1Base+"/gone", ""))
		}
		pass(time.Minute)
		for _, f := range fronts {
			f.say(message(1))
		}
		pass(time.Minute)
		for i, f := range fronts {
			mu.Lock()
			err := ended[cfgs[i].Account]
			mu.Unlock()
			if fails := i >= 1 && i <= 6; fails != (err != nil) {
				t.Errorf("account %d ended with %v", i, err)
			}
			if err == nil && !strings.Contains(bodies(f.log), "canary+text+1") {
				t.Errorf("account %d is not captured", i)
			}
			if f.log.capturing[cfgs[i].Account] != (err == nil) {
				t.Errorf("account %d says whether it is captured: %v", i, f.log.capturing[cfgs[i].Account])
			}
		}
		cancel()
		err := <-done
		var one *capture.AccountError
		if !errors.As(err, &one) || !errors.Is(err, archive.ErrUnauthorized) || strings.Contains(err.Error(), "canary") {
			t.Errorf("ended with %v", err)
		}
		if n := strings.Count(err.Error(), "a fault of the program"); n != 3 {
			t.Errorf("%d faults: %v", n, err)
		}
	})
}

func TestAnAccountThatIsThereTwice(t *testing.T) {
	cfg := capture.Config{Account: account}
	if err := capture.RunAll(t.Context(), []capture.Config{cfg, cfg}, nil); !errors.Is(err, archive.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	if err := capture.RunAll(t.Context(), nil, nil); err != nil {
		t.Errorf("nobody: %v", err)
	}
}

// A thousand accounts are to fit in one process: none may take many goroutines,
// and they do not sign in all at once.
func TestACrowd(t *testing.T) {
	const accounts = 100
	synctest.Test(t, func(t *testing.T) {
		fronts, cfgs := crowd(t, accounts)
		m := newMachine()
		for i := range cfgs {
			cfgs[i].Now, cfgs[i].Machine = m.now, m.clock()
		}
		before := runtime.NumGoroutine()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- capture.RunAll(ctx, cfgs, nil) }()
		first := time.Now()
		pass(time.Minute)
		// Each account's server has goroutines as well: two a connection.
		each := float64(runtime.NumGoroutine()-before) / accounts
		if each > 12 {
			t.Errorf("%.1f goroutines for each account", each)
		}
		t.Logf("%.1f goroutines for each account and its server", each)
		m.change(time.Hour, 0)
		pass(10 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		atOnce := 0
		for i, f := range fronts {
			if len(f.asked) == 0 {
				t.Errorf("account %d was not captured", i)
			}
			if f.times[0].Equal(first) {
				atOnce++
			}
			if gaps := f.log.allGaps(); len(gaps) > 1 || len(gaps) == 1 && gaps[0].Cause != archive.GapAsleep {
				t.Errorf("account %d: gaps %+v", i, gaps)
			}
		}
		if atOnce > accounts/10 {
			t.Errorf("%d accounts signed in at once", atOnce)
		}
	})
}
