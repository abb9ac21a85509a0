package capture

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// quickTries is how many requests of a storm may follow each other fast. The
// rest are spread over what is left of the minute: a server that is back within
// it should not be found only at its end.
const quickTries = 4

// stormLimit is how many requests an account makes in stormTime while a server
// is in trouble, of whatever kind they are. UCWA documents no number: it is
// what keeps a thousand accounts from being the trouble.
const (
	stormLimit = 6
	stormTime  = time.Minute
)

// pace gives the waits between attempts: full jitter below a bound that is a
// second at first and grows to 30.
type pace struct {
	bound  backoff.ExponentialBackOff
	random func() float64
}

func newPace(random func() float64) *pace {
	return &pace{random: random, bound: backoff.ExponentialBackOff{
		InitialInterval: time.Second, Multiplier: 3, MaxInterval: 30 * time.Second,
	}}
}

// next is the next wait.
func (p *pace) next() time.Duration {
	return time.Duration(p.random() * float64(p.bound.NextBackOff()))
}

// reset begins with the shortest again.
func (p *pace) reset() { p.bound.Reset() }

// pacer counts the requests of an account to a server in trouble, from the
// first failure in a row until something succeeds, and makes the next one wait
// where there were enough.
type pacer struct {
	mu    sync.Mutex
	storm bool          // guarded by mu
	sent  []time.Time   // guarded by mu: when the last requests of the storm were made
	over  chan struct{} // guarded by mu: closed when the storm is over
}

// ticket is the right to make some requests. What is done with it may take
// more: they count as well.
type ticket struct {
	left int // guarded by the pacer's mu
	used int // guarded by the pacer's mu
	// written is when the first request was, answered when the headers of the
	// last one's answer arrived.
	written, answered time.Time // guarded by the pacer's mu
}

func (t *ticket) firstWritten() time.Time { return t.written }
func (t *ticket) lastAnswered() time.Time { return t.answered }

type ticketKey struct{}

// admit waits, in a storm, until so many requests may be made, or ctx ends. The
// context it returns carries the ticket to where requests are made.
func (p *pacer) admit(ctx context.Context, cost int) (context.Context, *ticket) {
	cost = max(1, cost)
	t := &ticket{}
	for {
		wait, over := p.book(t, cost)
		if wait <= 0 || ctx.Err() != nil {
			return context.WithValue(ctx, ticketKey{}, t), t
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-over:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// book takes the places of a ticket, or says how long there are none. What
// costs more than there are places has to wait until all are free.
func (p *pacer) book(t *ticket, cost int) (wait time.Duration, over <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.storm {
		return 0, nil
	}
	now := time.Now()
	p.prune(now)
	if over := len(p.sent) + cost - stormLimit; over > 0 && len(p.sent) > 0 {
		return p.sent[min(over, len(p.sent))-1].Add(stormTime).Sub(now), p.over
	}
	for range cost {
		p.sent = append(p.sent, now)
	}
	t.left = cost
	return 0, nil
}

// share is how long to wait with the next try so that those which are left are
// spread evenly.
func (p *pacer) share() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune(time.Now())
	n := len(p.sent)
	if !p.storm || n < quickTries || n >= stormLimit {
		return 0
	}
	last := p.sent[n-1]
	return p.sent[0].Add(stormTime).Sub(last) / time.Duration(stormLimit-n+1)
}

// prune forgets what was sent too long ago to count. The caller holds mu.
func (p *pacer) prune(now time.Time) {
	for len(p.sent) > 0 && now.Sub(p.sent[0]) >= stormTime {
		p.sent = p.sent[1:]
	}
}

// spend counts a request.
func (p *pacer) spend(t *ticket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t != nil {
		t.used, t.answered = t.used+1, time.Time{}
		if t.left > 0 {
			t.left--
			return
		}
	}
	if p.storm {
		p.sent = append(p.sent, time.Now())
	}
}

// failed says that what a ticket was for did not succeed: requests count from
// here on, and those of the ticket as well.
func (p *pacer) failed(t *ticket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.storm {
		return
	}
	p.storm, p.sent, p.over = true, nil, make(chan struct{})
	if t != nil {
		for range t.used {
			p.sent = append(p.sent, time.Now())
		}
	}
}

// calm says that the trouble is over.
func (p *pacer) calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.storm {
		p.storm, p.sent = false, nil
		close(p.over)
	}
}

// cost is how many requests a ticket was good for in the end.
func (p *pacer) cost(t *ticket) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return t.used
}

// ago is how long ago something of a ticket happened; false when it did not.
func (p *pacer) ago(t *ticket, what func(*ticket) time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t == nil || what(t).IsZero() {
		return 0, false
	}
	return time.Since(what(t)), true
}

// note sets a moment of a ticket to now.
func (p *pacer) note(moment *time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*moment = time.Now()
}

// noteFirst sets a moment of a ticket to now unless it was before.
func (p *pacer) noteFirst(moment *time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if moment.IsZero() {
		*moment = time.Now()
	}
}

// stallTime is how long an answer that has begun may bring nothing. A P-GET
// whose answer stalls is no longer parked, and nothing else would tell.
const stallTime = 15 * time.Second

// wire is the transport of an account's requests: it counts them, and ends
// answers that stall.
type wire struct {
	base  http.RoundTripper
	pacer *pacer
}

// Inner is the transport that makes the requests (ucwa.Wrapper).
func (w wire) Inner() http.RoundTripper { return w.base }

// Around counts the requests of another transport for the same account.
func (w wire) Around(base http.RoundTripper) http.RoundTripper {
	return wire{base: base, pacer: w.pacer}
}

// RoundTrip makes one request.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	t, _ := r.Context().Value(ticketKey{}).(*ticket)
	w.pacer.spend(t)
	ctx, cancel := context.WithCancel(r.Context())
	if t != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			WroteRequest: func(i httptrace.WroteRequestInfo) {
				if i.Err == nil {
					w.pacer.noteFirst(&t.written)
				}
			},
		})
	}
	resp, err := w.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	if t != nil {
		w.pacer.note(&t.answered)
	}
	b := &watched{ReadCloser: resp.Body, cancel: cancel}
	b.timer = time.AfterFunc(stallTime, b.stall)
	resp.Body = b
	return resp, nil
}

// CloseIdleConnections passes on the wish of an http.Client.
func (w wire) CloseIdleConnections() {
	if c, ok := w.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// watched is a body that must go on.
type watched struct {
	io.ReadCloser
	cancel context.CancelFunc
	timer  *time.Timer

	mu      sync.Mutex
	stalled bool // guarded by mu
}

func (b *watched) stall() {
	b.mu.Lock()
	b.stalled = true
	b.mu.Unlock()
	b.cancel()
}

// Read fails with os.ErrDeadlineExceeded when nothing came for stallTime.
func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && err != io.EOF && b.stalled {
		return n, os.ErrDeadlineExceeded
	}
	if n > 0 {
		b.timer.Reset(stallTime)
	}
	return n, err
}

// Close ends the watch.
func (b *watched) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
