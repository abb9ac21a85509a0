package ucwa

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxLogged is the largest body whose structure is logged, in bytes.
const maxLogged = 1 << 20

// WireLog is a transport that writes down what goes over the wire: one JSON
// object on a line for each exchange, once its answer has been read to the end,
// with times in UTC by the clock now. It is for finding out what a server does
// differently, and made to be sent to others:
//
//   - Of JSON bodies it keeps the structure, numbers and the words of the
//     protocol; any other string becomes its length in characters, ‹17›. Links
//     lose the segments that name people, and data: URIs everything. Of other
//     bodies it has the type and the size in bytes.
//   - Of headers it has a chosen few, of those about authentication the schemes.
//
// The answer goes to the reader as it arrives. A w that fails loses lines, and
// one that hangs delays an exchange by at most a tenth of a second: capture goes
// on. w is written to by one goroutine at a time, a line with each Write. base
// nil is http.DefaultTransport, and now nil is time.Now.
func WireLog(w io.Writer, base http.RoundTripper, now func() time.Time) http.RoundTripper {
	if now == nil {
		now = time.Now
	}
	return &wireLog{lines: &lines{w: w}, base: base, now: now}
}

type wireLog struct {
	lines *lines
	base  http.RoundTripper
	now   func() time.Time
}

func (l *wireLog) inner() http.RoundTripper { return l.base }
func (l *wireLog) around(base http.RoundTripper) http.RoundTripper {
	return &wireLog{lines: l.lines, base: base, now: l.now}
}

// exchange is a line of the log.
type exchange struct {
	Time    string            `json:"time"`
	Method  string            `json:"method"`
	Origin  string            `json:"origin"`
	URL     string            `json:"url"`            // path and query
	Auth    string            `json:"auth,omitempty"` // the scheme
	Sent    *bodyLog          `json:"sent,omitempty"`
	Status  int               `json:"status,omitzero"`
	Error   string            `json:"error,omitempty"`
	WaitMS  int64             `json:"wait_ms"` // until the headers
	MS      int64             `json:"ms"`      // until the end
	Headers map[string]string `json:"headers,omitempty"`
	Got     *bodyLog          `json:"got,omitempty"`
}

// bodyLog is a body without what people wrote.
type bodyLog struct {
	Type string `json:"type,omitempty"`
	Size int64  `json:"size"`
	// Cut: the body was not read to its end.
	Cut  bool           `json:"cut,omitzero"`
	JSON jsontext.Value `json:"json,omitzero"`
}

// RoundTrip sends the request by the base transport.
func (l *wireLog) RoundTrip(r *http.Request) (*http.Response, error) {
	start := l.now()
	e := exchange{
		Time: start.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Method: maskWord(r.Method),
		Origin: originOf(r.URL), URL: maskURL(r.URL), Auth: authScheme(r.Header.Get("Authorization")), Sent: sentBody(r),
	}
	base := l.base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(r)
	e.WaitMS = l.now().Sub(start).Milliseconds()
	if err != nil {
		e.Error, e.MS = transportError(r.Context(), err).Error(), e.WaitMS
		l.lines.add(e)
		return nil, err
	}
	e.Status, e.Headers = resp.StatusCode, maskHeaders(resp.Header)
	resp.Body = &loggedBody{ReadCloser: resp.Body, media: Response{Header: resp.Header}, done: func(b *bodyLog) {
		e.Got, e.MS = b, l.now().Sub(start).Milliseconds()
		l.lines.add(e)
	}}
	return resp, nil
}

// sentBody describes a request's body, of which the client keeps a copy.
func sentBody(r *http.Request) *bodyLog {
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	b := &bodyLog{Type: mediaWord(Response{Header: r.Header}), Size: r.ContentLength}
	if r.GetBody == nil || r.ContentLength > maxLogged {
		return b
	}
	body, err := r.GetBody()
	if err != nil {
		return b
	}
	defer body.Close()
	if raw, err := io.ReadAll(io.LimitReader(body, maxLogged)); err == nil && isJSON(b.Type) {
		b.JSON = maskJSON(raw)
	}
	return b
}

// loggedBody keeps what is read, up to a limit, and calls done once.
type loggedBody struct {
	io.ReadCloser
	media Response
	size  int64
	kept  bytes.Buffer
	once  sync.Once
	done  func(*bodyLog)
}

// Read passes on what arrives.
func (b *loggedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.size += int64(n)
	if b.size <= maxLogged {
		b.kept.Write(p[:n])
	}
	if err != nil {
		b.end(err != io.EOF)
	}
	return n, err
}

// Close ends a body that was not read to its end.
func (b *loggedBody) Close() error {
	err := b.ReadCloser.Close()
	b.end(true)
	return err
}

func (b *loggedBody) end(cut bool) {
	b.once.Do(func() {
		log := &bodyLog{Type: mediaWord(b.media), Size: b.size, Cut: cut}
		if isJSON(log.Type) && b.size <= maxLogged && b.media.Header.Get("Content-Encoding") == "" {
			log.JSON = maskJSON(b.kept.Bytes())
		}
		b.kept = bytes.Buffer{}
		b.done(log)
	})
}

func isJSON(media string) bool { return strings.HasSuffix(media, "json") }

// Bounds of what waits to be written.
const (
	patience  = 100 * time.Millisecond
	maxQueued = 8 << 20 // bytes
)

// lines writes lines one after the other without ever keeping anybody waiting
// for longer than patience.
type lines struct {
	w io.Writer

	mu       sync.Mutex
	queue    [][]byte      // guarded by mu
	queued   int           // guarded by mu; bytes
	draining chan struct{} // guarded by mu; nil when nobody writes
	stuck    bool          // guarded by mu; whoever writes hangs
}

// add writes e, or leaves it to who is writing.
func (l *lines) add(e exchange) {
	line, err := json.Marshal(e, lenient, json.Deterministic(true))
	if err != nil {
		return // a line less
	}
	l.mu.Lock()
	if l.queued+len(line) > maxQueued {
		l.mu.Unlock()
		return
	}
	l.queue, l.queued = append(l.queue, append(line, '\n')), l.queued+len(line)+1
	if l.draining == nil {
		l.draining = make(chan struct{})
		go l.drain()
	}
	done, stuck := l.draining, l.stuck
	l.mu.Unlock()
	if stuck {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		l.mu.Lock()
		l.stuck = l.draining == done
		l.mu.Unlock()
	}
}

// drain writes until nothing is left.
func (l *lines) drain() {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			close(l.draining)
			l.draining, l.stuck = nil, false
			l.mu.Unlock()
			return
		}
		line := l.queue[0]
		l.queue, l.queued = l.queue[1:], l.queued-len(line)
		l.mu.Unlock()
		_, _ = l.w.Write(line) // capture matters more than its log
	}
}
