package capture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"archiver/internal/archive"
)

// startEvery is how far apart on average accounts begin to sign in, and
// startWithin the longest that any waits: hundreds at once would be the kind of
// trouble for a server that capture is there to outlast.
const (
	startEvery  = 20 * time.Millisecond
	startWithin = 30 * time.Second
)

// AccountError is the end of one account's capture.
type AccountError struct {
	Account string // its URI
	Err     error  // as of Run
}

// Error names the account.
func (e *AccountError) Error() string { return e.Account + ": " + e.Err.Error() }

// Unwrap is why its capture ended.
func (e *AccountError) Unwrap() error { return e.Err }

// RunAll captures several accounts, each as Run does and each alone in its
// failure: when one ends, also by a fault of the program, the others go on.
// ended is told of that at once, from several goroutines; nil for nobody.
//
// It returns when ctx has ended or no account is left, with an *AccountError for
// each account that ended by itself, joined. An account that is there twice is
// archive.ErrInvalid, before anything is captured. Accounts share the clocks of
// the first and, where their configurations say so, a transport, whose limits
// are those of connections.
func RunAll(ctx context.Context, cfgs []Config, ended func(*AccountError)) error {
	seen := make(map[string]bool, len(cfgs))
	for _, cfg := range cfgs {
		if seen[cfg.Account] {
			return fmt.Errorf("capture: %s is there twice: %w", cfg.Account, archive.ErrInvalid)
		}
		seen[cfg.Account] = true
	}
	if len(cfgs) == 0 {
		return nil
	}
	clock, stop := commonClock(ctx, cfgs[0])
	defer stop()
	failed := make([]error, len(cfgs))
	spread := min(time.Duration(len(cfgs)-1)*startEvery, startWithin)
	var running sync.WaitGroup
	for i, cfg := range cfgs {
		cfg.clock = clock
		running.Go(func() {
			if spread > 0 {
				sleep(ctx, rand.N(spread))
			}
			err := Run(ctx, cfg)
			if err == nil {
				return
			}
			e := &AccountError{Account: cfg.Account, Err: err}
			failed[i] = e
			if ended != nil {
				ended(e)
			}
		})
	}
	running.Wait()
	return errors.Join(failed...)
}

// commonClock keeps the time for all accounts: a thousand need to be told of a
// sleeping machine, and one to notice.
func commonClock(ctx context.Context, cfg Config) (clock *timekeeper, stop func()) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	clock = newTimekeeper(cfg.Now, cfg.Machine)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { clock.watch(ctx) })
	return clock, func() { cancel(); watching.Wait() }
}
