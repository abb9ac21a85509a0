package capture_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"archiver/internal/archive"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const app1 = "/ucwa/oauth/v1/applications/1/events"

// params is how the first request of an application ends.
const params = "&low=5&medium=5&timeout=180"

func TestCaptureFollowsTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		var told []archive.ObservationID
		cfg := f.config()
		cfg.OnCommit = func(id archive.ObservationID) { told = append(told, id) }
		r := f.start(cfg)
		f.say(message(1))
		pass(time.Second)
		f.say(message(2))
		f.say(message(3))
		pass(time.Hour)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		obs := f.log.observations(archive.SourceCapture)
		if len(obs) < 22 || len(obs) > 24 { // an empty one every 180 s besides
			t.Fatalf("%d observations in an hour", len(obs))
		}
		o := obs[0]
		if o.Account != account || o.Method != "GET" || o.URL != origin+app1+"?ack=1"+params || o.Status != 200 || o.Capture == "" ||
			!o.Requested.Known() || !o.Received.Known() || !o.Date.Known() || !strings.Contains(string(o.Body), "canary+text+1") {
			t.Errorf("observation %+v", o)
		}
		if len(told) != len(obs) {
			t.Errorf("told of %d of %d commits", len(told), len(obs))
		}
		if d := cmp.Diff([]string{app1 + "?ack=1" + params, app1 + "?ack=2", app1 + "?ack=3"}, f.requests()[:3]); d != "" {
			t.Error(d)
		}
		if gaps := f.log.allGaps(); len(gaps) != 0 {
			t.Errorf("gaps without an interruption: %+v", gaps)
		}
		if cur := f.log.cursor(); cur.Updated != archive.At(time.Now()) || cur.EndpointID != f.endpoints[0] || cur.Application != origin+strings.TrimSuffix(app1, "/events") {
			t.Errorf("cursor %+v", cur)
		}
		if d := cmp.Diff([]string{account + " " + origin}, f.log.servers); d != "" {
			t.Error(d)
		}
	})
}

// The heart: as long as the log refuses, nothing but the same URL is asked.
func TestNothingIsAcknowledgedBeforeItIsDurable(t *testing.T) {
	for _, apply := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied %v", apply), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				r := f.start(f.config())
				f.say(message(1))
				pass(time.Second)
				f.log.mu.Lock()
				f.log.fail = func(string) (bool, error) { return apply, errDisk }
				f.log.mu.Unlock()
				before := len(f.requests())
				f.say(message(2))
				pass(10 * time.Minute)
				for _, url := range f.requests()[before:] {
					if url != app1+"?ack=2" {
						t.Errorf("asked for %s while the log refused ack=2", url)
					}
				}
				if n := len(f.requests()) - before; n < 10 || n > 100 {
					t.Errorf("asked %d times in ten minutes", n)
				}
				f.log.mu.Lock()
				f.log.fail = nil
				f.log.mu.Unlock()
				pass(time.Minute)
				f.say(message(3))
				pass(time.Second)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				asked := f.requests()
				if asked[len(asked)-1] != app1+"?ack=4" || asked[len(asked)-2] != app1+"?ack=3" || asked[len(asked)-3] != app1+"?ack=2" {
					t.Errorf("after recovery: %q", asked[len(asked)-3:])
				}
				if obs := f.log.observations(archive.SourceCapture); len(obs) != 3 {
					t.Errorf("%d observations, want each batch once", len(obs))
				}
				gaps := f.log.allGaps()
				if len(gaps) != 1 || gaps[0].Cause != archive.GapStorage || !gaps[0].AtRisk || gaps[0].Seconds < 600 || gaps[0].Seconds > 661 || gaps[0].After != archive.ObservationID(map[bool]int{false: 1, true: 2}[apply]) {
					t.Errorf("gaps %+v", gaps)
				}
			})
		})
	}
}

// A server that does not send a refused batch again has lost it; the archive
// has not.
func TestWhatTheLogRefusedIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		asked := 0
		f.intercept = func(w http.ResponseWriter, _ *http.Request, ack int) bool {
			if ack != 2 {
				return false
			}
			if asked++; asked == 1 {
				reply(w, 200, f.links("next", 3, []string{message(7)}))
				return true
			}
			f.expect, f.held = 3, ""
			reply(w, 200, f.links("resync", 3, nil))
			return true
		}
		r := f.start(f.config())
		f.log.mu.Lock()
		appends := 0
		f.log.fail = func(op string) (bool, error) {
			if op == "append" {
				appends++
			}
			return op != "append" || appends != 2, map[bool]error{true: errDisk}[op == "append" && appends == 2]
		}
		f.log.mu.Unlock()
		f.say(message(1))
		pass(time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		obs := f.log.observations(archive.SourceCapture)
		if len(obs) != 3 || !strings.Contains(string(obs[1].Body), "canary+text+7") || !strings.Contains(string(obs[2].Body), "resync") {
			t.Errorf("%d observations: %+v", len(obs), obs)
		}
	})
}

