package capture_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is one thing that the world does. Most are done to the next P-GET.
type step struct {
	Do   string
	Wait time.Duration // the P-GET is held so long before
	For  time.Duration // and what begins lasts so long
	N    int           // how many: events, faults, refusals
	How  string        // the variant
}

// answers are what comes in place of a batch, by name.
func answers() map[string]func(http.ResponseWriter) {
	say := func(status int, kind, body string, headers ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", kind)
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				_, _ = io.WriteString(w, body)
			}
		}
	}
	const reason, page = "application/json", "text/html"
	return map[string]func(http.ResponseWriter){
		"404 of a proxy":          say(404, page, "<html>not found</html>"),
		"404 of something":        say(404, reason, `{"code":"NotFound"}`),
		"408":                     say(408, reason, `{"code":"Timeout","subcode":"ClientTimeout"}`),
		"429":                     say(429, reason, `{"code":"TooManyRequests"}`),
		"429 for a while":         say(429, page, "", "Retry-After", "45"),
		"500":                     say(500, reason, `{"code":"ServiceFailure"}`),
		"500 of a proxy":          say(500, page, "<html>"),
		"502":                     say(502, page, "<html>bad gateway</html>"),
		"503":                     say(503, reason, `{"code":"ServiceFailure"}`),
		"503 for a while":         say(503, page, "busy", "Retry-After", "20"),
		"504":                     say(504, reason, `{"code":"Timeout","subcode":"GatewayTimeout"}`),
		"a page":                  say(200, page, "<html>sign in to the network</html>"),
		"a batch called a page":   say(200, page, `{"_links":{"next":{"href":"/ucwa/oauth/v1/applications/1/events?ack=99"}}}`),
		"nothing":                 say(204, reason, ""),
		"an empty body":           say(200, reason, ""),
		"half a batch":            say(200, reason, `{"_links":{"self":{"href":"/ucwa/oauth/v1/appl`),
		"no link":                 say(200, reason, `{"sender":[]}`),
		"a link to another place": say(200, reason, `{"_links":{"next":{"href":"http://fabrikam.example/events?ack=9"}}}`),
	}
}

// perform does a step to a P-GET. What it leaves undone the rules of the
// channel do.
func (w *world) perform(rw http.ResponseWriter, r *http.Request, ack int, s step) (handled bool) {
	w.truth.tell("step", s)
	switch s.Do {
	case "batch":
		w.later(s, func() { w.set(func() { w.event(s.N) }) })
	case "silent":
		v := w.truth.visitOf(r)
		w.later(s, func() { w.set(func() { v.hush() }) })
	case "gone": // at once, and told at the end of the wait: nobody knows since when
		w.end()
		time.AfterFunc(s.Wait/2, func() { w.set(func() { w.event(1) }) })
		if w.hold(r, s.Wait) == "left" {
			return true
		}
		return w.refuse(rw, r, s)
	case "resync", "answer", "cut", "replaced", "forbid":
		switch w.hold(r, s.Wait) {
		case "left":
			return true
		case "event":
			return false
		}
		return w.refuse(rw, r, s)
	case "resume", "break":
		if ack != w.expect {
			return false
		}
		if w.hold(r, s.Wait) == "left" {
			return true
		}
		w.emit(rw, r, s)
		return true
	case "extend":
		if ack == w.expect-1 && w.held != "" {
			w.event(s.N)
			w.extend()
		}
	case "expire":
		w.tokens++
		w.service = slices.Repeat([]int{503}, s.N)
	case "disk":
		w.proc.fail(s.N, s.How)
	case "kill":
		w.later(s, func() { w.order("kill", s.For) })
	case "stop":
		w.later(s, func() { w.order("stop", s.For) })
	case "down":
		w.later(s, func() { w.cable(s) })
	case "storm":
		w.storm(s)
		w.busy(rw)
		return true
	}
	return false
}

