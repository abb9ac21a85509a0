package ucwatest

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Fault breaks one request. Its zero value breaks nothing. Unless Skip is set
// what was asked is done all the same, and only its answer suffers.
type Fault struct {
	// Skip does not do what was asked.
	Skip bool
	// Status answers with this status instead of the right one.
	Status int
	// Drop closes the connection instead of answering.
	Drop bool
	// Cut breaks off in the middle of the body.
	Cut bool
	// Close answers in full and then closes the connection.
	Close bool
}

// serve answers a request with a fault.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, h http.Handler) {
	if f == (Fault{}) {
		h.ServeHTTP(w, r)
		return
	}
	// The recorder has the answer that does not arrive as it should.
	recorded := httptest.NewRecorder()
	if !f.Skip {
		h.ServeHTTP(recorded, r)
	}
	switch {
	case f.Status != 0:
		http.Error(w, "the scenario wants this", f.Status)
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
	default:
		cutShort(w, recorded.Code, recorded.Body.Bytes(), recorded.Body.Len())
	}
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
	if s.opt.Fault == nil {
		return Fault{}
	}
	return s.opt.Fault(r)
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
	links := map[string]any{"self": eventsLink(app, app.sent+1), rel: eventsLink(app, app.sent+1)}
	if rel == "resync" {
		return marshal(map[string]any{"_links": links})
	}
	links[rel] = eventsLink(app, app.sent+2)
	body := marshal(map[string]any{"_links": links, "sender": []any{}})
	app.sent++
	app.held = body
	return body
}
