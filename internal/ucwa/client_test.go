package ucwa_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// strangers are links that must never be asked with the token. %s is the
// host and port of a listening attacker, on the same address as the server.
var strangers = []string{
	"http://%s/steal", "HTTP://%s/steal", "//%s/steal", "///%s/steal", `\\%s\steal`, "https://%s/steal",
	"http://user@%s/steal", "http://127.0.0.1:1@%s/", "http:%s/steal", "http:/%s/", "http:///%s/",
	"ws://%s/", "file://%s/etc/passwd", "javascript:alert(1)", "data:text/plain,x", "http://[::1]:80/", "http://localhost/",
	"http://%s#/ucwa", "http://%s?/ucwa", "http://%s:80/", "\thttp://%s/", " http://%s/", "http://%s/\x00", "http://%%31", "://%s",
}

func TestTheTokenStaysWithTheServer(t *testing.T) {
	var stolen []string
	var mu sync.Mutex
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var b bytes.Buffer
		_ = r.Write(&b)
		stolen = append(stolen, b.String())
	}))
	t.Cleanup(attacker.Close)
	p := newPool(t)
	p.handle("GET /redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, attacker.URL+"/steal", http.StatusTemporaryRedirect)
	})
	p.handle("/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
	c := p.signIn(t)
	host := strings.TrimPrefix(attacker.URL, "http://")
	for _, shape := range strangers {
		href := strings.ReplaceAll(strings.ReplaceAll(shape, "%s", host), "%%", "%")
		_, err := c.Fetch(t.Context(), href)
		if err == nil {
			t.Errorf("%q was fetched", href)
			continue
		}
		if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), host) {
			t.Errorf("%q: the error quotes it: %v", href, err)
		}
		_, _ = c.Poll(t.Context(), href)
		_ = c.DeleteApplication(t.Context(), href)
	}
	if _, err := c.Fetch(t.Context(), "/redirect"); !errors.Is(err, archive.ErrUnavailable) {
		t.Errorf("a redirect: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, s := range stolen {
		t.Errorf("the attacker got:\n%s", s)
	}
}

func TestResolve(t *testing.T) {
	p := newPool(t)
	c := p.signIn(t)
	for href, want := range map[string]string{
		"/ucwa/oauth/v1/applications/1/events?ack=2": "/ucwa/oauth/v1/applications/1/events?ack=2",
		p.URL + "/a?b=%2f+c":                         "/a?b=%2f+c",
		"/participants/bo@contoso.example#x":         "/participants/bo@contoso.example",
	} {
		got, err := c.Resolve(href)
		if err != nil || got != p.URL+want {
			t.Errorf("%s: %s, %v", href, got, err)
		}
	}
}

func TestARejectedTokenIsRenewedOnce(t *testing.T) {
	for name, reject := range map[string]func(w http.ResponseWriter){
		"401": func(w http.ResponseWriter) { w.WriteHeader(401) },
		"403 with a warning": func(w http.ResponseWriter) {
			w.Header().Set("Warning", `120 pool "InvalidToken"`)
			w.WriteHeader(403)
		},
		"403 with diagnostics": func(w http.ResponseWriter) {
			w.Header().Set("X-Ms-diagnostics", `28055;source="pool"`)
			w.WriteHeader(403)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t)
			p.handle("GET /thing", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "Bearer cwt=canary-token-2" {
					writeJSON(w, 200, `{}`)
					return
				}
				reject(w)
			})
			p.handle("GET /never", func(w http.ResponseWriter, r *http.Request) { reject(w) })
			c := p.signIn(t)
			if _, err := c.Fetch(t.Context(), "/thing"); err != nil {
				t.Fatal(err)
			}
			_, err := c.Fetch(t.Context(), "/never")
			var api *ucwa.APIError
			if !errors.As(err, &api) || !errors.Is(err, archive.ErrUnauthorized) {
				t.Errorf("error %v, want an unauthorized answer", err)
			}
			if grants, _ := p.counts(); grants != 3 {
				t.Errorf("%d grants, want 3: at sign-in and one for each request", grants)
			}
		})
	}
}

func TestAPlain403IsNotAboutTheToken(t *testing.T) {
	p := newPool(t)
	p.handle("GET /forbidden", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 403, `{"code":"Forbidden"}`) })
	_, err := p.signIn(t).Fetch(t.Context(), "/forbidden")
	if grants, _ := p.counts(); grants != 1 || !errors.Is(err, archive.ErrUnauthorized) {
		t.Errorf("%d grants, error %v", grants, err)
	}
}

func TestARefusedPasswordIsNeverSentAgain(t *testing.T) {
	p := newPool(t)
	p.handle("GET /thing", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) })
	c := p.signIn(t)
	p.set(func() { p.password = "changed" })
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := c.Fetch(t.Context(), "/thing"); !errors.Is(err, archive.ErrUnauthorized) {
				t.Errorf("error %v", err)
			}
		})
	}
	wg.Wait()
	if grants, _ := p.counts(); grants != 2 {
		t.Errorf("%d grants, want 2: one that succeeded and one that was refused", grants)
	}
}

func TestTheTokenIsRenewedAtHalfItsLife(t *testing.T) {
	p := newPool(t)
	now := time.Now()
	cfg := p.config()
	cfg.Now = func() time.Time { return now }
	c, err := ucwa.SignIn(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after  time.Duration
		grants int
	}{{3*time.Hour + 59*time.Minute, 1}, {2 * time.Minute, 2}, {3 * time.Hour, 2}, {2 * time.Hour, 3}} {
		now = now.Add(step.after)
		if err := c.RenewIfDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if grants, _ := p.counts(); grants != step.grants {
			t.Errorf("%s later: %d grants, want %d", step.after, grants, step.grants)
		}
	}
}