// cable pulls the process' network cable for a while.
func (w *world) cable(s step) {
	w.set(func() {
		w.down, w.dialing = true, map[string]time.Duration{"slow": 20 * time.Second}[s.How]
	})
	w.proc.net.cut(false)
	time.AfterFunc(s.For, func() { w.set(func() { w.down = false }) })
}

// hold keeps a P-GET waiting for a time, for an event, or until its connection
// has gone. One that asks for a batch again does not wait.
func (w *world) hold(r *http.Request, d time.Duration) (why string) {
	if d <= 0 || w.held != "" && r.URL.Query().Get("ack") == strconv.Itoa(w.expect-1) {
		return "over"
	}
	end := time.After(d)
	for len(w.queue) == 0 && why == "" {
		w.mu.Unlock()
		select {
		case <-end:
			why = "over"
		case <-w.wake:
		case <-r.Context().Done():
			why = "left"
		}
		w.mu.Lock()
	}
	if why == "" {
		return "event"
	}
	return why
}

// event queues new messages.
func (w *world) event(n int) {
	for range n {
		w.said++
		w.tell(message(w.said))
	}
}

// later does something when the step's time has come, and not at the very
// instant at which something else is done.
func (w *world) later(s step, do func()) {
	time.AfterFunc(s.Wait+137*time.Millisecond, func() {
		w.mu.Lock()
		healed := w.healed
		w.mu.Unlock()
		if !healed {
			do()
		}
	})
}

// refuse answers with anything but a batch.
func (w *world) refuse(rw http.ResponseWriter, r *http.Request, s step) bool {
	v := w.truth.visitOf(r)
	w.seen = time.Now()
	switch s.Do {
	case "resync":
		if ack := r.URL.Query().Get("ack"); ack == strconv.Itoa(w.expect) {
			w.held = "" // it has been acknowledged
		}
		v.body = w.resync(map[string]string{"with next": `"next":{"href":"` + w.app() + `/events?ack=77"},`}[s.How])
		w.truth.special(v, "resync")
		reply(rw, 200, v.body)
	case "gone":
		w.refuses = slices.Repeat([]int{503}, s.N)
		w.truth.doubted(v)
		status, subcode, _ := strings.Cut(s.How, " ")
		code, _ := strconv.Atoi(status)
		reply(rw, code, `{"code":"Gone","subcode":"`+subcode+`"}`)
	case "answer":
		answers()[s.How](rw)
	case "cut":
		panic(http.ErrAbortHandler)
	case "replaced":
		w.fought = true
		reply(rw, 409, `{"code":"Conflict","subcode":"PGetReplaced"}`)
	case "forbid":
		w.tokens++
		w.service = slices.Repeat([]int{500}, s.N)
		rw.Header().Set("X-Ms-Diagnostics", `28055;reason="expired"`)
		reply(rw, 403, `{"code":"Forbidden"}`)
	}
	return true
}

// emit releases a batch whose answer is special or does not arrive whole.
func (w *world) emit(rw http.ResponseWriter, r *http.Request, s step) {
	v := w.truth.visitOf(r)
	w.event(s.N)
	w.seen = time.Now()
	if s.Do == "resume" {
		w.releaseAs("resume")
		v.body = w.held
		w.truth.special(v, "resume")
		reply(rw, 200, w.held)
		return
	}
	w.release()
	v.body = w.held
	if s.How == "before" {
		panic(http.ErrAbortHandler)
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(w.held)))
	rw.Header().Set("Content-Type", "application/json")
	part := w.held
	if s.How == "inside" {
		part = part[:len(part)/2]
	}
	_, _ = io.WriteString(rw, part)
	_ = http.NewResponseController(rw).Flush()
	panic(http.ErrAbortHandler)
}

// storm answers everything with one failure for a while.
func (w *world) storm(s step) {
	w.storms = append(w.storms, span{time.Now(), time.Now().Add(s.For)})
	end := time.Now().Add(s.For)
	w.busy = func(rw http.ResponseWriter) bool {
		if time.Now().After(end) {
			w.busy = nil
			return false
		}
		answers()[s.How](rw)
		return true
	}
}
