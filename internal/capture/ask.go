package capture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// calmAfter is how long a server holds a P-GET that is not in trouble. What
// interval there was has then ended when the P-GET was parked.
const calmAfter = 10 * time.Second

// ask sends the P-GET and waits for its answer. What the last commit left to
// do is done meanwhile. When the machine has slept, the connection may be dead
// without anybody knowing, and the same is asked again over another.
func (r *recorder) ask(ctx context.Context) (resp ucwa.Response, err error) {
	ctx, t := r.admit(ctx, r.pollCost)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	url, waking, answered := r.cursor.Next, r.clock.waking(), make(chan struct{})
	r.asked = r.clock.now()
	go r.guard.run(func() {
		defer close(answered)
		err = errBroken // unless it comes to anything else
		resp, err = r.client.Poll(ctx, url)
	})
	r.settle(ctx)
	calm := time.NewTimer(calmAfter)
	defer calm.Stop()
	for waiting := true; waiting; {
		select {
		case <-answered:
			waiting = false
		case <-calm.C:
			r.held(ctx, t)
		case <-waking:
			cancel()
			<-answered
			if err != nil {
				err = fmt.Errorf("%w: %w", errAsleep, archive.ErrUnavailable)
			}
			waiting = false
		}
	}
	r.pollCost = r.pacer.cost(t)
	r.turned(resp)
	var api *ucwa.APIError
	if cut, _ := resp.Broken(); cut.Known() && err != nil {
		r.abandoned = true
	} else if err == nil || !errors.As(err, &api) {
		r.abandoned = err != nil && resp.Parked().Known()
	}
	return resp, err
}

// held notes that the server holds the P-GET.
func (r *recorder) held(ctx context.Context, t *ticket) {
	ago, written := r.pacer.ago(t, (*ticket).firstWritten)
	if !written {
		return // not even connected
	}
	r.pacer.calm()
	r.pace.reset()
	_, failing := r.coverage.failing()
	if failing {
		at := archive.At(r.clock.now().Add(-ago))
		r.coverage.until = archive.At(later(r.coverage.until.Time, at.Time))
		r.coverage.end(at)
		r.settle(ctx)
	}
	if failing || !r.cursor.Polled.Known() {
		cur := r.cursor
		cur.Polled = r.now()
		if err := r.save(ctx, nil, cur); err != nil {
			r.log.Error("held request not noted", "err", err)
		}
	}
}

// turn is when a response was there and when it was durable, until the next
// request is written.
type turn struct{ response, commit archive.Time }

// turned tells how long the turn to a request took.
func (r *recorder) turned(resp ucwa.Response) {
	t, parked := r.turn, resp.Parked()
	r.turn = turn{}
	if r.cfg.OnPoll == nil || !t.response.Known() || !parked.Known() {
		return
	}
	r.teller.tell(func() {
		r.cfg.OnPoll(Turn{Commit: t.commit.Sub(t.response.Time), Ask: parked.Sub(t.commit.Time)})
	})
}
