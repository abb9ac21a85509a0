package capture_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"archiver/internal/ucwa"
)

// The server's patience (message_ref.md, EventChannelDetails.md), and a silence
// of which it says so in its next answer.
const (
	unfetched = 30 * time.Second
	silence   = 5 * time.Minute
	abandoned = 15 * time.Minute
)

// poll is the event channel. GET ack=N returns batch N and acknowledges batch
// N−1; the same ack again returns the same batch again; any other ack is
// answered with a resync to the first batch not acknowledged. One that comes
// while another is parked takes its place.
func (f *front) poll(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.URL.RequestURI())
	url := "http://" + r.Host + r.URL.RequestURI()
	if !f.durable(url) {
		f.errorf("asked for %s, which was never in a durable cursor", r.URL.RequestURI())
	}
	ack, err := strconv.Atoi(r.URL.Query().Get("ack"))
	if err != nil && !f.garbled {
		f.errorf("ack of %s: %v", r.URL.RequestURI(), err)
	}
	v := f.arrive(r)
	defer func() {
		f.truth.leave(v)
		if f.gone && r.Context().Err() != nil { // and capture was not told
			f.truth.dark = append(f.truth.dark, span{v.from, v.to})
		}
	}()
	if f.present(r) && ack == f.expect && f.held != "" {
		f.truth.acknowledge()
	}
	if f.intercept != nil && f.intercept(w, r, ack) {
		return
	}
	f.lapse()
	switch {
	case f.gone || !f.present(r):
		f.truth.doubted(v)
		reply(w, 404, `{"code":"NotFound","subcode":"ApplicationNotFound"}`)
	case r.Header.Get("Authorization") != "Bearer "+f.token():
		w.Header().Set("WWW-Authenticate", `MsRtcOAuth href="/token",grant_type="password"`)
		w.WriteHeader(401)
	case ack == f.expect-1 && f.held != "":
		v.body = f.held
		reply(w, 200, f.held)
	case ack == f.expect:
		f.answer(w, r, v)
	default:
		v.body = f.resync("")
		f.truth.special(v, "resync")
		reply(w, 200, v.body)
	}
	f.seen = time.Now()
}

// present reports whether the request is for the present application.
func (f *front) present(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, f.app()+"/") }

// answer parks the request and releases the next batch.
func (f *front) answer(w http.ResponseWriter, r *http.Request, v *visit) {
	f.held = ""
	if f.strict && time.Since(f.seen) > silence {
		f.releaseAs("resume")
		v.body = f.held
		f.truth.special(v, "resume")
	} else {
		switch f.wait(r, v) {
		case "left":
			return
		case "replaced":
			reply(w, 409, `{"code":"Conflict","subcode":"PGetReplaced"}`)
			return
		}
		if f.gone {
			f.truth.doubted(v)
			reply(w, 404, `{"code":"NotFound","subcode":"ApplicationNotFound"}`)
			return
		}
		f.release()
	}
	v.body = f.held
	reply(w, 200, f.held)
}

// wait parks the request until there is something to say, or 180 s.
func (f *front) wait(r *http.Request, v *visit) (why string) {
	end := time.After(ucwa.PollTimeout)
	for len(f.queue) == 0 && !f.gone && why == "" {
		f.mu.Unlock()
		select {
		case <-end:
			why = "over"
		case <-f.wake:
		case <-v.replaced:
			why = "replaced"
		case <-r.Context().Done():
			why = "left"
		}
		f.mu.Lock()
	}
	if why == "" && r.Context().Err() != nil {
		return "left"
	}
	return why
}

func (f *front) release() { f.releaseAs("next") }

func (f *front) releaseAs(rel string) {
	f.held = f.links(rel, f.expect+1, f.queue)
	f.truth.released(f.held, f.queue, false)
	f.history = append(f.history, f.queue...)
	f.queue = nil
	f.expect++
}

// extend sends the last batch again with what has come since.
func (f *front) extend() {
	last := f.truth.batches[len(f.truth.batches)-1]
	f.expect--
	f.held = f.links("next", f.expect+1, append(last.events[:len(last.events):len(last.events)], f.queue...))
	f.expect++
	f.truth.released(f.held, f.queue, true)
	f.history = append(f.history, f.queue...)
	f.queue = nil
}

// resync is an answer that leads back to the first batch not acknowledged;
// more are other links beside it.
func (f *front) resync(more string) string {
	first := f.expect
	if f.held != "" {
		first--
	}
	body := f.links("resync", first, nil)
	return strings.Replace(body, `"resync":`, more+`"resync":`, 1)
}

// lapse is what time does to a server that is not asked.
func (f *front) lapse() {
	if !f.strict || f.gone {
		return
	}
	kept := f.queue[:0:0]
	for _, e := range f.queue {
		if f.truth.waited(e) > unfetched {
			f.truth.lose(e)
		} else {
			kept = append(kept, e)
		}
	}
	f.queue = kept
	if !f.seen.IsZero() && time.Since(f.seen) > abandoned {
		f.end()
	}
}

// end ends the application, and with it what it has not delivered.
func (f *front) end() {
	f.gone = true
	f.truth.lose(f.queue...)
	if f.held != "" {
		f.truth.loseBatch()
	}
	f.queue = nil
	f.poke()
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
	f.tell(event)
	f.mu.Unlock()
}

func (f *front) tell(event string) {
	f.truth.said(event)
	if f.gone {
		f.truth.lose(event) // nobody is there to be told
		f.poke()
		return
	}
	f.queue = append(f.queue, event)
	f.poke()
}

func (f *front) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
