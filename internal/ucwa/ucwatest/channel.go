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
	app.asked = time.Now()
	switch {
	case ack == app.sent && app.held != nil:
		body := s.again(app)
		s.mu.Unlock()
		answerBytes(w, r, http.StatusOK, body)
		return
	case ack != app.sent+1:
		s.mu.Unlock()
		answerBytes(w, r, http.StatusOK, s.resync(app, false))
		return
	}
	s.acknowledge(app)
	s.mu.Unlock()
	s.park(w, r, app)
}

// again is the last batch once more. With Extend it has grown by what has
// happened since. s.mu is held.
func (s *Server) again(app *application) []byte {
	if s.opt.Extend && app.batch != nil && len(app.queue) > 0 {
		app.batch = append(app.batch, s.collapse(app.fetch())...)
		app.held = s.body(app, app.sent, move{events: app.batch})
	}
	return app.held
}

// fetch takes what waits for an endpoint. Whoever sent it may be told.
func (app *application) fetch() []sent {
	events := app.queue
	app.queue = nil
	for _, e := range events {
		if e.fetched != nil {
			e.fetched()
		}
	}
	return events
}

// acknowledge lets go of the batch that was sent last. s.mu is held.
func (s *Server) acknowledge(app *application) {
	if app.held != nil {
		s.acked = append(s.acked, Delivery{app.href, app.sent, app.held})
		app.held = nil
	}
	s.settle()
}

func eventsLink(ack int) map[string]any {
	return href(fmt.Sprintf("/events?ack=%d", ack))
}

// park holds a P-GET until there is something to say.
func (s *Server) park(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	priority, err := strconv.Atoi(r.URL.Query().Get("priority"))
	if err != nil {
		priority = app.priority // what a client asks for holds until it asks for something else
	}
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
		life := time.NewTimer(time.Until(s.deadline(app)))
		s.mu.Unlock()
		var next <-chan time.Time
		if due {
			next = time.After(wait)
		}
		select {
		case <-wake:
			life.Stop()
			continue
		case <-next:
			s.release(w, r, app, mine, true)
		case <-idle.C:
			s.release(w, r, app, mine, false)
		case <-life.C:
			s.expire(w, r, app)
		case <-mine:
			s.replaced(w, r, app)
		case <-r.Context().Done():
			s.unpark(app, mine)
		case <-s.stop:
			panic(http.ErrAbortHandler)
		}
		life.Stop()
		return
	}
}

// replaced answers a P-GET that was released from without.
func (s *Server) replaced(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	lives := s.apps[app.id] == app
	s.mu.Unlock()
	if !lives {
		problem(w, r, http.StatusNotFound, "NotFound", "ApplicationNotFound")
		return
	}
	problem(w, r, http.StatusConflict, "Conflict", "PGetReplaced")
}

// expire ends an application that reported no activity for too long.
func (s *Server) expire(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	app.parked = nil
	s.remove(app)
	s.mu.Unlock()
	problem(w, r, http.StatusGone, "Gone", "InactiveApplicationExpired")
}

// unpark forgets a P-GET whose client has gone.
func (s *Server) unpark(app *application, mine chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if app.parked == mine {
		app.parked, app.asked = nil, time.Now()
	}
}

// hold is how long to park. What a client asks for is remembered for the
// requests in which it does not ask. s.mu is held.
func (s *Server) hold(app *application, r *http.Request) time.Duration {
	if n, err := strconv.Atoi(r.URL.Query().Get("timeout")); err == nil && n > 0 {
		app.hold = time.Duration(n) * time.Second
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("medium")); err == nil && n > 0 {
		app.medium = time.Duration(n) * time.Second
	}
	switch {
	case s.opt.Hold > 0:
		return s.opt.Hold
	case app.hold > 0:
		return app.hold
	}
	return defaultHold
}

// due is how long until there is something to say, and whether there will be.
// An endpoint that has not made itself available has no part in the history.
// s.mu is held.
func (s *Server) due(app *application) (bool, time.Duration) {
	if len(app.queue) > 0 {
		return true, s.patience(app)
	}
	if s.at >= len(s.moves) || !app.available || app.user.URI != s.sc.Account.URI {
		return false, 0
	}
	if m := s.moves[s.at]; m.live {
		return true, max(0, time.Until(s.moved.Add(m.wait)))
	}
	return true, s.opt.Pace
}

