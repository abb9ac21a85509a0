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
// becomes two gaps end to end. It belongs to the loop's goroutine. All its
// times are on the timekeeper's line; what the log gets is the wall's time of
// the beginning, and an end that is as much later as it took.
//
// Writing may fail like any other use of the log. What could not be written is
// kept and tried again, and regaining must succeed before the next observation
// is committed: so a gap always has its place before what came after it, and a
// crash in between leaves it open, to be ended by the next run.
type coverage struct {
	log     Log
	account string
	clock   *timekeeper
	atRisk  func() // told when a gap in which messages may be lost is over

	// until is up to when capture is known to be complete; unknown before the
	// first application of an account, when there is nothing to interrupt.
	until archive.Time
	leaps int         // of the timekeeper, accounted for
	open  []*interval // going on; more than one only when found so at the start
	ended []*interval // over and not yet written
}

// interval is a gap on its way into the log.
type interval struct {
	archive.Gap
	from, to archive.Time
	// sure marks what is a gap however short: its events are lost with the
	// application or the place in the channel.
	sure bool
}

// load finds where an earlier run left off. An open gap of its goes on; else
// the time since its last commit is one. A clock that stands before that has
// been set back, by how much nobody can say.
func (c *coverage) load(gaps []archive.Gap, until archive.Time) {
	now := c.clock.now()
	for _, g := range gaps {
		if g.Cause.Interrupts() {
			c.open = append(c.open, &interval{Gap: g, from: earlier(g.From, now)})
		}
	}
	c.until = earlier(until, now)
	back := until.Known() && until.Sub(now.Time) > leastGap
	if back {
		c.set(now, until)
	}
	if len(c.open) == 0 && until.Known() {
		i := c.interval(archive.GapStopped, c.until)
		i.Gap.From, i.sure = until, back
		c.open = []*interval{i}
	}
}

func (c *coverage) interval(cause archive.GapCause, from archive.Time) *interval {
	sure := cause == archive.GapApplicationGone || cause == archive.GapResync || cause == archive.GapResume
	return &interval{Gap: archive.Gap{Account: c.account, Cause: cause, From: c.clock.wall(from)}, from: from, sure: sure}
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
	if len(c.open) == 1 && c.open[0].ID == 0 && !c.open[0].sure && at.Sub(c.open[0].from.Time) <= leastGap {
		return c.open[0].from
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
	if first := c.open[0]; first.Cause != archive.GapApplicationGone && first.from.After(c.until.Time) {
		c.missed(archive.GapApplicationGone, c.until, first.from)
	}
	return at
}

// regaining makes sure that everything up to a P-GET asked and then parked at
// these times is in the log, an interval that the P-GET ends as open.
func (c *coverage) regaining(ctx context.Context, asked, parked archive.Time) error {
	if len(c.open) == 0 && c.until.Known() && parked.Sub(c.until.Time) > leastGap {
		// Nothing failed, but it took too long to ask again: because of what
		// came before the request, or because of the way to the server.
		cause := archive.GapStorage
		if parked.Sub(asked.Time) > asked.Sub(c.until.Time) {
			cause = archive.GapUnreachable
		}
		c.open = []*interval{c.interval(cause, c.until)}
	}
	return c.writeAsOf(ctx, parked.Time)
}

// missed records an interval that is incomplete although P-GETs were answered.
// It is written with whatever is written next.
func (c *coverage) missed(cause archive.GapCause, from, to archive.Time) {
	i := c.interval(cause, from)
	i.to = to
	c.ended = append(c.ended, i)
}

// set records that the clock on the wall was put from one moment to another.
func (c *coverage) set(from, to archive.Time) {
	c.ended = append(c.ended, &interval{Gap: archive.Gap{Account: c.account, Cause: archive.GapClock, From: from}, from: from, to: to})
}

// leapt accounts for sleeps of the machine and settings of its clock. What was
// slept before a P-GET was parked is no time in which it took long to ask.
func (c *coverage) leapt(parked archive.Time) {
	news := c.clock.since(c.leaps)
	c.leaps += len(news)
	for _, l := range news {
		switch {
		case !l.asleep:
			c.set(l.from, l.to)
		case len(c.open) == 0 && c.until.Known():
			c.missed(archive.GapAsleep, l.from, l.to)
			if parked.Known() && !l.to.After(parked.Time) {
				c.until = archive.At(later(c.until.Time, l.to.Time))
			}
		}
	}
}

// end says that a P-GET was parked at this time. It is for write to tell the log.
func (c *coverage) end(at archive.Time) {
	for _, i := range c.open {
		i.to = archive.At(later(at.Time, i.from.Time))
		if i.ID != 0 || i.sure || i.to.Sub(i.from.Time) > leastGap {
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

func earlier(a, b archive.Time) archive.Time {
	if b.Before(a.Time) {
		return b
	}
	return a
}

// confirm makes an interval a gap however short it is yet.
func (c *coverage) confirm() {
	for _, i := range c.open {
		i.sure = true
	}
}

// write brings the log up to what is known. It can be repeated.
func (c *coverage) write(ctx context.Context) error { return c.writeAsOf(ctx, c.clock.now().Time) }

func (c *coverage) writeAsOf(ctx context.Context, now time.Time) error {
	for len(c.ended) > 0 {
		if err := c.close(ctx, c.ended[0]); err != nil {
			return err
		}
		c.ended = c.ended[1:]
	}
	for _, i := range c.open {
		if i.ID != 0 || !i.sure && now.Sub(i.from.Time) <= leastGap {
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
	took := i.to.Sub(i.from.Time)
	i.To = archive.At(i.From.Add(took))
	i.Seconds, i.AtRisk = took.Seconds(), i.Risk()
	var err error
	if i.ID != 0 {
		err = c.log.CloseGap(ctx, i.ID, i.To)
	} else {
		_, err = c.log.AppendGap(ctx, i.Gap)
	}
	if err == nil && i.AtRisk {
		c.atRisk()
	}
	return err
}

// failing reports whether an interval is going on, and since when.
func (c *coverage) failing() (since archive.Time, failing bool) {
	if len(c.open) == 0 {
		return archive.Time{}, false
	}
	return c.open[0].from, true
}
