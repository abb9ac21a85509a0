package capture_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

// bare is an event that only links to its resource.
func bare(typ, rel, href, in string) string {
	return fmt.Sprintf(`{"type":%q,"link":{"rel":%q,"href":%q,"title":"Bo Canary"},"in":{"rel":%q,"href":"/x"}}`, typ, rel, href, in)
}

func TestResourcesThatEventsOnlyLinkToAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		base := "/ucwa/oauth/v1/applications/1"
		bo := base + "/c1/participants/bo@contoso.example"
		f.resources[bo] = `{"rel":"participant","uri":"sip:bo@contoso.example","name":"Bo Canary"}`
		f.set(func() {
			f.queue = []string{
				message(1),
				bare("added", "participant", bo, ""),
				bare("updated", "participant", bo, "leaders"),
				bare("added", "participant", base+"/typing", "typingParticipants"),
				bare("deleted", "participant", base+"/left", ""),
				bare("updated", "conversation", base+"/gone-by-now", ""),
				bare("updated", "contactPresence", base+"/presence", "contact"),
				bare("updated", "message", "https://evil.example/steal", ""),
				`{"type":"updated","link":7}`,
			}
		})
		r := f.start(f.config())
		pass(time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range f.calls {
			if path, ok := strings.CutPrefix(c, "GET "+base+"/"); ok {
				got = append(got, path)
			}
		}
		if d := cmp.Diff([]string{"c1/participants/bo@contoso.example", "gone-by-now"}, got); d != "" {
			t.Error(d)
		}
		obs := f.log.observations(archive.SourceFetch)
		if len(obs) != 1 || obs[0].URL != origin+bo || string(obs[0].Body) != f.resources[bo] || obs[0].Capture != f.log.observations(archive.SourceCapture)[0].Capture {
			t.Errorf("fetched %+v", obs)
		}
	})
}

func TestFetchingDoesNotHoldUpTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		asked := make(chan int, 1)
		serve := f.srv.Handler
		f.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/slow") {
				time.Sleep(10 * time.Second)
				asked <- len(f.requests())
			}
			serve.ServeHTTP(w, r)
		})
		r := f.start(f.config())
		f.say(bare("updated", "conversation", "/ucwa/oauth/v1/applications/1/slow", ""))
		pass(5 * time.Second)
		f.say(message(1))
		pass(10 * time.Second)
		if n := <-asked; n != 3 {
			t.Errorf("%d requests of the channel while a resource was fetched, want 3", n)
		}
		_ = r.stop()
	})
}

// A log tells the operator what happens and never what was said, by whom, or
// with which key.
func TestTheLogHoldsNothingPersonal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := newFront(t)
		f.resources["/ucwa/oauth/v1/applications/1/bo@contoso.example"] = `{"rel":"participant","name":"Bo Canary"}`
		cfg := f.config()
		cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
		r := f.start(cfg)
		step := 0
		f.intercept = func(w http.ResponseWriter, _ *http.Request, ack int) bool {
			step++
			switch step {
			case 1:
				w.Header().Set("X-Canary", "canary")
				reply(w, 500, `{"code":"canary said","subcode":"canary said","message":"canary"}`)
			case 2:
				reply(w, 200, `{"_links":{"next":{"href":"https://canary.example/"}},"canary":`)
			case 3:
				reply(w, 200, `{"_links":{"next":{"href":"https://canary.example/bo@contoso.example"}}}`)
			case 4:
				reply(w, 403, `{"code":"Forbidden","message":"canary"}`)
			case 5:
				f.gone = true
				return false
			case 6:
				conn, _, _ := w.(http.Hijacker).Hijack()
				_, _ = conn.Write([]byte("canary canary canary\r\n\r\n"))
				_ = conn.Close()
			default:
				return false
			}
			return true
		}
		f.say(message(1))
		f.say(bare("updated", "participant", "/ucwa/oauth/v1/applications/1/bo@contoso.example", ""))
		f.say(bare("updated", "participant", "https://canary.example/bo@contoso.example", ""))
		f.say(bare("updated", "participant", "/canary/bo@contoso.example", ""))
		pass(10 * time.Minute)
		f.log.mu.Lock()
		f.log.fail = func(string) (bool, error) { return false, errDisk }
		f.log.mu.Unlock()
		f.say(message(2))
		pass(time.Minute)
		f.set(func() { f.down = true })
		f.restart()
		pass(time.Minute)
		f.set(func() { f.down = false; f.tokens++; f.password = "changed" })
		pass(10 * time.Minute)
		<-r.done
		text, _ := url.QueryUnescape(log.String())
		for _, s := range []string{"canary", "Canary", "contoso", "ana@", "bo@", "Ana", "Bo ", "cwt="} {
			if i := strings.Index(text, s); i >= 0 {
				t.Errorf("%q in the log: …%s…", s, text[max(0, i-200):min(len(text), i+100)])
			}
		}
		for _, s := range []string{"signed in", "application gone", "not capturing", "disk", "capture stopped", "batch committed"} {
			if !strings.Contains(text, s) {
				t.Errorf("%q is not in the log: the test does not test", s)
			}
		}
	})
}
