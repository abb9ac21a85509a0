package capture_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/ucwa"
)

// Invented people and secrets; tests look for them where they must not be.
const (
	account  = "sip:ana@contoso.example"
	username = "ana@contoso.example"
	password = "canary-password"
	origin   = "http://127.0.0.1"
)

// latency is how long a request is under way.
const latency = time.Millisecond

// tokenLife is how long a token lasts.
const tokenLife = 8 * time.Hour

// front is a front end of one user in the present synctest bubble. Its event
// channel keeps Microsoft's rules of acknowledgement: see events.
type front struct {
	t      *testing.T
	log    *memory
	conns  chan net.Conn
	closed chan struct{}
	srv    *http.Server
	client *http.Client

	mu        sync.Mutex
	down      bool          // connections are refused
	dialing   time.Duration // after this long
	port      string        // where applications are, when not on the usual one
	password  string
	tokens    int
	grants    int
	apps      int               // applications created so far
	endpoints []string          // endpointId of each
	gone      bool              // the present application has ended
	asked     []string          // event channel requests as path and query, in order
	calls     []string          // other requests, in order
	times     []time.Time       // when each of both was made, those that were refused included
	resources map[string]string // href to body, for fetches
	policy    string            // saveMessagingHistory; "" for a server that tells no policies

	queue   []string  // events not yet in a batch
	history []string  // every event a batch was released with
	held    string    // the last batch, until it is acknowledged
	expect  int       // number of the batch to be sent next
	seen    time.Time // when the channel was last asked
	wake    chan struct{}

	truth   *truth
	durable func(url string) bool            // whether a cursor with this URL is safe
	errorf  func(format string, args ...any) // a broken promise
	busy    func(w http.ResponseWriter) bool // may answer any request in place of the rules
	strict  bool                             // events and applications time out
	granted time.Time                        // when the present token was
	garbled bool                             // its links may be anything
	expired int                              // tokens that were used beyond their life
	service []int                            // statuses with which the token service fails, in turn
	refuses []int                            // the same of creating applications

	// intercept may answer an event channel request in place of the rules.
	intercept func(w http.ResponseWriter, r *http.Request, ack int) (handled bool)
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{t: t, log: &memory{}, conns: make(chan net.Conn), closed: make(chan struct{}),
		password: password, expect: 1, resources: map[string]string{}, wake: make(chan struct{}, 1), truth: &truth{stumbled: map[int]time.Time{}}}
	f.errorf, f.durable = t.Errorf, f.log.wasDurable
	f.serveOn()
	m := f.host()
	f.client = m.client
	t.Cleanup(func() { m.closeIdle(); _ = f.srv.Close() })
	return f
}

func (f *front) serveOn() {
	f.srv = &http.Server{Handler: http.HandlerFunc(f.serve), ConnContext: withLine, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = f.srv.Serve(f) }()
}

func (f *front) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}
func (f *front) Close() error   { close(f.closed); return nil }
func (f *front) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (f *front) app() string {
	return fmt.Sprintf("/ucwa/oauth/v1/applications/%d", f.apps)
}

func (f *front) token() string { return fmt.Sprintf("cwt=canary-token-%d", f.tokens) }