func TestSpecialAnswers(t *testing.T) {
	const base = `"/ucwa/oauth/v1/applications/1/events?ack=`
	tests := []struct {
		name        string
		contentType string
		body        string // in answer to ack=2
		asked       []string
		gaps        []archive.GapCause
		stored      bool
	}{
		{"resync", "application/json", `{"_links":{"resync":{"href":` + base + `3"}}}`, []string{"?ack=3"}, []archive.GapCause{archive.GapResync}, true},
		{"resync beside next", "application/json", `{"_links":{"next":{"href":` + base + `9"},"resync":{"href":` + base + `3"}}}`, []string{"?ack=3"}, []archive.GapCause{archive.GapResync}, true},
		{"resume", "application/json", `{"_links":{"resume":{"href":` + base + `3"}},"sender":[]}`, []string{"?ack=3" + params}, []archive.GapCause{archive.GapResume}, true},
		{"no sender", "application/json", `{"_links":{"next":{"href":` + base + `3"}}}`, []string{"?ack=3"}, nil, true},
		{"byte order mark", "application/vnd.microsoft.com.ucwa+json; charset=utf-8", "\xef\xbb\xbf" + `{"_links":{"next":{"href":` + base + `3"}}}`, []string{"?ack=3"}, nil, true},
		{"no link", "application/json", `{"sender":[]}`, []string{"?ack=2", "?ack=2"}, []archive.GapCause{archive.GapUnreachable}, true},
		{"truncated", "application/json", `{"_links":{"next":{"hr`, []string{"?ack=2", "?ack=2"}, []archive.GapCause{archive.GapUnreachable}, true},
		{"empty", "application/json", ``, []string{"?ack=2", "?ack=2"}, []archive.GapCause{archive.GapUnreachable}, true},
		{"a proxy's page", "text/html", `<html>canary</html>`, []string{"?ack=2", "?ack=2"}, []archive.GapCause{archive.GapUnreachable}, false},
		{"itself", "application/json", `{"_links":{"next":{"href":` + base + `2"}}}`, []string{"?ack=2", "?ack=2"}, []archive.GapCause{archive.GapUnreachable}, true},
		{"another server", "application/json", `{"_links":{"next":{"href":"https://evil.example/events?ack=3"}}}`, []string{"?ack=2", "?ack=2"}, []archive.GapCause{archive.GapUnreachable}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				begun, broken := false, true
				f.intercept = func(w http.ResponseWriter, _ *http.Request, ack int) bool {
					if ack != 2 || !broken || !begun {
						return false
					}
					w.Header().Set("Content-Type", tt.contentType)
					_, _ = w.Write([]byte(tt.body))
					f.held, f.expect = f.links("next", 3, nil), 3
					return true
				}
				f.set(func() { begun = true })
				r := f.start(f.config())
				f.say(message(1))
				pass(10 * time.Minute)
				f.set(func() { broken = false })
				pass(time.Minute)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				var asked []string
				for _, url := range f.requests()[1:] {
					asked = append(asked, strings.TrimPrefix(url, app1))
				}
				if d := cmp.Diff(append([]string{"?ack=2"}, tt.asked...), asked[:len(tt.asked)+1]); d != "" {
					t.Error(d)
				}
				if d := cmp.Diff(tt.gaps, causes(f.log.allGaps())); d != "" {
					t.Error(d)
				}
				copies := 0
				for _, o := range f.log.observations(archive.SourceCapture) {
					if string(o.Body) == tt.body {
						copies++
					}
				}
				if want := map[bool]int{true: 1}[tt.stored]; copies != want {
					t.Errorf("the answer is stored %d times, want %d", copies, want)
				}
			})
		})
	}
}

func TestAnApplicationThatIsGone(t *testing.T) {
	for name, answer := range map[string]string{
		"404": `404 {"code":"NotFound","subcode":"ApplicationNotFound"}`,
		"410": `410 {"code":"Gone","subcode":"InactiveApplicationExpired"}`,
		"404 that says nothing, and the application as well": `404 {"code":"NotFound"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				f.intercept = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
					if !f.gone {
						return false
					}
					status, body, _ := strings.Cut(answer, " ")
					reply(w, map[string]int{"404": 404, "410": 410}[status], body)
					return true
				}
				r := f.start(f.config())
				f.say(message(1))
				pass(100 * time.Second)
				f.set(func() { f.gone = true })
				f.say(message(2)) // lost with the application
				pass(3 * time.Minute)
				f.say(message(3))
				pass(time.Second)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				if len(f.endpoints) != 2 || f.endpoints[0] != f.endpoints[1] || f.endpoints[0] == "" {
					t.Errorf("endpoints %q, want the same twice", f.endpoints)
				}
				obs := f.log.observations(archive.SourceCapture)
				if first, last := obs[0].Capture, obs[len(obs)-1].Capture; first == last || first == "" || last == "" {
					t.Errorf("captures %q and %q", first, last)
				}
				gaps := f.log.allGaps()
				answered := obs[0].Received // the last sign of its life
				if len(gaps) == 0 || gaps[0].From != answered || gaps[0].After != 1 || gaps[len(gaps)-1].Cause != archive.GapApplicationGone || !gaps[len(gaps)-1].To.Known() {
					t.Errorf("answered at %s, gaps %+v", answered, gaps)
				}
			})
		})
	}
}
