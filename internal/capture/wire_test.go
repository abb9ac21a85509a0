package capture_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// wire is one end of a connection in memory. It can fall silent, as when a
// firewall forgets it: what is written vanishes, nothing arrives any more, and
// neither end hears that the other has closed.
type wire struct {
	net.Conn
	line *line
	near bool // the end of the client
}

// line is what both ends of a connection share.
type line struct {
	mu     sync.Mutex
	silent time.Time // since when
	closed [2]bool   // server's end, client's end
	gaveUp time.Time // when the client closed its end
	pulled bool      // it was not the client that did
}

func newWire() (client, server *wire) {
	here, there := net.Pipe()
	l := &line{}
	return &wire{Conn: here, line: l, near: true}, &wire{Conn: there, line: l}
}

func (w *wire) end() *bool {
	if w.near {
		return &w.line.closed[1]
	}
	return &w.line.closed[0]
}

// Read waits for the other end, for good once the line is silent.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	if err != nil && *w.end() {
		return n, net.ErrClosed
	}
	return n, err
}

// Write succeeds when the line is silent, as the kernel's buffer does.
func (w *wire) Write(b []byte) (int, error) {
	w.line.mu.Lock()
	silent, closed := !w.line.silent.IsZero(), *w.end()
	w.line.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if silent {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// Close ends this end. The other hears of it unless the line is silent.
func (w *wire) Close() error {
	w.line.mu.Lock()
	*w.end() = true
	silent := !w.line.silent.IsZero()
	if w.near && w.line.gaveUp.IsZero() {
		w.line.gaveUp = time.Now()
	}
	w.line.mu.Unlock()
	if silent {
		return w.SetDeadline(time.Unix(1, 0)) // its own reads end
	}
	return w.Conn.Close()
}

// hush makes the line fall silent.
func (l *line) hush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = time.Now()
}

// state is since when the line is silent and when the client left it; zero for not.
func (l *line) state() (silent, gaveUp time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent, l.gaveUp
}

// timedOut reports whether the client left the line because nothing came.
func (l *line) timedOut(stops []time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.gaveUp.IsZero() && !l.pulled && !slices.ContainsFunc(stops, l.gaveUp.Equal)
}

// host is a machine that a capture runs on: its connections to the front
// end, which are gone when it is.
type host struct {
	f         *front
	client    *http.Client
	transport [2]*http.Transport // of P-GETs, of the rest

	mu    sync.Mutex
	off   bool
	wires []*wire
}

func (f *front) host() *host {
	m := &host{f: f}
	for i := range m.transport {
		m.transport[i] = &http.Transport{DialContext: m.dial}
	}
	m.client = &http.Client{Transport: m}
	return m
}

// RoundTrip keeps P-GETs to connections of their own. Which one a P-GET gets
// would otherwise depend on which goroutine was first, and with it what the
// HTTP library does when the connection is cut.
func (m *host) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/events") {
		return m.transport[0].RoundTrip(r)
	}
	return m.transport[1].RoundTrip(r)
}

func (m *host) closeIdle() {
	for _, t := range m.transport {
		t.CloseIdleConnections()
	}
}

func (m *host) dial(context.Context, string, string) (net.Conn, error) {
	m.f.mu.Lock()
	if m.f.down {
		m.f.times = append(m.f.times, time.Now())
	}
	down, dialing, closed := m.f.down, m.f.dialing, m.f.closed
	m.f.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if down || m.off {
		m.mu.Unlock()
		time.Sleep(dialing)
		m.mu.Lock()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: io.ErrClosedPipe}
	}
	here, there := newWire()
	select {
	case m.f.conns <- there:
		m.wires = append(m.wires, here)
		return here, nil
	case <-closed:
		return nil, net.ErrClosed
	}
}

// cut closes what is open; once off, nothing is opened any more.
func (m *host) cut(off bool) {
	m.mu.Lock()
	wires := m.wires
	m.wires, m.off = nil, m.off || off
	m.mu.Unlock()
	for _, w := range wires {
		w.line.mu.Lock()
		w.line.pulled = w.line.gaveUp.IsZero()
		w.line.mu.Unlock()
		_ = w.Close()
	}
	m.closeIdle()
}

type lineKey struct{}

// lineOf is the connection that a request came by.
func lineOf(r *http.Request) *line {
	l, _ := r.Context().Value(lineKey{}).(*line)
	return l
}

func withLine(ctx context.Context, c net.Conn) context.Context {
	if w, ok := c.(*wire); ok {
		return context.WithValue(ctx, lineKey{}, w.line)
	}
	return ctx
}