func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.strict { // no two things happen in one instant
		f.mu.Unlock()
		time.Sleep(latency)
		f.mu.Lock()
	}
	f.times = append(f.times, time.Now())
	if f.busy != nil && f.busy(w) {
		f.truth.tell("refused", r.Method+" "+r.URL.Path)
		return
	}
	if f.strict && time.Since(f.granted) > tokenLife && r.Header.Get("Authorization") == "Bearer "+f.token() {
		f.tokens, f.expired = f.tokens+1, f.expired+1
	}
	if strings.HasSuffix(r.URL.Path, "/events") {
		f.poll(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	switch path := r.URL.Path; {
	case path == "/":
		reply(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
	case path == "/token":
		f.grant(w, string(body))
	case r.Header.Get("Authorization") != "Bearer "+f.token():
		w.Header().Set("WWW-Authenticate", `MsRtcOAuth href="/token",grant_type="password"`)
		w.WriteHeader(401)
	case path == "/user":
		base := ""
		if f.port != "" {
			base = origin + ":" + f.port
		}
		reply(w, 200, `{"_links":{"applications":{"href":"`+base+`/ucwa/oauth/v1/applications"}}}`)
	case path == "/ucwa/oauth/v1/applications":
		f.create(w, string(body))
	case f.gone || !strings.HasPrefix(path, f.app()):
		reply(w, 404, `{"code":"NotFound","subcode":"ApplicationNotFound","message":"canary"}`)
	case r.Method == "DELETE":
		f.gone = true
		w.WriteHeader(204)
	case r.Method == "POST":
		if strings.HasSuffix(path, "/reportMyActivity") {
			f.truth.reports = append(f.truth.reports, time.Now())
		}
		w.WriteHeader(204)
	case path == f.app():
		reply(w, 200, f.describe(strings.Contains(strings.Join(f.calls, " "), "makeMeAvailable")))
	case f.resources[path] != "":
		reply(w, 200, f.resources[path])
	default:
		reply(w, 404, `{"code":"NotFound"}`)
	}
}

func (f *front) grant(w http.ResponseWriter, body string) {
	f.grants++
	if len(f.service) > 0 {
		w.WriteHeader(f.service[0])
		f.service = f.service[1:]
		return
	}
	if !strings.Contains(body, "password="+f.password+"&") {
		reply(w, 400, `{"error":"invalid_grant"}`)
		return
	}
	f.tokens++
	f.granted = time.Now()
	reply(w, 200, fmt.Sprintf(`{"access_token":%q,"expires_in":28800,"token_type":"Bearer"}`, f.token()))
}

func (f *front) create(w http.ResponseWriter, body string) {
	_, id, _ := strings.Cut(body, `"endpointId":"`)
	id, _, _ = strings.Cut(id, `"`)
	if n := len(f.endpoints); n > 0 && f.endpoints[n-1] == id && !f.gone {
		reply(w, 200, f.describe(false))
		return
	}
	if len(f.refuses) > 0 {
		w.WriteHeader(f.refuses[0])
		f.refuses = f.refuses[1:]
		return
	}
	f.apps++
	f.truth.created = append(f.truth.created, time.Now())
	f.endpoints = append(f.endpoints, id)
	f.gone, f.held, f.expect, f.seen = false, "", 1, time.Now()
	reply(w, 201, f.describe(false))
}

func (f *front) describe(available bool) string {
	me := "makeMeAvailable"
	if available {
		me = "reportMyActivity"
	}
	links := ""
	if f.policy != "" {
		links = `,"policies":{"href":"` + f.app() + `/policies"}`
		f.resources[f.app()+"/policies"] = `{"rel":"policies","saveMessagingHistory":"` + f.policy + `"}`
		f.resources[f.app()+"/me"] = `{"rel":"me"}`
	}
	return fmt.Sprintf(`{"rel":"application","_links":{"self":{"href":"%[1]s"},"events":{"href":"%[1]s/events?ack=1"}%[3]s},
		"_embedded":{"me":{"uri":"sip:ana@contoso.example","name":"Ana Canary","_links":{"self":{"href":"%[1]s/me"},"%[2]s":{"href":"%[1]s/%[2]s"}}}}}`, f.app(), me, links)
}

func (f *front) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// restart cuts all connections.
func (f *front) restart() {
	_ = f.srv.Close()
	f.set(func() { f.closed = make(chan struct{}) })
	f.serveOn()
}

func (f *front) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.asked...)
}

func (f *front) config() capture.Config {
	return capture.Config{
		Account: account, Log: f.log,
		Client: ucwa.Config{RootURL: origin, Hosts: []string{"127.0.0.1"}, Username: username, Password: ucwa.NewSecret(password), HTTPClient: f.client},
	}
}

// running is a capture that runs beside the test.
type running struct {
	cancel context.CancelFunc
	done   chan error
}

func (f *front) start(cfg capture.Config) *running {
	ctx, cancel := context.WithCancel(f.t.Context())
	r := &running{cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- capture.Run(ctx, cfg) }()
	synctest.Wait()
	return r
}

// stop is a planned stop.
func (r *running) stop() error {
	r.cancel()
	return <-r.done
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// message is an event with its resource.
func message(n int) string {
	return fmt.Sprintf(`{"type":"completed","status":"Success","link":{"rel":"message","href":"/c1/messages/%[1]d"},"_embedded":{"message":
		{"rel":"message","direction":"Incoming","_links":{"self":{"href":"/c1/messages/%[1]d"},"plainMessage":{"href":"data:text/plain,canary+text+%[1]d"}}}}}`, n)
}

// pass lets time go by and everything settle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func causes(gaps []archive.Gap) (out []archive.GapCause) {
	for _, g := range gaps {
		out = append(out, g.Cause)
	}
	return out
}
