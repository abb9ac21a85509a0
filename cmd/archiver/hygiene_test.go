package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

// buffer is what a process writes while it is being read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// secrets are the quoted texts, the addresses and the password of a scenario:
// all that people wrote, what they are called and what they keep to themselves.
func secrets(t *testing.T, name string) (out []string) {
	t.Helper()
	data, err := testdata.Scenarios.ReadFile("scenarios/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"[^"\n]{4,}"|\S+@\S+|password=\S+`).FindAllString(string(data), -1) {
		out = append(out, strings.Trim(strings.TrimPrefix(m, "password="), `"`))
	}
	if len(out) < 10 {
		t.Fatalf("only %d secrets in %s", len(out), name)
	}
	return append(out, "cwt=")
}

// TestLogsHoldNothingPrivate runs everything that logs, at the most talkative
// level, and looks for what people wrote.
func TestLogsHoldNothingPrivate(t *testing.T) {
	for _, name := range []string{"direct", "failed", "group"} {
		t.Run(name, func(t *testing.T) {
			sc := scenario(t, name)
			server := ucwatest.NewServer(sc)
			defer server.Close()
			dir, log := t.TempDir(), &buffer{}
			password := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(password, []byte(sc.Password), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ln, err := listen(ctx, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			base := "http://" + ln.Addr().String()
			if err := ln.Close(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, os.Getenv, strings.NewReader(""), &buffer{}, log, []string{"run", server.URL(), "-v", "--archive", dir,
					"--addr", strings.TrimPrefix(base, "http://"), "--user", strings.TrimPrefix(sc.Account.URI, "sip:"), "--password-file", password})
			}()
			select {
			case <-server.Drained():
			case code := <-ended:
				t.Fatalf("ended with %d: %s", code, log.String())
			}
			for _, path := range []string{"/", "/conversations?q=Lindqvist", "/search?q=figures", "/search?q=form:bo.lindqvist@contoso.example",
				"/people", "/events", "/m/none", "/c/none", "/p/p:none"} {
				get(t, base+path)
			}
			stop()
			<-ended
			if !strings.Contains(log.String(), "DBG") || !strings.Contains(log.String(), "GET /search") {
				t.Fatalf("little was logged: %s", log.String())
			}
			for _, s := range secrets(t, name) {
				if strings.Contains(log.String(), s) {
					t.Errorf("the log holds %q", s)
				}
			}
		})
	}
}

// get asks for a page; the server may not listen yet.
func get(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
