package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// capturer is one archiver capturing the account of a simulator.
type capturer struct {
	log   *buffer
	ended chan int
	stop  context.CancelFunc
}

func startCapture(t *testing.T, server *ucwatest.Server, sc *ucwatest.Scenario, dir string) *capturer {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(sc.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	c := &capturer{log: &buffer{}, ended: make(chan int, 1), stop: stop}
	go func() {
		c.ended <- run(ctx, os.Getenv, strings.NewReader(""), &buffer{}, c.log, []string{"capture", server.URL(), "--archive", dir,
			"--user", strings.TrimPrefix(sc.Account.URI, "sip:"), "--password-file", password})
	}()
	t.Cleanup(stop)
	return c
}

// end waits for the exit code.
func (c *capturer) end(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case code := <-c.ended:
		return code
	case <-time.After(within):
		t.Fatalf("still running after %v: %s", within, c.log.String())
		return -1
	}
}

// parked waits until a P-GET is, after this many batches at least.
func parked(t *testing.T, server *ucwatest.Server, batches int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, a := range server.State().Applications {
			if a.Parked && a.Sent >= batches {
				return
			}
		}
	}
	t.Fatal("no P-GET is parked")
}

// Two programs for one account: on one archive the second refuses at once; with
// a copy of the archive it is the same application, and whoever is pushed out of
// it stops and says so instead of fighting.
func TestTwoCapture(t *testing.T) {
	sc := scenario(t, "office")
	server := ucwatest.NewServer(sc, ucwatest.Options{})
	defer server.Close()
	dir := filepath.Join(t.TempDir(), "archive")
	first := startCapture(t, server, sc, dir)
	parked(t, server, 1)

	const soon = 2 * time.Second
	second := startCapture(t, server, sc, dir)
	if code := second.end(t, soon); code != exitLocked {
		t.Errorf("a second capture on the archive exits with %d: %s", code, second.log.String())
	}

	elsewhere := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	copied := startCapture(t, server, sc, elsewhere)
	if code := first.end(t, 20*time.Second); code != exitError || !strings.Contains(first.log.String(), "another program captures this account") {
		t.Errorf("the one that was pushed out exits with %d: %s", code, first.log.String())
	}
	parked(t, server, 1)
	copied.stop()
	if code := copied.end(t, 20*time.Second); code != exitInterrupted {
		t.Errorf("the other exits with %d: %s", code, copied.log.String())
	}
}
