package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"archiver/internal/config"
	"archiver/internal/ucwa/ucwatest"
)

// initAt runs init against a server, with a password that is in a file or, with
// "", without one.
func initAt(t *testing.T, server, home, password string, more ...string) (code int, said string) {
	t.Helper()
	given := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(given, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"init", "ana@contoso.example", "--server", server}, more...)
	if password != "" {
		args = append(args, "--password-file", given)
	}
	out := &buffer{}
	p := &program{in: strings.NewReader(""), out: out, err: out, env: homeIs(home), now: time.Now, ring: newDrawer()}
	code = p.execute(t.Context(), args)
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
	code, said := initAt(t, server.URL, home, "")
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

// An administrator's wish that nothing is saved stops capture until it is
// acknowledged, which is remembered.
func TestPolicyIsAcknowledgedOnce(t *testing.T) {
	for _, how := range []string{"flag", "settings"} {
		t.Run(how, func(t *testing.T) {
			sc := scenario(t, "declined")
			server := ucwatest.NewServer(sc, ucwatest.Options{KeepNoHistory: true})
			defer server.Close()
			home, ring := t.TempDir(), newDrawer()
			capture := func(ctx context.Context, args ...string) (int, string) {
				out := &buffer{}
				p := &program{in: strings.NewReader(sc.Password), out: out, err: out, env: homeIs(home), now: time.Now, ring: ring}
				code := p.execute(ctx, args)
				return code, out.String()
			}
			if code, said := capture(t.Context(), "init", "ana@contoso.example", "--server", server.URL(), "--password-file", "-"); code != exitOK {
				t.Fatalf("exit %d: %s", code, said)
			}
			if code, said := capture(t.Context(), "capture"); code != exitError || !strings.Contains(said, "--policy-acknowledged") {
				t.Fatalf("exit %d: %s", code, said)
			}
			args := []string{"capture", "--policy-acknowledged"}
			if how == "settings" {
				args = args[:1]
				file := filepath.Join(home, ".config", "archiver", "config.toml")
				s, err := config.Load(config.Source{File: file, Env: homeIs(home)})
				if err != nil {
					t.Fatal(err)
				}
				a := s.Accounts[0]
				a.PolicyAcknowledged = true
				if err := config.Put(file, s.Config, a); err != nil {
					t.Fatal(err)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go func() { <-server.Drained(); stop() }()
			if code, said := capture(ctx, args...); code != exitInterrupted {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
}
