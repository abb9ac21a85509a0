// Package capture keeps one P-GET parked at the server for an account and puts
// what comes back into the log, verbatim, before the server may forget it.
//
// poll.go is the loop and the order on which everything rests, ask.go its one
// request, commit.go its writes; session.go signs in, gets applications and
// stops, policy.go asks whether that is wished; recover.go and judge.go wait out
// what fails, pace.go as politely as must be; gap.go, cover.go and elsewhere.go
// account for what is not captured, by the time that clock.go keeps. Beside the
// loop, fetch.go gets what events only link to, alive.go keeps the application
// from being ended, accept.go takes invitations up where that is wanted, and
// historian.go reads the server's conversation history in rounds (round.go,
// roundlist.go, persist.go), which backfill.go does once. group.go does all this
// for several accounts. project.go turns the log into the decoded tables, behind the loop
// and apart from it.
package capture

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// Log is where observations and gaps go. When a method returns nil, what it was
// given survives a crash and a power failure. An error says nothing about
// whether it was kept: capture does it again, and doing it again must alter
// nothing.
type Log interface {
	// EnsureAccount makes the account known and notes its server.
	EnsureAccount(ctx context.Context, uri, server string) error
	// AppendObservations appends all of them and sets the cursor, if it is not
	// nil, in one transaction.
	AppendObservations(ctx context.Context, obs []archive.Observation, cur *archive.Cursor) ([]archive.Appended, error)
	// Cursor is archive.ErrNotFound for an account that was never captured.
	Cursor(ctx context.Context, account string) (archive.Cursor, error)
	// AppendGap records a gap after the account's newest observation; one
	// without To is open.
	AppendGap(ctx context.Context, g archive.Gap) (archive.GapID, error)
	CloseGap(ctx context.Context, id archive.GapID, to archive.Time) error
	OpenGaps(ctx context.Context, account string) ([]archive.Gap, error)
	// Fetches lists what appended observations want fetched and nothing has
	// answered yet, least tried first.
	Fetches(ctx context.Context, account string, limit int) ([]archive.Fetch, error)
	// NoteFetch notes what came of a fetch that brought nothing.
	NoteFetch(ctx context.Context, id archive.FetchID, outcome archive.FetchOutcome) error
	// SeePolicy notes a policy and returns what is known of it, with when it was
	// acknowledged; one whose value is another is not yet.
	SeePolicy(ctx context.Context, p archive.Policy) (archive.Policy, error)
	// AcknowledgePolicy notes that the operator knows of a policy that was seen.
	AcknowledgePolicy(ctx context.Context, account, name string, at archive.Time) error
	Policies(ctx context.Context, account string) ([]archive.Policy, error)
	// SetCapturing says whether this process captures an account now.
	SetCapturing(account string, on bool) error
}

// Config says what to capture and where to put it.
type Config struct {
	Account string      // the account's URI
	Client  ucwa.Config // where to sign in and as whom
	Log     Log
	History HistoryLog // where the server's conversation history goes; nil leaves it unread
	// Presence is what capture is to the user's other clients; "" is
	// PresenceAvailable.
	Presence Presence
	// SignInAs is what contacts see of it (makeMeAvailable_ref.md): Online, Busy,
	// DoNotDisturb, BeRightBack, Away or Offwork; "" leaves it to the server.
	SignInAs string
	// PolicyAcknowledged: the operator has said that he knows of an
	// administrator's wish that history be not saved (PolicyError).
	PolicyAcknowledged bool
	// SignOut ends the application at a planned stop, which also ends the
	// user's conversations in it. Without it a restart goes on where it was.
	SignOut bool
	// OnCommit is told of every observation that has become durable, in order;
	// nil for nobody. It is called apart from the loop and may take its time.
	OnCommit func(archive.ObservationID)
	// OnPoll is told how long capture took from a response to the next request;
	// nil for nobody. It is called as OnCommit is.
	OnPoll func(Turn)
	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
	random func() float64   // from 0 to 1; nil is chance
	// Machine are the clocks by which sleeps of the machine and settings of its
	// clock are noticed; nil takes Now at its word, as it must be taken when it
	// is the clock of a simulated server, which leaps.
	Machine *MachineClock

	clock *timekeeper // that of RunAll, which keeps it; nil for one's own
}

