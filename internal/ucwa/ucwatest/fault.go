package ucwatest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// Fault breaks one request. Its zero value breaks nothing. Unless Skip is set
// what was asked is done all the same, and only its answer suffers.
type Fault struct {
	// Skip does not do what was asked.
	Skip bool
	// Status answers with this status instead of the right one: with an error
	// object when Subcode is set, else with a page, as a proxy would.
	Status  int
	Subcode string
	// RetryAfter is the header of that name, in whole seconds; 0 for none.
	RetryAfter time.Duration
	// Wait is how long the answer is held back.
	Wait time.Duration
	// Hang never answers: the connection stays open until the client gives up.
	Hang bool
	// Drop closes the connection instead of answering.
	Drop bool
	// Cut breaks off in the middle of the body.
	Cut bool
	// Close answers in full and then closes the connection.
	Close bool
	// Detour leads a P-GET astray: "resync" back to what is not acknowledged,
	// with Next beside a next link; "resume" on to an emptied channel; "gone"
	// ends the application, with a 404 unless Status says otherwise.
	Detour string
	Next   bool
}

// serve answers a request with a fault. done ends what hangs.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, h http.Handler, done <-chan struct{}) {
	if f == (Fault{}) {
		h.ServeHTTP(w, r)
		return
	}
	// The recorder has the answer that does not arrive as it should.
	recorded := httptest.NewRecorder()
	if !f.Skip {
		h.ServeHTTP(recorded, r)
	}
	if !f.held(r, done) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case f.Status != 0:
		f.refuse(w, r)
		return
	case f.Drop || f.Skip:
		panic(http.ErrAbortHandler)
	}
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	switch {
	case f.Cut:
		cutShort(w, recorded.Code, recorded.Body.Bytes(), recorded.Body.Len()/2)
	case f.Close:
		cutShort(w, recorded.Code, recorded.Body.Bytes(), recorded.Body.Len())
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Bytes()) // a client that has gone is the client's business
}

// held waits as long as the fault wants. It reports whether there is to be an
// answer.
func (f Fault) held(r *http.Request, done <-chan struct{}) bool {
	if f.Wait == 0 && !f.Hang {
		return true
	}
	var over <-chan time.Time
	if !f.Hang {
		t := time.NewTimer(f.Wait)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-over:
		return true
	case <-r.Context().Done():
	case <-done:
	}
	return false
}

func (f Fault) refuse(w http.ResponseWriter, r *http.Request) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	if f.Subcode != "" {
		problem(w, r, f.Status, strings.ReplaceAll(http.StatusText(f.Status), " ", ""), f.Subcode)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(f.Status)
	_, _ = fmt.Fprintf(w, "<html><body><h1>%d %s</h1></body></html>", f.Status, http.StatusText(f.Status)) // as above
}

// cutShort sends the first n bytes of a body and closes the connection.
func cutShort(w http.ResponseWriter, status int, body []byte, n int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body[:n]) // a client that has gone is the client's business
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// fault is what is to happen to a request; s.mu is not held.
func (s *Server) fault(r *http.Request, isDown bool) Fault {
	if isDown {
		return Fault{Drop: true, Skip: true}
	}
	if s.opt.Fault != nil {
		if f := s.opt.Fault(r); f != (Fault{}) {
			return f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.faults {
		if p.hits(r) {
			return p.Fault
		}
	}
	return Fault{}
}

// misbehave does what a step of the scenario says. s.mu is held, and given up.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, app *application, f fault) {
	switch f.kind {
	case "gone":
		s.remove(app)
		s.clock, s.since = s.now().Add(f.length), time.Now()
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		s.mu.Unlock()
		problem(w, r, http.StatusNotFound, "NotFound", "ApplicationNotFound")
	case "down":
		s.down = time.Now().Add(f.length)
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	case "resync", "resume":
		body := s.detour(app, f.kind)
		s.mu.Unlock()
		answerBytes(w, r, http.StatusOK, body)
	case "drop":
		body := s.body(app, app.sent+1, s.moves[min(s.at, len(s.moves)-1)])
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		cutShort(w, http.StatusOK, body, len(body)/2)
	default:
		s.mu.Unlock()
		problem(w, r, f.status, http.StatusText(f.status), f.subcode)
	}
}

// detour is an answer that has another way on than next: resync leads back to
// the first batch that was not acknowledged, resume takes the place of next.
// s.mu is held.
func (s *Server) detour(app *application, rel string) []byte {
	links := map[string]any{"self": eventsLink(app.sent + 1), rel: eventsLink(app.sent + 1)}
	if rel == "resync" {
		return s.render(app, map[string]any{"_links": links})
	}
	links[rel] = eventsLink(app.sent + 2)
	body := s.render(app, map[string]any{"_links": links, "sender": []any{}})
	app.sent++
	app.held = body
	return body
}
