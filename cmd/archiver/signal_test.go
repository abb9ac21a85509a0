package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// A stop that waits for something can be cut short: the second signal ends the
// process at once.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	sc := scenario(t, "declined")
	var once sync.Once
	asked := make(chan struct{})
	server := ucwatest.NewServer(sc, ucwatest.Options{Fault: func(r *http.Request) ucwatest.Fault {
		if !strings.Contains(r.URL.Path, "/participants/") {
			return ucwatest.Fault{}
		}
		once.Do(func() { close(asked) })
		return ucwatest.Fault{Hang: true} // a planned stop waits for it, five seconds long
	}})
	defer server.Close()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(sc.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &buffer{}
	c := exec.Command(os.Args[0], "capture", server.URL(), "--archive", t.TempDir(),
		"--user", strings.TrimPrefix(sc.Account.URI, "sip:"), "--password-file", password)
	c.Env = append(os.Environ(), asProgram+"=1")
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	select {
	case <-asked:
	case err := <-exited:
		t.Fatalf("ended by itself: %v\n%s", err, out.String())
	}
	began := time.Now()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = c.Process.Signal(os.Interrupt) // it may just have ended
		case err := <-exited:
			var exit *exec.ExitError
			if took := time.Since(began); !errors.As(err, &exit) || exit.ExitCode() != -1 || took > 4*time.Second {
				t.Errorf("ended with %v after %s\n%s", err, took, out.String())
			}
			return
		}
	}
}
