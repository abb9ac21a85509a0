package ucwatest

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// defaultHold is how long a P-GET is parked when the client does not say
// (EventChannelDetails.md).
const defaultHold = 180 * time.Second

// events is the P-GET. Asking for ack N acknowledges batch N−1 and is answered
// with batch N; asking for the last number again sends the same bytes again;
// any other number is answered with the way back (EventsInUCWA.md).
func (s *Server) events(w http.ResponseWriter, r *http.Request, app *application) {
	ack, err := strconv.Atoi(r.URL.Query().Get("ack"))
	if err != nil {
		problem(w, r, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
		return
	}
	s.mu.Lock()
	switch {
	case ack == app.sent && app.held != nil:
		body := app.held
		s.mu.Unlock()
		answerBytes(w, r, http.StatusOK, body)
		return
	case ack != app.sent+1:
		first := app.sent + 1
		if app.held != nil {
			first = app.sent
		}
		s.mu.Unlock()
		answer(w, r, http.StatusOK, map[string]any{"_links": map[string]any{
			"self": eventsLink(app, ack), "resync": eventsLink(app, first)}})
		return
	}
	s.acknowledge(app)
	s.mu.Unlock()
	s.park(w, r, app)
}

// acknowledge lets go of the batch that was sent last. s.mu is held.
func (s *Server) acknowledge(app *application) {
	if app.held != nil {
		s.acked = append(s.acked, Delivery{app.href, app.sent, app.held})
		app.held = nil
	}
	s.settle()
}

func eventsLink(app *application, ack int) map[string]any {
	return map[string]any{"href": fmt.Sprintf("%s/events?ack=%d", app.href, ack)}
}

// park holds a P-GET until there is something to say.
func (s *Server) park(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	priority, _ := strconv.Atoi(r.URL.Query().Get("priority"))
	if app.parked != nil && priority < app.priority {
		s.mu.Unlock()
		problem(w, r, http.StatusConflict, "Conflict", "PGetReplaced")
		return
	}
	if app.parked != nil {
		close(app.parked)
	}
	mine := make(chan struct{})
	app.parked, app.priority = mine, priority
	hold := s.hold(app, r)
	s.mu.Unlock()
	idle := time.NewTimer(hold)
	defer idle.Stop()
	for {
		s.mu.Lock()
		due, wait := s.due(app)
		wake := s.wake
		s.mu.Unlock()
		var next <-chan time.Time
		if due {
			next = time.After(wait)
		}
		select {
		case <-wake:
			continue
		case <-next:
			s.release(w, r, app, mine, true)
		case <-idle.C:
			s.release(w, r, app, mine, false)
		case <-mine:
			problem(w, r, http.StatusConflict, "Conflict", "PGetReplaced")
		case <-r.Context().Done():
			s.unpark(app, mine)
		case <-s.stop:
			panic(http.ErrAbortHandler)
		}
		return
	}
}

// unpark forgets a P-GET whose client has gone.
func (s *Server) unpark(app *application, mine chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if app.parked == mine {
		app.parked = nil
	}
}

// hold is how long to park. What a client asks for is remembered for the
// requests in which it does not ask. s.mu is held.
func (s *Server) hold(app *application, r *http.Request) time.Duration {
	if n, err := strconv.Atoi(r.URL.Query().Get("timeout")); err == nil && n > 0 {
		app.hold = time.Duration(n) * time.Second
	}
	switch {
	case s.opt.Hold > 0:
		return s.opt.Hold
	case app.hold > 0:
		return app.hold
	}
	return defaultHold
}

// due is how long the next move waits, and whether there is one. An endpoint
// that has not made itself available gets none. s.mu is held.
func (s *Server) due(app *application) (bool, time.Duration) {
	if s.at >= len(s.moves) || !app.available {
		return false, 0
	}
	if m := s.moves[s.at]; m.live {
		return true, max(0, time.Until(s.moved.Add(m.wait)))
	}
	return true, s.opt.Pace
}

// release answers a parked P-GET with the next move, or with nothing.
func (s *Server) release(w http.ResponseWriter, r *http.Request, app *application, mine chan struct{}, due bool) {
	s.mu.Lock()
	if app.parked != mine {
		s.mu.Unlock()
		problem(w, r, http.StatusConflict, "Conflict", "PGetReplaced")
		return
	}
	app.parked = nil
	var m move
	if due {
		m = s.moves[s.at]
		s.at++
		s.moved = time.Now()
		if !m.live {
			s.reach(m.at)
		}
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	if m.fault != nil {
		s.misbehave(w, r, app, *m.fault) // unlocks
		return
	}
	body := s.body(app, m)
	for _, e := range m.events {
		s.remember(app, e.event)
	}
	for _, e := range m.silent {
		s.remember(app, e)
	}
	if m.body == nil || bytes.Contains(m.body, []byte("{next}")) {
		app.sent++
		app.held = body
	}
	s.mu.Unlock()
	answerAs(w, r, m.media, body)
}

// body renders a batch. s.mu is held.
func (s *Server) body(app *application, m move) []byte {
	self, next := eventsLink(app, app.sent+1), eventsLink(app, app.sent+2)
	if m.body != nil {
		b := bytes.ReplaceAll(s.fill(app, m.body), []byte("{self}"), []byte(self["href"].(string)))
		return bytes.ReplaceAll(b, []byte("{next}"), []byte(next["href"].(string)))
	}
	senders := []any{}
	var last map[string]any
	for _, e := range m.events {
		if last == nil || last["rel"] != e.rel || last["href"] != e.href {
			last = map[string]any{"rel": e.rel, "href": e.href, "events": []any{}}
			senders = append(senders, last)
		}
		last["events"] = append(last["events"].([]any), e.event)
	}
	v := map[string]any{"_links": map[string]any{"self": self, "next": next}, "sender": senders}
	if len(senders) == 0 && s.opt.OmitSender {
		delete(v, "sender")
	}
	return s.fill(app, marshal(v))
}

// fill puts in what is known only when something is sent. s.mu is held.
func (s *Server) fill(app *application, b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("{app}"), []byte(app.href))
	return bytes.ReplaceAll(b, []byte("{ms}"), strconv.AppendInt(nil, s.now().UnixMilli(), 10))
}