// patience is how long what waits for an endpoint may wait on: events of high
// priority are sent at once, and take the others along
// (EventChannelDetails.md). s.mu is held.
func (s *Server) patience(app *application) time.Duration {
	until := app.queue[0].at.Add(app.medium)
	for _, e := range app.queue {
		link, _ := e.event["link"].(map[string]any)
		if e.rel != "me" && e.rel != "people" && link["rel"] != "communication" {
			return 0
		}
	}
	if !s.opt.Priorities {
		return 0
	}
	return max(0, time.Until(until))
}

// release answers a parked P-GET with what waits for it, with the next move,
// or with nothing.
func (s *Server) release(w http.ResponseWriter, r *http.Request, app *application, mine chan struct{}, due bool) {
	s.mu.Lock()
	if app.parked != mine {
		s.mu.Unlock()
		s.replaced(w, r, app)
		return
	}
	app.parked, app.asked = nil, time.Now()
	m := move{live: true}
	if len(app.queue) > 0 {
		m.events = s.collapse(app.fetch())
	} else if due {
		m = s.play(app)
		if m.acting {
			m.events = app.fetch()
		}
		m.events = s.collapse(m.events)
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	if m.fault != nil {
		s.misbehave(w, r, app, *m.fault) // unlocks
		return
	}
	body := s.body(app, app.sent+1, m)
	if m.body == nil || bytes.Contains(m.body, []byte("{next}")) {
		app.sent++
		app.held, app.batch = body, m.events
	}
	s.mu.Unlock()
	answerAs(w, r, m.media, body)
}

// play takes the next move of the history. The user's other endpoints are told
// the same. s.mu is held.
func (s *Server) play(app *application) move {
	m := s.moves[s.at]
	s.at++
	s.player, s.moved = app, time.Now()
	if !m.live {
		s.reach(m.at)
	}
	app.user.logs = append(app.user.logs, m.logs...)
	told := make([]sent, 0, len(m.events))
	for _, a := range app.user.apps {
		for _, e := range m.events {
			e = s.owned(a, e)
			s.remember(a, e.event)
			switch {
			case a == app:
				told = append(told, e)
			case a.available:
				a.queue = append(a.queue, e)
			}
		}
	}
	m.events = told
	for _, act := range m.acts {
		act(s)
	}
	if len(app.user.apps) > 1 {
		s.changed()
	}
	return m
}

// owned is an event of the scenario as it is told to one application: what
// communication offers is the application's own. s.mu is held.
func (s *Server) owned(a *application, e sent) sent {
	link, _ := e.event["link"].(map[string]any)
	if link["rel"] == "communication" && e.event["_embedded"] != nil {
		e.event = resource("updated", "communication", "/communication", s.communication(a))
	}
	return e
}

// body renders the nth batch. s.mu is held.
func (s *Server) body(app *application, n int, m move) []byte {
	self, next := eventsLink(n), eventsLink(n+1)
	if m.body != nil {
		b := bytes.ReplaceAll(m.body, []byte("{self}"), []byte(self["href"].(string)))
		return s.fill(app, bytes.ReplaceAll(b, []byte("{next}"), []byte(next["href"].(string))))
	}
	v := map[string]any{"_links": map[string]any{"self": self, "next": next}, "sender": senders(m.events)}
	if len(m.events) == 0 && s.opt.OmitSender {
		delete(v, "sender")
	}
	return s.render(app, v)
}

// senders groups events by who sends them, in their order.
func senders(events []sent) []any {
	out := []any{}
	var last map[string]any
	for _, e := range events {
		if last == nil || last["rel"] != e.rel || last["href"] != e.href {
			last = map[string]any{"rel": e.rel, "href": e.href, "events": []any{}}
			out = append(out, last)
		}
		last["events"] = append(last["events"].([]any), e.event)
	}
	return out
}

// fill puts in what is known only when something is sent. s.mu is held.
func (s *Server) fill(app *application, b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("{app}"), []byte(s.public(app)))
	return bytes.ReplaceAll(b, []byte("{ms}"), strconv.AppendInt(nil, s.now().UnixMilli(), 10))
}
