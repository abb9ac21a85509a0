package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// initAt runs init against a server, with a password that is in a file.
func initAt(t *testing.T, server, home, password string, more ...string) (code int, said string) {
	t.Helper()
	given := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(given, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &buffer{}
	p := &program{in: strings.NewReader(""), out: out, err: out, env: homeIs(home), now: time.Now, ring: newDrawer()}
	code = p.execute(t.Context(), append([]string{"init", "ana@contoso.example", "--server", server, "--password-file", given}, more...))
	return code, out.String()
}

// A server that signs people in through a browser only is told before anybody
// types a password.
func TestInitWithoutAWayIn(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"_links":{"user":{"href":"%s/user"}}}`, server.URL)
		case "/user":
			w.Header().Set("WWW-Authenticate", `Bearer client_id="x", authorization_uri="https://login.contoso.example/"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			t.Errorf("asked for %s", r.URL.Path)
		}
	}))
	defer server.Close()
	home := t.TempDir()
	code, said := initAt(t, server.URL, home, "canary")
	if code != exitUnauthorized || !strings.Contains(said, "modern authentication only") || strings.Contains(said, "tried once") {
		t.Errorf("exit %d: %s", code, said)
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A wrong password is sent once, and nothing is left of it.
func TestInitTriesOnce(t *testing.T) {
	sc := scenario(t, "declined")
	sim := ucwatest.New(sc)
	defer sim.Close()
	var tokens atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "oauthtoken") {
			tokens.Add(1)
		}
		sim.Handler().ServeHTTP(w, r)
	}))
	defer server.Close()
	home := t.TempDir()
	for _, store := range []string{"", "keyring", "file"} {
		tokens.Store(0)
		code, said := initAt(t, server.URL, home, "canary", "--secret-store="+store)
		if code != exitUnauthorized || tokens.Load() != 1 || !strings.Contains(said, "nothing was stored") || strings.Contains(said, "canary") {
			t.Errorf("%d tries, exit %d: %s", tokens.Load(), code, said)
		}
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	tokens.Store(0)
	if code, said := initAt(t, server.URL, home, sc.Password); code != exitOK || tokens.Load() != 1 {
		t.Errorf("%d tries, exit %d: %s", tokens.Load(), code, said)
	}
}
