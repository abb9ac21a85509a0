package capture

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// leastSignIn is how many requests signing in takes where nothing stands in the
// way: discovery, the challenge, the token, and discovery with it.
const leastSignIn = 4

// signIn finds the server and goes on with the application of the cursor.
func (r *recorder) signIn(ctx context.Context) error {
	asking, t := r.admit(ctx, max(r.signInCost, leastSignIn))
	client, err := ucwa.SignIn(asking, r.cfg.Client)
	r.signInCost = r.pacer.cost(t)
	if err != nil {
		return r.signInError(err)
	}
	if err := r.cfg.Log.EnsureAccount(ctx, r.cfg.Account, client.Origin()); err != nil {
		return storageError{err}
	}
	r.client, r.met = client, true
	if _, err := client.Resolve(r.cursor.Next); r.cursor.Next != "" && err != nil {
		return r.gone(ctx, r.clock.now()) // the user has moved to another server
	}
	if r.cursor.Next != "" {
		if err := r.policyOfOld(ctx); err != nil {
			r.client = nil
			return err
		}
		r.fetcher.serve(client, r.cursor.Capture)
		r.alive.start(ctx, client, ucwa.Application{URL: r.cursor.Application})
		r.wantHistory("start")
	}
	return nil
}

// signInError makes what is wrong with the configuration fatal, as long as
// nothing has shown that the configuration was ever right.
func (r *recorder) signInError(err error) error {
	if !r.met && (errors.Is(err, archive.ErrInvalid) || errors.Is(err, archive.ErrNotFound)) {
		return fatalError{err}
	}
	return err
}

// gone forgets an application that has ended. Its gap is in the log before the
// cursor of the next one can be.
func (r *recorder) gone(ctx context.Context, at archive.Time) error {
	r.alive.stop()
	r.fetcher.serve(nil, "")
	r.cursor.Next = ""
	r.log.Warn("application gone")
	writing, cancel := r.committing(ctx)
	defer cancel()
	if err := errors.Join(r.lost(ctx, at, archive.GapApplicationGone), r.away.forget(writing, at)); err != nil {
		return storageError{err}
	}
	return nil
}

// create gets an application. The endpointId is in the log before the server
// sees it: a crash in between would leave an application that nobody can find
// again, and the server allows only so many.
func (r *recorder) create(ctx context.Context) error {
	if err := r.coverage.write(ctx); err != nil {
		return storageError{err}
	}
	if r.cursor.EndpointID == "" {
		cur := archive.Cursor{Account: r.cfg.Account, EndpointID: uuid.NewString(), Updated: r.now()}
		if err := r.save(ctx, nil, cur); err != nil {
			return err
		}
	}
	asking, _ := r.admit(ctx, 1)
	app, err := r.client.CreateApplication(asking, r.cursor.EndpointID)
	if err != nil {
		return err
	}
	next, err := ucwa.WithParameters(app.EventsURL)
	if err != nil {
		return err
	}
	cur := r.cursor
	if !app.Existing || app.URL != cur.Application || cur.Capture == "" {
		cur.Capture = uuid.NewString()
	}
	cur.Application, cur.Next, cur.Updated = app.URL, next, r.now()
	told, err := r.policy(ctx, app, cur.Capture)
	if err != nil {
		return err
	}
	if err := r.save(ctx, told, cur); err != nil {
		return err
	}
	if !r.coverage.until.Known() { // from now on there is something to miss
		r.coverage.until = r.clock.now()
	}
	r.log.Info("application created", "known", app.Existing, "capture", cur.Capture)
	if app.MeURI != "" && app.MeURI != ucwa.NormalizeURI(r.cfg.Account) {
		r.log.Warn("the server knows this user by another address than the account's")
	}
	r.fetcher.serve(r.client, cur.Capture)
	r.alive.start(ctx, r.client, app)
	r.wantHistory("new application")
	return nil
}

// finish commits what is left at the end of Run: answers that the log refused,
// and up to when capture was complete.
func (r *recorder) finish(ctx context.Context, fatal error) {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	if r.cursor.Capture == "" {
		return
	}
	cur := r.cursor
	if fatal == nil {
		r.coverage.leapt(archive.Time{})
		cur.Updated = r.now()
		r.coverage.end(r.clock.now())
		if r.cfg.SignOut && r.signOut(ctx) {
			cur.Next = ""
		}
	} else {
		r.coverage.confirm()
	}
	gaps := r.coverage.write(ctx)
	if gaps != nil {
		cur.Updated = r.cursor.Updated // the next run begins its gap there
	}
	if err := errors.Join(gaps, r.save(ctx, nil, cur)); err != nil {
		r.log.Error("last commit", "err", err)
	}
	r.log.Info("capture stopped")
}

func (r *recorder) signOut(ctx context.Context) bool {
	if r.client == nil || r.cursor.Next == "" {
		return false
	}
	if err := r.client.DeleteApplication(ctx, r.cursor.Application); err != nil {
		r.log.Warn("sign out", "err", err)
		return false
	}
	return true
}
