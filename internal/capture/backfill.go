package capture

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// Backfill reads the server's conversation history once and says what that
// brought. It signs in as Run does and works through the same application, but
// makes nobody available and polls nothing. progress is told after every
// resource; nil for nobody.
//
// What it does not finish it goes on with the next time. Its errors are Run's,
// *PolicyError among them, and archive.ErrUnavailable when the server could not be read to the end.
func Backfill(ctx context.Context, cfg Config, progress func(HistorySummary)) (HistorySummary, error) {
	r := newRecorder(cfg)
	defer r.teller.stop()
	cur, err := r.cfg.Log.Cursor(ctx, r.cfg.Account)
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		return HistorySummary{}, fmt.Errorf("backfill: start: %w", err)
	}
	r.cursor = cur
	if r.client, err = ucwa.SignIn(ctx, r.cfg.Client); err != nil {
		return HistorySummary{}, fmt.Errorf("backfill: %w", err)
	}
	if err := r.cfg.Log.EnsureAccount(ctx, r.cfg.Account, r.client.Origin()); err != nil {
		return HistorySummary{}, fmt.Errorf("backfill: %w", storageError{err})
	}
	app, created, err := r.borrow(ctx)
	if err == nil {
		err = r.allowed(ctx, app)
	}
	if err != nil {
		return HistorySummary{}, fmt.Errorf("backfill: %w", err)
	}
	if created {
		defer r.giveBack(ctx, app.URL)
	}
	if known, err := r.policyKnown(ctx); err != nil {
		return HistorySummary{}, fmt.Errorf("backfill: %w", err)
	} else if !known {
		app.Existing = true // whoever made it ends it
		told, err := r.policy(ctx, app, "")
		if err == nil && len(told) > 0 {
			_, err = r.cfg.Log.AppendObservations(ctx, told, nil)
		}
		if err != nil {
			return HistorySummary{}, fmt.Errorf("backfill: %w", err)
		}
	}
	round := newRound(r, r.client, app.URL)
	round.progress = progress
	if err := round.run(ctx); err != nil {
		return round.sum, fmt.Errorf("backfill: %w", err)
	}
	round.report()
	return round.sum, nil
}

// borrow gets the application that capture left, or one of its endpoint. It
// leaves the cursor where it is: what capture has not acknowledged is still to
// be asked for there.
func (r *recorder) borrow(ctx context.Context) (app ucwa.Application, created bool, err error) {
	if url, err := r.client.Resolve(r.cursor.Application); r.cursor.Application != "" && err == nil {
		app, err := r.client.Application(ctx, url)
		if err == nil || !errors.Is(err, archive.ErrNotFound) {
			return app, false, err
		}
	}
	if r.cursor.EndpointID == "" {
		// As in create: the endpoint is in the log before the server sees it.
		cur := archive.Cursor{Account: r.cfg.Account, EndpointID: uuid.NewString(), Updated: r.now()}
		if err := r.save(ctx, nil, cur); err != nil {
			return app, false, err
		}
	}
	app, err = r.client.CreateApplication(ctx, r.cursor.EndpointID)
	return app, err == nil && !app.Existing, err
}

// allowed asks for the administrator's wishes as capture does, before anything
// is read.
func (r *recorder) allowed(ctx context.Context, app ucwa.Application) error {
	if app.URL == r.cursor.Application {
		return r.policyOfOld(ctx)
	}
	told, err := r.policy(ctx, app, "")
	if err != nil || len(told) == 0 {
		return err
	}
	for i := range told {
		told[i].Wants = nil // those are for the event channel's sake
	}
	_, err = r.cfg.Log.AppendObservations(ctx, told, nil)
	return err
}

// giveBack ends an application that was made for reading alone.
func (r *recorder) giveBack(ctx context.Context, url string) {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	if err := r.client.DeleteApplication(ctx, url); err != nil {
		r.log.Warn("sign out", "err", err)
	}
}
