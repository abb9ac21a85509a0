package capture

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// HistoryLog is where the server's conversation history goes. What Log promises
// of durability and repetition holds here too.
type HistoryLog interface {
	// History is how far reading has come.
	History(ctx context.Context, account string) (archive.History, error)
	// HistoryTasks lists what the unfinished round has still to read, and counts
	// what it has found so far.
	HistoryTasks(ctx context.Context, account string, limit int) (tasks []archive.HistoryTask, found int64, err error)
	// AppendHistory makes one step durable as a whole.
	AppendHistory(ctx context.Context, step archive.HistoryStep) (archive.Appended, error)
}

const (
	// historyDelay is how long a round waits for further reasons, and for a
	// P-GET to be parked: what it covers are gaps that had ended before.
	historyDelay = 10 * time.Second
	// historyRest is the least time between two rounds: what ends elsewhere
	// reaches the server's history only after a while, and several reasons to
	// read it often come together.
	historyRest = 5 * time.Minute
	// historyRetry is when a round that broke off goes on, unless there is
	// reason to before.
	historyRetry = 15 * time.Minute
)

// historian reads the server's conversation history beside the loop, whenever
// there is reason to think that something was missed. want may be called from
// any goroutine; start and stop belong to the owner's.
type historian struct {
	cfg      Config
	recorder *recorder // for what of it any goroutine may use
	log      *slog.Logger
	wake     chan struct{}
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu          sync.Mutex
	client      *ucwa.Client // guarded by mu; nil while signed out
	application string       // guarded by mu; URL of the present application
	reason      string       // guarded by mu; the first since the last round began
}

func newHistorian(cfg Config, r *recorder) *historian {
	return &historian{cfg: cfg, recorder: r, log: cfg.Logger, wake: make(chan struct{}, 1)}
}

// start serves wants until stop.
func (h *historian) start(ctx context.Context) {
	if h.cfg.History == nil {
		return
	}
	ctx, h.cancel = context.WithCancel(ctx)
	h.done.Go(func() { h.recorder.guard.run(func() { h.run(ctx) }) })
}

// stop ends the round that is going on where it is, and waits for that. The
// next start goes on from there.
func (h *historian) stop() {
	if h.cancel != nil {
		h.cancel()
	}
	h.done.Wait()
}

// want asks for a round because of reason, a word of ours. Wants during a round
// or the rest after it become one round. It never blocks.
func (h *historian) want(reason string, client *ucwa.Client, application string) {
	h.mu.Lock()
	h.client, h.application = client, application
	if h.reason == "" {
		h.reason = reason
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// wanted is what is wanted now; no client when that must wait for signing in.
func (h *historian) wanted() (*ucwa.Client, string, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reason := h.reason
	if h.client != nil && h.application != "" {
		h.reason = ""
	}
	return h.client, h.application, reason
}

func (h *historian) run(ctx context.Context) {
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-retry:
		}
		retry = nil
		sleep(ctx, historyDelay)
		client, application, reason := h.wanted()
		if client == nil || application == "" {
			continue // whoever signs in wants it again
		}
		h.log.Debug("reading the history", "reason", reason)
		round := newRound(h.recorder, client, application)
		err := round.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			h.log.Warn("history not read to its end", "err", err)
			retry = time.After(historyRetry)
			continue
		}
		round.report()
		sleep(ctx, jittered(historyRest))
	}
}

// jittered is d to one and a half times d.
func jittered(d time.Duration) time.Duration { return d + rand.N(d/2) }

// wantHistory asks for the server's history to be read because of reason. It
// never blocks; what is wanted while signed out is read after signing in, where
// it is wanted anyhow.
func (r *recorder) wantHistory(reason string) {
	r.history.want(reason, r.client, r.cursor.Application)
}

// wantAfter asks for the history after an envelope that tells of something
// missed: the place in the channel, conversations that were closed, or that the
// server's counts of what was missed have changed (missedItems_ref.md).
func (r *recorder) wantAfter(env ucwa.Envelope) {
	switch {
	case env.Resync != "":
		r.wantHistory("resync")
	case env.Resume != "":
		r.wantHistory("resume")
	}
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			if e, err := ucwa.ParseEvent(raw); err == nil && e.Link.Rel == ucwa.RelMissedItems {
				r.wantHistory("missed items")
				return
			}
		}
	}
}
