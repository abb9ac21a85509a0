package capture

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// errSkip is a resource of the history that cannot be had; the round goes on
// without it.
var errSkip = errors.New("left out")

// get reads a resource of the history, waiting out what passes: a server that
// is busy or asks for patience, an Exchange behind it that does not answer, a
// connection that breaks. errSkip marks what will not pass, other errors end
// the round.
func (r *round) get(ctx context.Context, href string) (ucwa.Response, error) {
	return r.persist(ctx, func(ctx context.Context) (ucwa.Response, error) { return r.client.Fetch(ctx, href) })
}

func (r *round) persist(ctx context.Context, ask func(context.Context) (ucwa.Response, error)) (ucwa.Response, error) {
	pace := newHistoryPace()
	for attempt := 1; ; attempt++ {
		r.recorder.pacer.quiet(ctx)
		resp, err := ask(ctx)
		if err == nil || ctx.Err() != nil {
			return resp, err
		}
		if attempt == 1 && resp.Status != 0 && len(resp.Body) > 0 {
			if e := r.commit(ctx, resp, archive.HistoryStep{}); e != nil {
				return resp, e
			}
		}
		wait, passes := r.patience(err)
		if !passes {
			return resp, verdictOf(err)
		}
		if attempt >= historyAttempts {
			return resp, fmt.Errorf("given up after %d attempts: %w", attempt, err)
		}
		wait = max(wait, pace.NextBackOff())
		r.log.Debug("history", "err", err, "attempt", attempt, "wait", wait.Round(time.Millisecond))
		if err := r.wait(ctx, err, wait); err != nil {
			return resp, err
		}
	}
}

// quiet waits until a storm is over, or ctx ends: as long as a server is in
// trouble, the few requests that it is spared are the loop's.
func (p *pacer) quiet(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		storm, over := p.storm, p.over
		p.mu.Unlock()
		if !storm {
			return
		}
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
}

// wait waits, and says in the archive what for: Exchange may be away for hours.
func (r *round) wait(ctx context.Context, because error, wait time.Duration) error {
	r.state.Trouble, r.state.TroubleAt = trouble(because), r.recorder.now()
	if err := r.append(ctx, archive.HistoryStep{State: &r.state}); err != nil {
		return err
	}
	sleep(ctx, wait)
	return ctx.Err()
}

// patience is the least wait after which an answer may be another, and whether
// any wait helps.
func (r *round) patience(err error) (wait time.Duration, passes bool) {
	var api *ucwa.APIError
	if !errors.As(err, &api) {
		return 0, errors.Is(err, archive.ErrUnavailable)
	}
	if tooOld(err) {
		return 0, false
	}
	switch {
	case api.Status == http.StatusTooManyRequests:
		return max(api.RetryAfter, throttledWait), true
	case api.Status == http.StatusRequestTimeout, api.Status >= http.StatusInternalServerError:
		return api.RetryAfter, true
	case !api.FromUCWA && api.Status != http.StatusUnauthorized:
		return api.RetryAfter, true // an intermediary proves nothing
	}
	return 0, false
}

// tooOld tells an Exchange that keeps no history, being older than 2013
// (Errors in the UCWA reference).
func tooOld(err error) bool {
	const word = "InvalidExchangeServerVersion"
	var api *ucwa.APIError
	return errors.As(err, &api) && (api.Code == word || api.Subcode == word)
}

// verdictOf tells what concerns one resource from what concerns all.
func verdictOf(err error) error {
	var api *ucwa.APIError
	if !errors.As(err, &api) {
		if errors.Is(err, archive.ErrInvalid) {
			return fmt.Errorf("%w: %w", errSkip, err) // the link leads away, or the answer is no JSON
		}
		return err
	}
	switch {
	case api.Subcode == ucwa.ApplicationNotFound, api.Subcode == ucwa.InactiveApplicationExpired, api.Status == http.StatusUnauthorized:
		return err
	case api.FromUCWA:
		return fmt.Errorf("%w: %w", errSkip, err)
	}
	return err
}
