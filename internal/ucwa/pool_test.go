package ucwa_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"archiver/internal/ucwa"
)

// Invented credentials; tests look for them where they must not be.
const (
	username = "ana@contoso.example"
	password = "canary-password"
)

// pool is a front end small enough to see through: it signs in one user and
// leaves the rest to handlers of the test.
type pool struct {
	*httptest.Server
	mux *http.ServeMux

	mu        sync.Mutex
	password  string
	expiresIn int
	seen      []string // what was sent as Authorization, per request
	grants    int
	token     string
}

func newPool(t testing.TB) *pool {
	t.Helper()
	p := &pool{mux: http.NewServeMux(), password: password, expiresIn: 28800}
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, `{"_links":{"self":{"href":"`+p.URL+`/"},"user":{"href":"`+p.URL+`/user?originalDomain=contoso.example"}}}`)
	})
	p.mux.HandleFunc("GET /user", func(w http.ResponseWriter, r *http.Request) {
		if p.signedIn(w, r) {
			writeJSON(w, 200, `{"_links":{"applications":{"href":"`+p.URL+`/ucwa/oauth/v1/applications"}}}`)
		}
	})
	p.mux.HandleFunc("POST /token", p.grant)
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *pool) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Header.Get("Authorization"))
	p.mu.Unlock()
	p.mux.ServeHTTP(w, r)
}

// grant is the token service.
func (p *pool) grant(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants++
	if r.FormValue("grant_type") != "password" || r.FormValue("username") != username || r.FormValue("password") != p.password {
		w.Header().Set("X-Ms-Diagnostics", `28020;source="`+username+`";reason="no"`)
		writeJSON(w, 400, `{"error":"invalid_grant","error_description":"canary-body"}`)
		return
	}
	p.token = fmt.Sprintf("cwt=canary-token-%d", p.grants)
	writeJSON(w, 200, fmt.Sprintf(`{"access_token":%q,"expires_in":%d,"ms_rtc_identityscope":"local","token_type":"Bearer"}`, p.token, p.expiresIn))
}

// signedIn answers 401 with the challenge to a request without the token.
func (p *pool) signedIn(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.token != "" && r.Header.Get("Authorization") == "Bearer "+p.token {
		return true
	}
	w.Header().Add("WWW-Authenticate", `Bearer trusted_issuers="x"`)
	w.Header().Add("WWW-Authenticate", `MsRtcOAuth href="`+p.URL+`/token",grant_type="urn:microsoft.rtc:windows,password"`)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(401)
	return false
}

func (p *pool) handle(pattern string, h http.HandlerFunc) { p.mux.HandleFunc(pattern, h) }

func (p *pool) counts() (grants, requests int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.grants, len(p.seen)
}

func (p *pool) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *pool) config() ucwa.Config {
	return ucwa.Config{
		RootURL: p.URL, Username: username, Password: ucwa.NewSecret(password),
		HTTPClient: &http.Client{Transport: p.Client().Transport}, UserAgent: "archiver-test",
	}
}

func (p *pool) signIn(t testing.TB) *ucwa.Client {
	t.Helper()
	c, err := ucwa.SignIn(t.Context(), p.config())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// quoted is s as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
