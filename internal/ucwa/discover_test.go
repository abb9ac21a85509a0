package ucwa_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

func TestSignIn(t *testing.T) {
	p := newPool(t)
	c := p.signIn(t)
	if c.Origin() != p.URL {
		t.Errorf("origin %s, want %s", c.Origin(), p.URL)
	}
	if grants, _ := p.counts(); grants != 1 {
		t.Errorf("%d grants, want 1", grants)
	}
}

func TestWrongPasswordIsSentOnce(t *testing.T) {
	p := newPool(t)
	var log bytes.Buffer
	cfg := p.config()
	cfg.Password = ucwa.NewSecret("canary-wrong")
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, err := ucwa.SignIn(t.Context(), cfg)
	if !errors.Is(err, archive.ErrUnauthorized) {
		t.Errorf("error %v, want unauthorized", err)
	}
	if grants, _ := p.counts(); grants != 1 {
		t.Errorf("%d attempts, want exactly 1", grants)
	}
	for _, s := range []string{"canary", "contoso"} {
		if strings.Contains(err.Error(), s) || strings.Contains(log.String(), s) {
			t.Errorf("%q in the error %q or the log %q", s, err, log.String())
		}
	}
	if !strings.Contains(log.String(), "28020") {
		t.Errorf("the diagnostics number is not in the log: %q", log.String())
	}
}

func TestSignInFollowsRedirects(t *testing.T) {
	home := newPool(t)
	for name, answer := range map[string]http.HandlerFunc{
		"link": func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 200, `{"_links":{"redirect":{"href":"`+home.URL+`/"}}}`)
		},
		"location": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, home.URL+"/", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			first := httptest.NewServer(answer)
			t.Cleanup(first.Close)
			cfg := home.config()
			cfg.RootURL = first.URL
			if _, err := ucwa.SignIn(t.Context(), cfg); !errors.Is(err, archive.ErrInvalid) {
				t.Errorf("a host that is not approved: %v", err)
			}
			cfg.Hosts = []string{"127.0.0.1"}
			c, err := ucwa.SignIn(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if c.Origin() != home.URL {
				t.Errorf("origin %s, want %s", c.Origin(), home.URL)
			}
		})
	}
}

func TestSignInFollowsTheUserToHisPool(t *testing.T) {
	home, other := newPool(t), newPool(t)
	other.mux = http.NewServeMux()
	other.handle("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
	})
	other.handle("POST /token", other.grant)
	other.handle("GET /user", func(w http.ResponseWriter, r *http.Request) {
		if other.signedIn(w, r) {
			writeJSON(w, 200, `{"_links":{"redirect":{"href":"`+home.URL+`/"}}}`)
		}
	})
	cfg := other.config()
	cfg.Hosts = []string{"127.0.0.1"}
	c, err := ucwa.SignIn(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if c.Origin() != home.URL {
		t.Errorf("origin %s, want %s", c.Origin(), home.URL)
	}
}

func TestSignInRefuses(t *testing.T) {
	user401 := func(challenge string) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{
			"/": func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
			},
			"/user": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", challenge)
				w.WriteHeader(401)
			},
		}
	}
	root := func(body string) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, body) }}
	}
	hops := 0
	tests := []struct {
		name     string
		handlers map[string]http.HandlerFunc
		want     error
	}{
		{"a circle", root(`{"_links":{"redirect":{"href":"/"}}}`), archive.ErrInvalid},
		{"too many hops", map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
			hops++
			writeJSON(w, 200, fmt.Sprintf(`{"_links":{"redirect":{"href":"/?%d"}}}`, hops))
		}}, archive.ErrInvalid},
		{"another domain", root(`{"_links":{"user":{"href":"https://lync.fabrikam.example/user"}}}`), archive.ErrInvalid},
		{"a domain that ends alike", root(`{"_links":{"user":{"href":"https://evilcontoso.example/user"}}}`), archive.ErrInvalid},
		{"plain http", root(`{"_links":{"user":{"href":"http://web.contoso.example/user"}}}`), archive.ErrInvalid},
		{"not a web address", root(`{"_links":{"user":{"href":"file:///etc/passwd"}}}`), archive.ErrInvalid},
		{"credentials in the address", root(`{"_links":{"user":{"href":"https://a:b@web.contoso.example/"}}}`), archive.ErrInvalid},
		{"no user link", root(`{"_links":{}}`), archive.ErrInvalid},
		{"not JSON", root(`{"_links":`), archive.ErrInvalid},
		{"a proxy's page", map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>sign in to the guest network</html>"))
		}}, archive.ErrUnavailable},
		{"unknown user", map[string]http.HandlerFunc{"/": user401("")["/"], "/user": http.NotFound}, archive.ErrNotFound},
		{"no challenge", user401("Negotiate"), archive.ErrUnauthorized},
		{"no password grant", user401(`MsRtcOAuth href="/token",grant_type="urn:microsoft.rtc:passive"`), archive.ErrUnauthorized},
		{"token service elsewhere", user401(`MsRtcOAuth href="https://evil.example/token",grant_type="password"`), archive.ErrInvalid},
		{"token service in the clear", user401(`MsRtcOAuth href="http://web.contoso.example/token",grant_type="password"`), archive.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mux := http.NewServeMux()
			for path, h := range tt.handlers {
				mux.HandleFunc("GET "+strings.TrimSuffix(path, "/")+map[bool]string{true: "/{$}"}[path == "/"], h)
			}
			mux.HandleFunc("POST /", func(http.ResponseWriter, *http.Request) { t.Error("the password was sent") })
			srv := httptest.NewServer(mux)
			t.Cleanup(srv.Close)
			_, err := ucwa.SignIn(t.Context(), ucwa.Config{RootURL: srv.URL, Username: username,
				Password: ucwa.NewSecret(password), HTTPClient: srv.Client()})
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRootMustBeHTTPS(t *testing.T) {
	for _, root := range []string{"http://lyncdiscover.contoso.example/", "lyncdiscover.contoso.example", "", "ftp://127.0.0.1/", "https://"} {
		if _, err := ucwa.SignIn(t.Context(), ucwa.Config{RootURL: root, Username: username}); !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("%q: %v", root, err)
		}
	}
}