// Turn is the time between a response and the P-GET that follows it, in which
// nothing is parked.
type Turn struct {
	Commit time.Duration // from the response's last byte to its being durable
	Ask    time.Duration // from there to the next request's being written
}

// Run captures an account until ctx ends, which is a planned stop and returns
// nil. It returns an error when going on would be wrong: archive.ErrUnauthorized
// when the credentials were refused, archive.ErrConflict when somebody else
// captures through the same application, a *PolicyError when an administrator
// does not want history and nobody has acknowledged that, and an error of the
// Log when not even the cursor can be read. Everything else it waits out,
// recording the gap. A fault of the program ends it as well, and not the
// process. Nothing it started is left running when it returns.
func Run(ctx context.Context, cfg Config) error {
	var err error
	if cfg.Presence, err = cfg.Presence.known(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	r := newRecorder(cfg)
	if err := r.load(ctx); err != nil {
		return fmt.Errorf("capture: start: %w", err)
	}
	if err := cfg.Log.SetCapturing(cfg.Account, true); err != nil {
		return fmt.Errorf("capture: start: %w", err)
	}
	err = errors.Join(r.run(ctx), cfg.Log.SetCapturing(cfg.Account, false))
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

// run captures, with everything that goes on beside the loop.
func (r *recorder) run(ctx context.Context) (err error) {
	ctx, r.guard.end = context.WithCancel(ctx)
	defer r.guard.end()
	stop := r.watch(ctx)
	r.fetcher.start(ctx)
	r.history.start(ctx)
	r.guard.run(func() { err = r.loop(ctx) })
	r.alive.stop()
	r.history.stop()
	r.fetcher.stop()
	r.joiner.stop()
	if r.guard.broken.Load() {
		err = errBroken
	}
	r.guard.run(func() { r.finish(ctx, err) })
	stop()
	return err
}

// watch keeps the time until it is told to stop, which also waits for callbacks.
func (r *recorder) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var owned sync.WaitGroup
	if r.cfg.Machine != nil && r.cfg.clock == nil {
		owned.Go(func() { r.clock.watch(ctx) })
	}
	return func() {
		cancel()
		owned.Wait()
		r.teller.stop()
	}
}

func newRecorder(cfg Config) *recorder {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnCommit == nil {
		cfg.OnCommit = func(archive.ObservationID) {}
	}
	// An account's URI is an address; its id says which account it is.
	cfg.Logger = cfg.Logger.With("account", archive.AccountID(cfg.Account))
	if cfg.random == nil {
		cfg.random = rand.Float64
	}
	clock, pace, guard := cfg.clock, &pacer{}, &guard{log: cfg.Logger}
	if clock == nil {
		clock = newTimekeeper(cfg.Now, cfg.Machine)
	}
	cfg.Client = clientConfig(cfg, clock, pace)
	r := &recorder{
		cfg: cfg, log: cfg.Logger, clock: clock, pacer: pace, guard: guard, teller: &teller{guard: guard},
		coverage: &coverage{log: cfg.Log, account: cfg.Account, clock: clock},
		alive:    &alive{presence: cfg.Presence, signInAs: cfg.SignInAs, log: cfg.Logger, pacer: pace, guard: guard},
		pace:     newPace(cfg.random),
	}
	r.away.coverage = r.coverage
	r.fetcher = newFetcher(cfg, r)
	r.history = newHistorian(cfg, r)
	r.coverage.atRisk = func() { r.wantHistory("gap") }
	if cfg.Presence == PresenceAccept {
		r.joiner = newJoiner(r)
	}
	return r
}

// clientConfig completes how to sign in: with the recorder's time, and through
// a transport that counts.
func clientConfig(cfg Config, clock *timekeeper, pace *pacer) ucwa.Config {
	c := cfg.Client
	if c.Now == nil || cfg.Machine != nil {
		c.Now = func() time.Time { return clock.now().Time }
	}
	if c.Logger == nil {
		c.Logger = cfg.Logger
	}
	_, domain, _ := strings.Cut(cfg.Account, "@")
	c.Hosts = append(slices.Clone(c.Hosts), domain)
	base := http.DefaultTransport
	if c.HTTPClient != nil && c.HTTPClient.Transport != nil {
		base = c.HTTPClient.Transport
	}
	c.HTTPClient = &http.Client{Transport: wire{base: base, pacer: pace}}
	return c
}
