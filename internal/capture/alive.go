package capture

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// The server wants a sign of activity every 4 minutes; one that failed is
// worth trying again well before.
const (
	activityEvery = 3 * time.Minute
	activityRetry = 30 * time.Second
)

// alive keeps one application available beside the P-GET, and its token fresh,
// so that the loop never has to wait for either. start and stop belong to the
// loop's goroutine.
type alive struct {
	presence Presence
	signInAs string
	log      *slog.Logger
	pacer    *pacer
	guard    *guard
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

// start takes care of app in place of the one before.
func (a *alive) start(ctx context.Context, client *ucwa.Client, app ucwa.Application) {
	a.stop()
	ctx, a.cancel = context.WithCancel(ctx)
	a.done.Go(func() { a.guard.run(func() { a.keep(ctx, client, app) }) })
}

// stop waits until the present application is no longer taken care of.
func (a *alive) stop() {
	if a.cancel != nil {
		a.cancel()
	}
	a.done.Wait()
}

func (a *alive) keep(ctx context.Context, client *ucwa.Client, app ucwa.Application) {
	for ctx.Err() == nil {
		wait := activityEvery
		var err error
		if app, err = a.once(ctx, client, app); err != nil && ctx.Err() == nil {
			wait = activityRetry
			a.log.Warn("keep application alive", "err", err)
		}
		sleep(ctx, wait)
	}
}

// once makes the application available if it is not, reports activity, and
// renews the token when that is due. It returns the application as it is now.
func (a *alive) once(ctx context.Context, client *ucwa.Client, app ucwa.Application) (ucwa.Application, error) {
	cost := 1
	if app.EventsURL == "" {
		cost++ // it is looked at first
	}
	if client.RenewalDue() {
		cost++
	}
	asking, _ := a.pacer.admit(ctx, cost)
	renewed := client.RenewIfDue(asking)
	if !app.Available() {
		var err error
		if app, asking, err = a.makeAvailable(asking, client, app); err != nil {
			return app, errors.Join(renewed, err)
		}
	}
	err := client.ReportActivity(asking, app)
	if errors.Is(err, archive.ErrConflict) {
		// MakeMeAvailableRequired: the server has forgotten; begin again.
		app = ucwa.Application{URL: app.URL}
	}
	return app, errors.Join(renewed, err)
}

// makeAvailable makes an application available, unless it is for capture to
// look on. ctx is admitted for what comes first; the one that is returned, for
// a report of activity.
func (a *alive) makeAvailable(ctx context.Context, client *ucwa.Client, app ucwa.Application) (ucwa.Application, context.Context, error) {
	if app.EventsURL == "" { // known by its URL only
		now, err := client.Application(ctx, app.URL)
		if err != nil || now.Available() {
			return keepKnown(app, now, err), ctx, err
		}
		app = now
	}
	if a.presence == PresenceObserve {
		return app, ctx, nil // it was asked for to see whether an earlier run made it available
	}
	// HTML is asked for beside plain text, which comes with its links doubled.
	as := ucwa.Availability{SignInAs: a.signInAs, Formats: []string{"Plain", "Html"}, Modalities: []string{"Messaging"}}
	if err := client.MakeAvailable(ctx, app, as); err != nil {
		return app, ctx, err
	}
	ctx, _ = a.pacer.admit(ctx, 2) // to look at it and to report
	now, err := client.Application(ctx, app.URL)
	if err == nil {
		a.log.Info("application available", "available", now.Available())
	}
	return keepKnown(app, now, err), ctx, err
}

func keepKnown(before, now ucwa.Application, err error) ucwa.Application {
	if err != nil {
		return before
	}
	return now
}
