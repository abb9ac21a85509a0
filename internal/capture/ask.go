package capture

import (
	"context"
	"fmt"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// calmAfter is how long a server holds a P-GET that is not in trouble. Whatever
// becomes of the P-GET, there are few of them.
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
	go func() {
		defer close(answered)
		resp, err = r.client.Poll(ctx, url)
	}()
	calm := time.AfterFunc(calmAfter, r.pacer.calm)
	defer calm.Stop()
	r.settle(ctx)
	select {
	case <-answered:
	case <-waking:
		cancel()
		<-answered
		if err != nil {
			err = fmt.Errorf("%w: %w", errAsleep, archive.ErrUnavailable)
		}
	}
	r.pollCost = r.pacer.cost(t)
	r.turned(resp)
	return resp, err
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
