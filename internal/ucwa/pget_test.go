package ucwa_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// pipes is a listener whose connections never leave the process, so that time
// in a synctest bubble passes while they wait.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.done); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// signInByPipe signs in at a pool that is served in the present bubble.
func signInByPipe(t *testing.T, pattern string, h http.HandlerFunc) *ucwa.Client {
	t.Helper()
	l := pipes{make(chan net.Conn), make(chan struct{})}
	p := &pool{mux: http.NewServeMux(), password: password, expiresIn: 28800}
	p.handle("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
	})
	p.handle("GET /user", func(w http.ResponseWriter, _ *http.Request) {
		if p.token != "" {
			writeJSON(w, 200, `{"_links":{"applications":{"href":"/applications"}}}`)
			return
		}
		w.Header().Set("WWW-Authenticate", `MsRtcOAuth href="/token",grant_type="password"`)
		w.WriteHeader(401)
	})
	p.handle("POST /token", p.grant)
	p.handle(pattern, h)
	srv := &http.Server{Handler: http.HandlerFunc(p.serve)}
	go func() { _ = srv.Serve(l) }()
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() { transport.CloseIdleConnections(); _ = srv.Close() })
	c, err := ucwa.SignIn(t.Context(), ucwa.Config{RootURL: "http://127.0.0.1", Username: username,
		Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAPollIsHeldAndADeadOneGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := ucwa.PollTimeout
		c := signInByPipe(t, "GET /events", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(hold):
				writeJSON(w, 200, `{}`)
			case <-r.Context().Done():
			}
		})
		r, err := c.Poll(t.Context(), "/events")
		if err != nil || r.Received.Sub(r.Requested.Time) != ucwa.PollTimeout {
			t.Errorf("answered after %s: %v", r.Received.Sub(r.Requested.Time), err)
		}
		hold = time.Hour
		start := time.Now()
		r, err = c.Poll(t.Context(), "/events")
		if !ucwa.TimedOut(err) || !errors.Is(err, archive.ErrUnavailable) || time.Since(start) != ucwa.PollDeadline {
			t.Errorf("given up after %s: %v", time.Since(start), err)
		}
		if !r.Parked().Known() || r.Received.Known() {
			t.Errorf("parked %s, received %s", r.Parked(), r.Received)
		}
	})
}

func TestAStopEndsAParkedPollAtOnceAndAnArrivingOneLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before, inside time.Duration
		c := signInByPipe(t, "GET /events", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			wait := func(d time.Duration) {
				select {
				case <-time.After(d):
				case <-r.Context().Done():
				}
			}
			wait(before)
			_, _ = w.Write([]byte(`{"a":`))
			_ = http.NewResponseController(w).Flush()
			wait(inside)
			_, _ = w.Write([]byte(`1}`))
		})
		for _, tt := range []struct {
			before, inside, takes time.Duration
			arrives               bool
		}{
			{time.Minute, 0, time.Second, false},
			{0, 3 * time.Second, 3 * time.Second, true},
			{0, time.Minute, 6 * time.Second, false}, // a second and the grace
		} {
			before, inside = tt.before, tt.inside
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			r, err := c.Poll(ctx, "/events")
			cancel()
			if took := time.Since(start); took != tt.takes || (err == nil) != tt.arrives {
				t.Errorf("%+v: after %s: %v", tt, took, err)
			}
			if tt.arrives && string(r.Body) != `{"a":1}` {
				t.Errorf("%+v: body %q", tt, r.Body)
			}
			synctest.Wait()
		}
	})
}
