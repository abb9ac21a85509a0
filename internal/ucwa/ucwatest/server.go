package ucwatest

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// Delivery is a batch that the client has acknowledged by requesting the next.
type Delivery struct {
	Application string // its href
	Ack         int
	Body        []byte // as sent, before transfer encoding
}

// Server plays a scenario. It may be used from several goroutines.
type Server struct {
	sc   *Scenario
	opt  Options
	http *httptest.Server // nil when only Handler is used
	stop chan struct{}

	mu       sync.Mutex // guards what follows
	moves    []move
	at       int              // the move to be made next
	moved    time.Time        // real time of the one before
	clock    time.Time        // simulated time at the last move
	since    time.Time        // real time at the last move
	started  time.Time        // real time
	drained  chan struct{}    // closed at the end of the history
	users    map[string]*user // by address in lower case
	tokens   map[string]grant
	apps     map[string]*application // by id
	made     int                     // applications so far
	ids      int                     // ids of live conversations so far
	player   *application            // to which the history was played last
	meetings map[string]*dialogue    // live ones by their URI
	faults   []*Planned
	closed   bool
	down     time.Time // real time until which connections break
	acked    []Delivery
	wake     chan struct{} // closed and made anew when something happens
	turns    int           // addresses written so far, for MixedCase
	requests []*Request
}

// NewServer starts a server. It panics when it cannot listen.
func NewServer(sc *Scenario, options ...Options) *Server {
	s := newServer(sc, options...)
	s.http = httptest.NewUnstartedServer(s.Handler())
	if s.opt.Listen != "" {
		_ = s.http.Listener.Close() // of a port that nobody knows yet
		ln, err := net.Listen("tcp", s.opt.Listen)
		if err != nil {
			panic(fmt.Sprintf("ucwatest: listen: %v", err)) // as httptest does
		}
		s.http.Listener = ln
	}
	if s.opt.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return s
}

// Certificate is what a client has to trust when the server speaks TLS.
func (s *Server) Certificate() *x509.Certificate { return s.http.Certificate() }

// New makes a server that listens nowhere: Handler answers.
func New(sc *Scenario, options ...Options) *Server { return newServer(sc, options...) }

func newServer(sc *Scenario, options ...Options) *Server {
	s := &Server{sc: sc, stop: make(chan struct{}), drained: make(chan struct{}), wake: make(chan struct{}), users: newUsers(sc),
		tokens: make(map[string]grant), apps: make(map[string]*application), meetings: make(map[string]*dialogue)}
	for _, o := range options {
		s.opt = o
	}
	s.opt = s.opt.withDefaults()
	for _, p := range s.opt.Faults {
		s.faults = append(s.faults, &p)
	}
	moves, err := compile(sc, s.opt.Base, s.opt)
	if err != nil {
		panic(fmt.Sprintf("ucwatest: a parsed scenario does not play: %v", err)) // ParseScenario has played it
	}
	s.moves, s.clock, s.started = moves, s.opt.Base, time.Now()
	s.since, s.moved = s.started, s.started
	if len(moves) > 0 && !moves[0].live {
		s.clock = moves[0].at.Add(-time.Second)
	}
	s.settle()
	return s
}

// URL is the root URL that a client is given.
func (s *Server) URL() string { return s.http.URL + "/" }

// Close stops the server and ends parked requests.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	if s.http != nil {
		s.http.CloseClientConnections()
		s.http.Close()
	}
}

// Now is the server's clock: simulated during the history.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return s.clock.Add(time.Since(s.since)) }

// Drained is closed once the whole history was released and acknowledged.
func (s *Server) Drained() <-chan struct{} { return s.drained }

// Acked lists what was acknowledged so far, in order.
func (s *Server) Acked() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.acked...)
}

// settle sets the clock at the end of the history. s.mu is held, or s is new.
func (s *Server) settle() {
	if s.at < len(s.moves) && !s.moves[s.at].live {
		return
	}
	select {
	case <-s.drained:
		return
	default:
	}
	if s.player == nil || s.player.held == nil || s.apps[s.player.id] == nil {
		s.reach(s.opt.Base.Add(time.Since(s.started))) // history is over, now it is now
		close(s.drained)
	}
}

// reach moves the clock to a move's time.
func (s *Server) reach(t time.Time) {
	if t.After(s.now()) {
		s.clock, s.since = t, time.Now()
	}
}

// changed wakes everybody who waits. s.mu is held.
func (s *Server) changed() {
	close(s.wake)
	s.wake = make(chan struct{})
}

// mux routes requests whose path is normal.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"/": s.root, "/autodiscover/autodiscoverservice.svc/root": s.root,
		"/autodiscover/autodiscoverservice.svc/root/oauth/user": s.userResource,
		"/autodiscover/xframe/xframe.html":                      xframe,
		"/webticket/oauthtoken":                                 s.token,
		"/ucwa/oauth/v1/applications":                           s.applications,
		"/ucwa/oauth/v1/applications/{id}":                      s.application,
		"/ucwa/oauth/v1/applications/{id}/{rest...}":            s.below,
	} {
		mux.HandleFunc(pattern, h)
	}
	return mux
}

// xframe is the page that browsers load to ask across domains.
func xframe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!DOCTYPE html><title>XFrame</title>"))
}
