package capture

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// recorder is the state of one Run. It belongs to the goroutine of Run.
type recorder struct {
	cfg         Config
	log         *slog.Logger
	client      *ucwa.Client   // nil while signed out
	met         bool           // whether signing in has ever succeeded, in this run or an earlier one
	cursor      archive.Cursor // durable, but for Next, which gone clears
	coverage    *coverage
	fetcher     *fetcher
	history     *historian
	joiner      *joiner // nil unless it is for capture to accept
	away        elsewhere
	objection   objection
	policyAsked bool // the server's policies are known or it tells none
	alive       *alive
	clock       *timekeeper
	pacer       *pacer
	teller      *teller
	guard       *guard

	// unsaved are answers that the log has refused. They are offered again
	// with the next one: the server should send them again, but they are here.
	unsaved  []archive.Observation
	pace     *pace
	failures int // in a row
	// abandoned: the server may still hold a P-GET that we no longer wait for.
	abandoned bool
	spins     int // empty answers in a row that came at once

	ticket     *ticket      // of what was asked last
	signInCost int          // how many requests the last one took
	pollCost   int          // likewise: one, unless the token was refused
	asked      archive.Time // when the last P-GET was
	turn       turn
}

// now is what the clock on the wall shows.
func (r *recorder) now() archive.Time { return r.clock.wall(r.clock.now()) }

// admit waits until the server may be asked so often.
func (r *recorder) admit(ctx context.Context, cost int) (context.Context, *ticket) {
	ctx, r.ticket = r.pacer.admit(ctx, cost)
	return ctx, r.ticket
}

// load reads where an earlier run left off.
func (r *recorder) load(ctx context.Context) error {
	cur, err := r.cfg.Log.Cursor(ctx, r.cfg.Account)
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		return err
	}
	gaps, err := r.cfg.Log.OpenGaps(ctx, r.cfg.Account)
	if err != nil {
		return err
	}
	r.cursor = cur
	until := cur.Updated
	if cur.Capture == "" {
		until = archive.Time{}
	}
	r.met = cur.Capture != ""
	r.coverage.load(gaps, until)
	r.away.load(gaps)
	return nil
}

// loop repeats step until ctx ends (nil) or a failure is fatal.
func (r *recorder) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		started := r.clock.now()
		err := r.step(ctx)
		if err == nil {
			continue
		}
		if ctx.Err() != nil { // what fails now, the stop made fail
			r.interrupted(ctx, started, err)
			continue
		}
		if err := r.failed(ctx, started, err); err != nil {
			return err
		}
	}
	return nil
}

// step does the one thing that is next: sign in, get an application, or poll.
func (r *recorder) step(ctx context.Context) error {
	if refused := r.objection.err.Load(); refused != nil {
		return fatalError{refused}
	}
	if r.client == nil {
		return r.signIn(ctx)
	}
	if r.cursor.Next == "" {
		return r.create(ctx)
	}
	return r.poll(ctx)
}

// poll parks one P-GET, commits its answer and moves the cursor.
//
// The order is the promise of the program. Requesting a batch's next link
// tells the server that the batch has arrived, and the server then forgets it
// (EventsInUCWA.md). So r.cursor, from which the one request is made, changes
// in save alone, after the log has said that the bytes and the cursor are
// durable. Whatever fails before that line leaves the old cursor, and the same
// URL is asked again, as after a crash: the server has not been told and sends
// the batch again. A batch may thus come twice, which the log notices, and
// never not at all.
func (r *recorder) poll(ctx context.Context) error {
	resp, err := r.ask(ctx)
	if err != nil {
		return pollError{resp, err}
	}
	o := r.observation(r.cursor.Capture, archive.SourceCapture, resp)
	env, next, err := r.follow(resp)
	if err != nil {
		// Not an envelope to go on from: kept, and not acknowledged.
		return errors.Join(pollError{resp, err}, r.keep(ctx, o))
	}
	events := readable(env)
	if err := r.cover(ctx, resp, env, events); err != nil {
		return pollError{resp, r.refused(o, err)}
	}
	o.Wants = wanted(events)
	cur := r.cursor
	cur.Next, cur.Updated, cur.Polled = next, o.Received, o.Received
	if err := r.save(ctx, []archive.Observation{o}, cur); err != nil {
		return pollError{resp, r.refused(o, err)}
	}
	r.turn = turn{resp.Received, r.clock.now()}
	r.covered(resp)
	r.log.Debug("batch committed", "events", env.Count(), "bytes", len(resp.Body))
	r.wantAfter(env)
	if len(o.Wants) > 0 {
		r.fetcher.notify()
	}
	r.joiner.see(ctx, r.client, events)
	for _, e := range events {
		if e.Link.Rel == policies && len(e.Embedded) > 0 {
			r.changed(ctx, e.Embedded)
		}
	}
	if err := r.pause(resp, env); err != nil {
		return err
	}
	r.recovered()
	return nil
}

// pollError is a P-GET that did not lead on, with what is known of it.
type pollError struct {
	resp ucwa.Response
	err  error
}

func (e pollError) Error() string { return e.err.Error() }
func (e pollError) Unwrap() error { return e.err }

// follow reads where an answer says to go on. resync wins over next, as in
// Microsoft's own library; after a resume the channel has lost its parameters.
func (r *recorder) follow(resp ucwa.Response) (ucwa.Envelope, string, error) {
	env, err := ucwa.ParseEnvelope(resp.Body)
	if err != nil {
		return env, "", err
	}
	href := env.Next
	if env.Resume != "" {
		if href, err = ucwa.WithParameters(env.Resume); err != nil {
			return env, "", err
		}
	}
	if env.Resync != "" {
		href = env.Resync
	}
	if href == "" {
		return env, "", errNoLink
	}
	next, err := r.client.Resolve(href)
	if err == nil && next == resp.URL && env.Resync == "" { // a resync may lead to where we are
		err = errSameLink
	}
	return env, next, err
}

// quick is an answer that the server did not hold, and maxSpins how many empty
// ones in a row are still taken at their word.
const (
	quick    = 500 * time.Millisecond
	maxSpins = 5
)

// pause notices a server that answers nothing at once, over and over.
func (r *recorder) pause(resp ucwa.Response, env ucwa.Envelope) error {
	if env.Count() > 0 || resp.Received.Sub(resp.Requested.Time) > quick {
		r.spins = 0
		return nil
	}
	if r.spins++; r.spins > maxSpins {
		return errSpinning
	}
	return nil
}

// recovered ends a row of failures. Only a batch does: a server may let us sign
// in and refuse every P-GET.
func (r *recorder) recovered() {
	if r.failures > 0 {
		r.log.Info("capturing again", "failures", r.failures)
	}
	r.failures = 0
	r.pace.reset()
	r.pacer.calm()
}
