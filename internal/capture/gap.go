package capture

import (
	"context"
	"time"

	"archiver/internal/archive"
)

// leastGap is how long no P-GET may be parked without it being a gap.
const leastGap = time.Second

// coverage accounts for the time in which no P-GET was parked. An interval
// begins with lost and ends with end; when its cause changes on the way it
// becomes two gaps end to end. It belongs to the loop's goroutine.
//
// Writing may fail like any other use of the log. What could not be written is
// kept and tried again, and regaining must succeed before the next observation
// is committed: so a gap always has its place before what came after it, and a
// crash in between leaves it open, to be ended by the next run.
type coverage struct {
	log     Log
	account string
	now     func() time.Time

	// until is up to when capture is known to be complete; unknown before the
	// first application of an account, when there is nothing to interrupt.
	until archive.Time
	open  []*interval // going on; more than one only when found so at the start
	ended []*interval // over and not yet written
}

// interval is a gap on its way into the log.
type interval struct {
	archive.Gap
	// sure marks what is a gap however short: its events are lost with the
	// application or the place in the channel.
	sure bool
}

// load finds where an earlier run left off. An open gap of its goes on; else
// the time since its last commit is one.
func (c *coverage) load(ctx context.Context, until archive.Time) error {
	gaps, err := c.log.OpenGaps(ctx, c.account)
	if err != nil {
		return err
	}
	c.until = until
	for _, g := range gaps {
		c.open = append(c.open, &interval{Gap: g})
	}
	if len(c.open) == 0 && until.Known() {
		c.open = []*interval{c.interval(archive.GapStopped, until)}
	}
	return nil
}

func (c *coverage) interval(cause archive.GapCause, from archive.Time) *interval {
	sure := cause == archive.GapApplicationGone || cause == archive.GapResync || cause == archive.GapResume
	return &interval{Gap: archive.Gap{Account: c.account, Cause: cause, From: from}, sure: sure}
}

// lost notes that no P-GET is parked since at, for this cause.
func (c *coverage) lost(ctx context.Context, at archive.Time, cause archive.GapCause) error {
	if !c.until.Known() {
		return nil
	}
	if at.Before(c.until.Time) {
		at = c.until
	}
	if cause == archive.GapApplicationGone {
		at = c.sinceProof(at)
	}
	if len(c.open) == 0 || c.open[0].Cause != cause {
		if from := c.begins(at); from.Before(at.Time) {
			c.open, at = nil, from
		}
		c.end(at)
		c.open = []*interval{c.interval(cause, at)}
	}
	return c.write(ctx)
}

// begins gives since when an interval counts whose cause changes at a time: what
// is too short to be a gap by itself belongs to the next.
func (c *coverage) begins(at archive.Time) archive.Time {
	if len(c.open) == 1 && c.open[0].ID == 0 && !c.open[0].sure && at.Sub(c.open[0].From.Time) <= leastGap {
		return c.open[0].From
	}
	return at
}

// sinceProof gives since when an application may have ended. Nobody knows: its
// last answer is the last proof that it lived and that nothing was lost, be it
// only a batch that did not arrive.
func (c *coverage) sinceProof(at archive.Time) archive.Time {
	if len(c.open) == 0 {
		return c.until
	}
	if first := c.open[0]; first.Cause != archive.GapApplicationGone && first.From.After(c.until.Time) {
		c.missed(archive.GapApplicationGone, c.until, first.From)
	}
	return at
}

// regaining makes sure that everything up to a P-GET parked at this time is in
// the log, an interval that the P-GET ends as open.
func (c *coverage) regaining(ctx context.Context, at archive.Time) error {
	if len(c.open) == 0 && c.until.Known() && at.Sub(c.until.Time) > leastGap {
		// Nothing failed, but it took too long to ask again.
		c.open = []*interval{c.interval(archive.GapStorage, c.until)}
	}
	return c.writeAsOf(ctx, at.Time)
}

// missed records an interval that the server says is incomplete although
// P-GETs were answered. It is written with whatever is written next.
func (c *coverage) missed(cause archive.GapCause, from, to archive.Time) {
	i := c.interval(cause, from)
	i.To = to
	c.ended = append(c.ended, i)
}

// end says that a P-GET was parked at this time. It is for write to tell the log.
func (c *coverage) end(at archive.Time) {
	for _, i := range c.open {
		i.To = archive.At(later(at.Time, i.From.Time))
		if i.ID != 0 || i.sure || i.To.Sub(i.From.Time) > leastGap {
			c.ended = append(c.ended, i)
		}
	}
	c.open = nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// confirm makes an interval a gap however short it is yet.
func (c *coverage) confirm() {
	for _, i := range c.open {
		i.sure = true
	}
}

// write brings the log up to what is known. It can be repeated.
func (c *coverage) write(ctx context.Context) error { return c.writeAsOf(ctx, c.now()) }

func (c *coverage) writeAsOf(ctx context.Context, now time.Time) error {
	for len(c.ended) > 0 {
		if err := c.close(ctx, c.ended[0]); err != nil {
			return err
		}
		c.ended = c.ended[1:]
	}
	for _, i := range c.open {
		if i.ID != 0 || !i.sure && now.Sub(i.From.Time) <= leastGap {
			continue
		}
		i.AtRisk = true // until its end is known
		id, err := c.log.AppendGap(ctx, i.Gap)
		if err != nil {
			return err
		}
		i.ID = id
	}
	return nil
}

func (c *coverage) close(ctx context.Context, i *interval) error {
	if i.ID != 0 {
		return c.log.CloseGap(ctx, i.ID, i.To)
	}
	i.Seconds = i.To.Sub(i.From.Time).Seconds()
	i.AtRisk = i.Seconds >= archive.RiskAfterSeconds
	_, err := c.log.AppendGap(ctx, i.Gap)
	return err
}

// failing reports whether an interval is going on, and since when.
func (c *coverage) failing() (since archive.Time, failing bool) {
	if len(c.open) == 0 {
		return archive.Time{}, false
	}
	return c.open[0].From, true
}
