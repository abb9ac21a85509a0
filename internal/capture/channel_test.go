package capture_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"archiver/internal/ucwa"
)

// poll is the event channel. GET ack=N returns batch N and acknowledges batch
// N−1; the same ack again returns the same batch again; any other ack is
// answered with a resync to the first batch not acknowledged.
func (f *front) poll(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.URL.RequestURI())
	if !f.log.wasDurable("http://" + r.Host + r.URL.RequestURI()) {
		f.t.Errorf("asked for %s, which was never in a durable cursor", r.URL.RequestURI())
	}
	ack, err := strconv.Atoi(r.URL.Query().Get("ack"))
	if err != nil {
		f.t.Errorf("ack of %s: %v", r.URL.RequestURI(), err)
	}
	if f.intercept != nil && f.intercept(w, r, ack) {
		return
	}
	switch {
	case f.gone || !strings.HasPrefix(r.URL.Path, f.app()+"/"):
		reply(w, 404, `{"code":"NotFound","subcode":"ApplicationNotFound"}`)
	case r.Header.Get("Authorization") != "Bearer "+f.token():
		w.Header().Set("WWW-Authenticate", `MsRtcOAuth href="/token",grant_type="password"`)
		w.WriteHeader(401)
	case ack == f.expect-1 && f.held != "":
		reply(w, 200, f.held)
	case ack == f.expect:
		f.held = ""
		if !f.wait(w, r) {
			return
		}
		if f.gone {
			reply(w, 404, `{"code":"NotFound","subcode":"ApplicationNotFound"}`)
			return
		}
		f.release()
		reply(w, 200, f.held)
	default:
		first := f.expect
		if f.held != "" {
			first--
		}
		reply(w, 200, f.links("resync", first, nil))
	}
}

// wait parks the request until there is something to say, or 180 s.
func (f *front) wait(w http.ResponseWriter, r *http.Request) bool {
	end := time.After(ucwa.PollTimeout)
	f.parked++ // a newer one releases those that are parked
	mine := f.parked
	select {
	case f.wake <- struct{}{}:
	default:
	}
	for len(f.queue) == 0 && !f.gone {
		f.mu.Unlock()
		var over, left bool
		select {
		case <-end:
			over = true
		case <-f.wake:
		case <-r.Context().Done():
			left = true
		}
		f.mu.Lock()
		if over || left {
			return over
		}
		if f.parked != mine {
			reply(w, 409, `{"code":"Conflict","subcode":"PGetReplaced"}`)
			return false
		}
	}
	return r.Context().Err() == nil
}

func (f *front) release() {
	f.held = f.links("next", f.expect+1, f.queue)
	f.history = append(f.history, f.queue...)
	f.queue = nil
	f.expect++
}

func (f *front) links(rel string, ack int, events []string) string {
	body := fmt.Sprintf(`{"_links":{"self":{"href":"%[1]s/events?ack=%[2]d"},"%[3]s":{"href":"%[1]s/events?ack=%[4]d"}},"sender":[`,
		f.app(), f.expect, rel, ack)
	if len(events) > 0 {
		body += `{"rel":"conversation","href":"` + f.app() + `/c1","events":[` + strings.Join(events, ",") + `]}`
	}
	return body + `]}`
}

// say queues an event and wakes a parked request.
func (f *front) say(event string) {
	f.mu.Lock()
	f.queue = append(f.queue, event)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
