package capture_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// trouble is a way in which a server fails: before the front's own rules, for
// requests whose path it names.
type trouble struct {
	name   string
	path   string // suffix; "" is every request
	answer func(w http.ResponseWriter, r *http.Request)
}

func troubles() []trouble {
	status := func(code int, contentType, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	const asJSON, page = "application/json", "<html>canary</html>"
	return []trouble{
		{"everything 503", "", status(503, "text/html", page)},
		{"everything 500", "", status(500, asJSON, `{"code":"ServiceFailure"}`)},
		{"everything 404 from a proxy", "", status(404, "text/html", page)},
		{"everything 200 from a proxy", "", status(200, "text/html", page)},
		{"everything 429", "", status(429, asJSON, `{"code":"TooManyRequests"}`)},
		{"everything is cut", "", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"polls 504 from a proxy", "/events", status(504, "text/html", page)},
		{"polls 408", "/events", status(408, asJSON, `{"code":"ClientTimeout"}`)},
		{"polls 403", "/events", status(403, asJSON, `{"code":"Forbidden"}`)},
		{"polls 404 that says nothing", "/events", status(404, asJSON, `{"code":"NotFound"}`)},
		{"applications end", "/events", status(410, asJSON, `{"code":"Gone","subcode":"InactiveApplicationExpired"}`)},
		{"applications are not found", "/events", status(404, asJSON, `{"code":"NotFound","subcode":"ApplicationNotFound"}`)},
		{"too many applications", "/applications", status(410, asJSON, `{"code":"Gone","subcode":"TooManyApplications"}`)},
		{"applications 500", "/applications", status(500, asJSON, `{"code":"ServiceFailure"}`)},
		{"tokens 503", "/token", status(503, "text/html", page)},
		{"discovery 503", "/user", status(503, "text/html", page)},
	}
}

// However a server fails, it gets six requests a minute at most, of all kinds
// together, and is captured from again when it does not fail any more.
func TestAServerInTroubleIsLeftAlone(t *testing.T) {
	for _, tt := range troubles() {
		for _, begun := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				failing := !begun
				serve := f.srv.Handler
				f.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					f.mu.Lock()
					fails := failing && strings.HasSuffix(r.URL.Path, tt.path)
					if fails {
						f.times = append(f.times, time.Now())
					}
					f.mu.Unlock()
					if fails {
						tt.answer(w, r)
						return
					}
					serve.ServeHTTP(w, r)
				})
				r := f.start(f.config())
				if begun {
					pass(10 * time.Minute)
					f.set(func() { failing, f.gone, f.times = true, strings.HasSuffix(tt.path, "applications"), nil })
					if tt.path == "/token" || tt.path == "/user" {
						f.set(func() { f.tokens++ })
					}
				}
				f.say(message(1))
				pass(time.Hour)
				f.polite(t, tt.name)
				f.set(func() { failing = false })
				pass(10 * time.Minute)
				f.say(message(2))
				pass(10 * time.Second)
				select {
				case err := <-r.done:
					if begun || tt.path != "" {
						t.Errorf("%s: ended with %v", tt.name, err)
					}
					return
				default:
				}
				if err := r.stop(); err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
				if all := bodies(f.log); !strings.Contains(all, "text+2") {
					t.Errorf("%s (begun: %v): not captured again", tt.name, begun)
				}
			})
		}
	}
}

// What fails once is tried again within a second, so that it is no gap.
func TestABlipIsNoGap(t *testing.T) {
	for _, tt := range troubles() {
		if tt.name == "everything 429" || tt.path != "" && tt.path != "/events" || strings.HasPrefix(tt.name, "applications") {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			failing := false
			f.intercept = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if failing {
					failing = false
					tt.answer(w, r)
					return true
				}
				return false
			}
			r := f.start(f.config())
			for n := range 50 {
				pass(30 * time.Second)
				f.set(func() { failing = true })
				f.say(message(n)) // the answer to this; the next fails
			}
			pass(10 * time.Minute)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			if gaps := f.log.allGaps(); len(gaps) != 0 {
				t.Errorf("%s: gaps %+v", tt.name, gaps)
			}
			if n := len(f.history); n != 50 {
				t.Errorf("%s: %d events", tt.name, n)
			}
		})
	}
}
