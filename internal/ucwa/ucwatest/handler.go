package ucwatest

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Handler answers as the server.
func (s *Server) Handler() http.Handler {
	mux, control := s.mux(), s.control()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r
		r = normalize(r)
		if r.URL.Path == "/sim" || strings.HasPrefix(r.URL.Path, "/sim/") {
			control.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		entry := s.note(asked, r)
		isDown := time.Now().Before(s.down)
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		s.mu.Unlock()
		watched := &watched{ResponseWriter: w}
		defer s.noted(entry, watched) // however it ends
		watched.Header().Set("X-MS-Server-Fqdn", "fe01.sim.invalid")
		if f := s.fault(r, isDown); f.Detour != "" {
			s.mislead(watched, r, f)
		} else {
			f.serve(watched, r, mux, s.stop)
		}
	})
}

// Request is what somebody asked, and what became of it.
type Request struct {
	At      time.Time `json:"at"`   // real time, in UTC
	User    string    `json:"user"` // whose token it bore; "" without a known one
	Method  string    `json:"method"`
	Path    string    `json:"path"`    // as it was asked, with its query
	Status  int       `json:"status"`  // 0 when the connection broke
	Seconds float64   `json:"seconds"` // to the end of the answer
	Open    bool      `json:"open"`    // not answered yet

	route string // the path as it was understood
}

// Broken tells whether the answer did not please: an error, or none.
func (q Request) Broken() bool { return !q.Open && (q.Status == 0 || q.Status >= 400) }

// keptRequests is how many requests are remembered. A test of a day asks more.
const keptRequests = 100_000

// note takes down a request that has come in. s.mu is held.
func (s *Server) note(asked, r *http.Request) *Request {
	if len(s.requests) == keptRequests {
		s.requests = append(s.requests[:0:0], s.requests[keptRequests/2:]...)
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	q := &Request{At: time.Now().UTC(), Method: r.Method, Path: asked.URL.RequestURI(), Open: true, route: r.URL.Path}
	if g, ok := s.tokens[token]; ok {
		q.User = address(g.user.Person)
	}
	s.requests = append(s.requests, q)
	return q
}

// noted completes it when it has been answered, or was not. 0 is the status of
// a connection that broke.
func (s *Server) noted(q *Request, w *watched) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q.Open, q.Status, q.Seconds = false, w.status, time.Since(q.At).Seconds()
}

// Requests lists the requests so far: method and path, without queries.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, q := range s.requests {
		list = append(list, q.Method+" "+q.route)
	}
	return list
}

// watched notices the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
}

// WriteHeader notices the status.
func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write is a 200 unless something else was said before.
func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// odataKey is how the oldest servers name one of several: people('ana@…').
var odataKey = regexp.MustCompile(`\('([^']*)'\)`)

// normalize takes //ucwa/… for /ucwa/… without a redirect, as front ends do,
// and the paths of discovery in any case.
func normalize(r *http.Request) *http.Request {
	path := r.URL.Path
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if lower := strings.ToLower(path); strings.HasPrefix(lower, "/autodiscover/") || strings.HasPrefix(lower, "/webticket/") {
		path = lower
	}
	for _, older := range []string{"/ucwa/v1/", "/ucwa/oauth/v0/"} { // older servers' paths
		if rest, ok := strings.CutPrefix(path, older); ok {
			path = "/ucwa/oauth/v1/" + odataKey.ReplaceAllString(rest, "/$1")
		}
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	c := r.Clone(r.Context())
	c.URL.Path, c.URL.RawPath = path, ""
	return c
}
