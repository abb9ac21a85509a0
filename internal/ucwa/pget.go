package ucwa

import (
	"compress/gzip"
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"archiver/internal/archive"
)

// PollTimeout is how long the server holds a P-GET when nothing happens
// (EventChannelDetails.md: 180 s is both the default and the least).
const PollTimeout = 180 * time.Second

// PollDeadline is how long a P-GET may take, from when it was written, before
// its connection counts as dead.
const PollDeadline = PollTimeout + 30*time.Second

// holdSeconds is how long the server may hold events of low and medium
// priority; 5 s is the least.
const holdSeconds = "5"

// Response is an answer with its whole body.
type Response struct {
	URL    string // as requested
	Status int
	Header http.Header // without cookies
	Body   []byte      // after transfer decoding
	// Requested and Received are our clock when the request left and when the
	// body was complete. Received is unknown when nothing arrived.
	Requested, Received archive.Time
	Date                archive.Time // the server's clock

	held *held
}

// Parked is when the request had first been written whole, so that the server
// could hold it; unknown when that never happened.
func (r Response) Parked() archive.Time {
	first, _, _ := r.held.times()
	return first
}

// Broken is the interval in which a request that had been written was held by
// nobody, because its kept connection proved dead or its token was rejected, and
// it was written again: from is unknown when there was none, to when it was never
// written again.
func (r Response) Broken() (from, to archive.Time) {
	_, from, to = r.held.times()
	return from, to
}

// held is when a request was with the server.
type held struct {
	mu                sync.Mutex
	first, cut, again time.Time // guarded by mu
}

func (h *held) times() (first, cut, again archive.Time) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return archive.At(h.first), archive.At(h.cut), archive.At(h.again)
}

// connecting is called before each attempt.
func (h *held) connecting(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.first.IsZero() && (h.cut.IsZero() || !h.again.IsZero()) {
		h.cut, h.again = now, time.Time{}
	}
}

// refused is called when an answer asks for another attempt.
func (h *held) refused(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.first.IsZero() {
		h.cut, h.again = now, time.Time{}
	}
}

func (h *held) written(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first.IsZero() {
		h.first = now
	} else {
		h.again = now
	}
}

// ContentType is the media type in lower case without parameters.
func (r Response) ContentType() string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(r.Header.Get("Content-Type"), ";")
		t = strings.ToLower(strings.TrimSpace(t))
	}
	return t
}

// FromUCWA reports whether UCWA itself answered: only JSON and XML come from
// it, anything else from an intermediary (Errors in the UCWA reference).
func (r Response) FromUCWA() bool {
	t := r.ContentType()
	for _, form := range []string{"json", "xml"} {
		if t == "application/"+form || t == "text/"+form || strings.HasSuffix(t, "+"+form) && !strings.HasPrefix(t, "application/xhtml") {
			return true
		}
	}
	return false
}

// trace notes when the request is with the server, and calls written each time
// that it has been written.
func (r *Response) trace(ctx context.Context, now func() time.Time, written func()) context.Context {
	if r.held == nil {
		r.held = &held{}
	}
	h := r.held
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { h.connecting(now()) },
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				h.written(now())
				written()
			}
		},
	})
}

// read takes over what the answer says.
func (r *Response) read(resp *http.Response) error {
	r.Status = resp.StatusCode
	r.Header = resp.Header.Clone()
	r.Header.Del("Set-Cookie")
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.Date = archive.At(t)
	}
	body := resp.Body
	// The transport decodes what it asked for; some front ends compress unasked.
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") && !resp.Uncompressed {
		z, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		defer z.Close()
		body = z
	}
	var err error
	r.Body, err = readLimited(body)
	return err
}

// Poll sends a P-GET and waits for its answer, PollDeadline at most. An answer
// that is not UCWA's batch is an *APIError beside the Response, a connection
// that failed archive.ErrUnavailable; both leave the Response with what is
// known. A ctx that ends while the answer is arriving lets it arrive.
//
// Asking for a batch's next link tells the server that the batch is safe
// (EventsInUCWA.md), so it must be on disk before.
func (c *Client) Poll(ctx context.Context, url string) (Response, error) {
	r, err := c.do(ctx, call{method: http.MethodGet, href: url, wait: PollDeadline})
	if err == nil && (r.Status != http.StatusOK || !r.FromUCWA()) {
		err = apiError(r)
	}
	if err != nil {
		return r, fmt.Errorf("ucwa: poll: %w", err)
	}
	return r, nil
}

// Fetch gets a resource that an event linked to. Errors are as of Poll.
func (c *Client) Fetch(ctx context.Context, href string) (Response, error) {
	r, err := c.do(ctx, call{method: http.MethodGet, href: href, wait: requestTimeout})
	if err == nil && (r.Status != http.StatusOK || !r.FromUCWA()) {
		err = apiError(r)
	}
	if err != nil {
		return r, fmt.Errorf("ucwa: fetch: %w", err)
	}
	return r, nil
}

// WithParameters adds what the event channel must be told once in its life:
// after the application was created and after a resume (EventChannelDetails.md).
// Parameters that the URL has already stay as they are.
func WithParameters(href string) (string, error) {
	u, err := url.Parse(href)
	if err != nil {
		return "", fmt.Errorf("ucwa: a link is not a URL: %w", archive.ErrInvalid)
	}
	query := slices.DeleteFunc([]string{u.RawQuery}, func(s string) bool { return s == "" })
	has := u.Query()
	for _, p := range [][2]string{
		{"low", holdSeconds},
		{"medium", holdSeconds},
		{"timeout", strconv.Itoa(int(PollTimeout / time.Second))},
	} {
		if !has.Has(p[0]) {
			query = append(query, url.Values{p[0]: {p[1]}}.Encode())
		}
	}
	u.RawQuery = strings.Join(query, "&")
	return u.String(), nil
}
