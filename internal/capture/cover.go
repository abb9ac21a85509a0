package capture

import (
	"context"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// cover writes the gaps that the answer ends or tells of, those it ends as
// still open: they end when the answer is in the log.
func (r *recorder) cover(ctx context.Context, resp ucwa.Response, env ucwa.Envelope) error {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	since := r.coverage.until
	if !since.Known() {
		since = resp.Requested
	}
	if env.Resync != "" {
		r.coverage.missed(archive.GapResync, since, resp.Received)
	} else if env.Resume != "" {
		r.coverage.missed(archive.GapResume, since, resp.Received)
	}
	if from, to := resp.Broken(); to.Sub(from.Time) > leastGap {
		r.coverage.missed(archive.GapUnreachable, from, to)
	}
	if r.slept(resp, resp.Received) {
		// The answer lay about while the machine slept, and what came next
		// waited for nobody.
		r.coverage.missed(archive.GapUnreachable, resp.Requested, resp.Received)
	}
	if err := r.coverage.regaining(ctx, parked(resp)); err != nil {
		return storageError{err}
	}
	return nil
}

// covered notes that the answer is in the log.
func (r *recorder) covered(ctx context.Context, resp ucwa.Response) {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	r.coverage.until = resp.Received
	r.coverage.end(parked(resp))
	if err := r.coverage.write(ctx); err != nil {
		r.log.Error("gap not closed", "err", err) // tried again with the next
	}
}

// parked is since when the server could hold the P-GET.
func parked(resp ucwa.Response) archive.Time {
	if at := resp.Parked(); at.Known() {
		return at
	}
	return resp.Requested
}

// slept reports whether more time went by than a P-GET can take, on either side
// of a break. Deadlines stand still while a machine sleeps; the clock on the
// wall does not.
func (r *recorder) slept(resp ucwa.Response, until archive.Time) bool {
	since, longest := resp.Requested, time.Duration(0)
	if cut, again := resp.Broken(); again.Known() {
		since, longest = again, cut.Sub(since.Time)
	}
	longest = max(longest, until.Sub(since.Time))
	return !r.cfg.Replay && longest > ucwa.PollDeadline+leastGap
}
