package capture

import (
	"context"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// cover writes the gaps that the answer ends or tells of, those it ends as
// still open: they end when the answer is in the log.
func (r *recorder) cover(ctx context.Context, resp ucwa.Response, env ucwa.Envelope, events []ucwa.Event) error {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	r.coverage.leapt(parked(resp))
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
	if err := r.coverage.regaining(ctx, r.asked, parked(resp)); err != nil {
		return storageError{err}
	}
	if err := r.movedAway(ctx, resp, env, events); err != nil {
		return storageError{err}
	}
	return nil
}

// movedAway accounts for conversations that go on elsewhere.
func (r *recorder) movedAway(ctx context.Context, resp ucwa.Response, env ucwa.Envelope, events []ucwa.Event) error {
	if env.Resume != "" { // conversations were closed and their notices are lost
		if err := r.away.forget(ctx, resp.Received); err != nil {
			return err
		}
	}
	began, err := r.away.see(ctx, events, resp.Received)
	if began {
		r.wantHistory("continues elsewhere")
	}
	return err
}

// covered notes that the answer is in the log. To write it there is left for
// when the next P-GET is parked.
func (r *recorder) covered(resp ucwa.Response) {
	r.coverage.until = resp.Received
	r.coverage.end(parked(resp))
}

// settle does what the last commit left to do. It is called while a P-GET is
// on its way or parked.
func (r *recorder) settle(ctx context.Context) {
	ctx, cancel := r.committing(ctx)
	defer cancel()
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
