package capture

import (
	"context"
	"errors"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// probeAfter is after how many unclear failures in a row the application itself
// is asked for (403/404/5xx may come from anything in between).
const probeAfter = 3

// rediscoverAfter is after how many failures in a row the user may have been
// moved to another server.
const rediscoverAfter = 10

// failed accounts for a failed step and waits until the next may be tried. It
// returns the error when there may be none.
func (r *recorder) failed(ctx context.Context, started archive.Time, err error) error {
	v := r.judge(err)
	r.failures++
	r.pacer.failed(r.ticket)
	r.coverage.leapt(archive.Time{})
	at := r.lostAt(started, err)
	if v.gone {
		return r.tryGone(ctx, at)
	}
	r.parkedFor(err, at)
	if e := r.lost(ctx, at, v.cause); e != nil {
		r.log.Error("gap not recorded", "err", e)
	}
	if v.fatal {
		return explain(err)
	}
	if v.signIn || v.cause == archive.GapUnreachable && r.failures%rediscoverAfter == 0 {
		r.alive.stop()
		r.fetcher.serve(nil, "")
		r.client = nil
	}
	if v.unclear && r.failures%probeAfter == 0 && r.probe(ctx) {
		return r.tryGone(ctx, at)
	}
	wait := r.wait(v, err)
	r.report(err, v, wait)
	sleep(ctx, wait)
	return nil
}

// judge decides what a failure means. A 409 after a P-GET of our own was left
// behind may be the answer to that one, passed on by something in between: it
// is let pass, once.
func (r *recorder) judge(err error) verdict {
	v := judge(err)
	var api *ucwa.APIError
	if r.abandoned && errors.As(err, &api) && api.Subcode == ucwa.PGetReplaced {
		r.abandoned = false
		return verdict{cause: archive.GapUnreachable}
	}
	return v
}

// tryGone forgets the application. When not even the gap can be written, the
// failure is one of the log, to be waited out.
func (r *recorder) tryGone(ctx context.Context, at archive.Time) error {
	if err := r.gone(ctx, at); err != nil {
		r.log.Error("gap not recorded", "err", err)
	}
	// A server that ends every application it gives is asked for the next one
	// ever more slowly; the first is asked for at once.
	if r.failures > 1 {
		sleep(ctx, max(r.pace.next(), r.pacer.share()))
	}
	return nil
}

func (r *recorder) lost(ctx context.Context, at archive.Time, cause archive.GapCause) error {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	return r.coverage.lost(ctx, at, cause)
}

// lostAt is since when no P-GET was parked. One that was cut off or refused
// was parked until now. One whose answer had begun was parked until then. One
// that was never sent was not, and of one that died in silence nobody knows:
// there it is since it was requested.
func (r *recorder) lostAt(started archive.Time, err error) archive.Time {
	now := r.clock.now()
	var p pollError
	if !errors.As(err, &p) {
		return started
	}
	if cut, again := p.resp.Broken(); cut.Known() && (!again.Known() || ucwa.TimedOut(err)) {
		return cut // by then its first connection had told of its end
	}
	if ago, answered := r.pacer.ago(r.ticket, (*ticket).lastAnswered); answered {
		return archive.At(now.Add(-ago))
	}
	if !p.resp.Parked().Known() || ucwa.TimedOut(err) {
		return p.resp.Requested
	}
	return now
}

// interrupted accounts for a P-GET that the stop ended: it counts as parked
// until now unless it was known not to be.
func (r *recorder) interrupted(ctx context.Context, started archive.Time, err error) {
	at := r.lostAt(started, err)
	r.parkedFor(err, at)
	if _, polling := errors.AsType[pollError](err); !polling || len(r.coverage.open) > 0 || r.clock.now().Sub(at.Time) <= leastGap {
		return
	}
	if err := r.lost(ctx, at, archive.GapUnreachable); err != nil {
		r.log.Error("gap not recorded", "err", err) // tried again at the end
	}
}

// parkedFor accounts for a P-GET that was parked and led to nothing in the end, as
// behind a proxy that gives up before the server does: while it was parked
// there was no gap.
func (r *recorder) parkedFor(err error, until archive.Time) {
	var p pollError
	if !errors.As(err, &p) {
		return
	}
	if parked := p.resp.Parked(); parked.Known() && until.Sub(parked.Time) > leastGap {
		r.coverage.end(parked)
	}
	if from, to := p.resp.Broken(); to.Known() && to.Sub(from.Time) > leastGap {
		r.coverage.missed(archive.GapUnreachable, from, to)
	}
}

// wait is how long to wait: not at all after the first cut of a connection,
// since the server is most likely still there.
func (r *recorder) wait(v verdict, err error) time.Duration {
	var api *ucwa.APIError
	var poll pollError
	wait := r.pace.next()
	if r.failures == 1 && v.cause == archive.GapUnreachable &&
		errors.As(err, &poll) && !errors.As(err, &api) && errors.Is(err, archive.ErrUnavailable) {
		wait = 0
	}
	return max(wait, v.atLeast, r.pacer.share())
}

// probe reports whether the application has ended. When it lives, the same URL
// is asked again: the application's own events link might acknowledge a batch
// that is not in the log.
func (r *recorder) probe(ctx context.Context) bool {
	if r.client == nil || r.cursor.Next == "" {
		return false
	}
	ctx, _ = r.admit(ctx, 1)
	_, err := r.client.Application(ctx, r.cursor.Application)
	var api *ucwa.APIError
	return errors.As(err, &api) && api.FromUCWA && errors.Is(err, archive.ErrNotFound)
}

// alarmAfter is how long a failure may last before it is worth a warning.
const alarmAfter = 10 * time.Second

func (r *recorder) report(err error, v verdict, wait time.Duration) {
	log := r.log.Debug
	since, failing := r.coverage.failing()
	if r.failures == 1 || failing && r.clock.now().Sub(since.Time) > alarmAfter {
		log = r.log.Warn
	}
	log("not capturing", "cause", v.cause, "err", err, "failures", r.failures, "wait", wait.Round(time.Millisecond))
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
