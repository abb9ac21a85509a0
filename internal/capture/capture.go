// Package capture keeps one P-GET parked at the server for an account and puts
// what comes back into the log, verbatim, before the server may forget it.
//
// poll.go is the loop and the order on which everything rests, commit.go its
// writes; session.go signs in, gets applications and stops; recover.go and
// judge.go wait out what fails; gap.go and cover.go account for every interval
// without a parked P-GET. Beside the loop, fetch.go gets what events only link
// to and alive.go keeps the application from being ended. project.go turns the
// log into the decoded tables, behind the loop and apart from it.
package capture

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
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
}

// Config says what to capture and where to put it.
type Config struct {
	Account string      // the account's URI
	Client  ucwa.Config // where to sign in and as whom
	Log     Log
	// Presence is what colleagues see (signInAs); "" leaves it to the server.
	Presence string
	// SignOut ends the application at a planned stop, which also ends the
	// user's conversations in it. Without it a restart goes on where it was.
	SignOut bool
	// Replay says that Now is the clock of a simulated server, which leaps while
	// a P-GET is parked: a leap is then no sign that this machine slept.
	Replay bool
	// OnCommit is told of every observation that has become durable; nil for
	// nobody. It is called from several goroutines and must not block.
	OnCommit func(archive.ObservationID)
	Logger   *slog.Logger     // nil discards
	Now      func() time.Time // nil is time.Now
	random   func() float64   // from 0 to 1; nil is chance
}

// Run captures an account until ctx ends, which is a planned stop and returns
// nil. It returns an error when going on would be wrong: archive.ErrUnauthorized
// when the credentials were refused, archive.ErrConflict when somebody else
// captures through the same application, and an error of the Log when not even
// the cursor can be read. Everything else it waits out, recording the gap.
// Nothing it started is left running when it returns.
func Run(ctx context.Context, cfg Config) error {
	r := newRecorder(cfg)
	if err := r.load(ctx); err != nil {
		return fmt.Errorf("capture: start: %w", err)
	}
	r.fetcher.start(ctx)
	err := r.loop(ctx)
	r.alive.stop()
	r.fetcher.stop()
	r.finish(ctx, err)
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
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
	if cfg.Client.Now == nil {
		cfg.Client.Now = cfg.Now
	}
	if cfg.Client.Logger == nil {
		cfg.Client.Logger = cfg.Logger
	}
	if cfg.random == nil {
		cfg.random = rand.Float64
	}
	_, domain, _ := strings.Cut(cfg.Account, "@")
	cfg.Client.Hosts = append(slices.Clone(cfg.Client.Hosts), domain)
	return &recorder{
		cfg: cfg, log: cfg.Logger,
		coverage: &coverage{log: cfg.Log, account: cfg.Account, now: cfg.Now},
		fetcher:  newFetcher(cfg),
		alive:    &alive{presence: cfg.Presence, log: cfg.Logger},
		pace:     newPace(cfg.random),
	}
}
