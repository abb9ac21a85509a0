package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/ucwa/ucwatest"
)

// How often the process is killed: in the long lane as often as promised.
const (
	crashes     = 20
	crashesLong = 200
)

// TestCrash kills the process at random moments while it captures, until the
// server has nothing more to say, and starts again until it was killed often
// enough. Afterwards no response that was acknowledged is missing, none is
// there twice, and the lists are those of a run that nobody disturbed.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Log("the crash test runs without -short")
		return
	}
	want := crashes
	if os.Getenv("ARCHIVER_LONG") != "" {
		want = crashesLong
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	undisturbed, _ := captureStory(t, func() time.Duration { return time.Hour })
	for killed := 0; killed < want; {
		dir, n := captureStory(t, func() time.Duration { return time.Duration(20+rng.IntN(230)) * time.Millisecond })
		killed += n
		compare(t, lists(t, undisturbed), lists(t, dir))
		t.Logf("killed %d of %d", killed, want)
	}
}

// captureStory captures a scenario to its end in processes that live as long
// as lifetime says. It returns the archive and how many were killed.
func captureStory(t *testing.T, lifetime func() time.Duration) (dir string, killed int) {
	t.Helper()
	sc := scenario(t, "crash")
	server := ucwatest.NewServer(sc, ucwatest.Options{})
	defer server.Close()
	dir = t.TempDir()
	for {
		ended, output := captureOnce(t, dir, sc, server, lifetime())
		if ended {
			break
		}
		if killed++; killed > 10_000 {
			t.Fatalf("no progress: %s", output)
		}
	}
	checkAcknowledged(t, dir, server.Acked())
	return dir, killed
}

// captureOnce runs one process. It is killed after its lifetime, or stopped in
// an orderly way when the server has nothing more to say: then ended is true.
func captureOnce(t *testing.T, dir string, sc *ucwatest.Scenario, server *ucwatest.Server, lifetime time.Duration) (ended bool, output string) {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(sc.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &buffer{}
	c := exec.Command(os.Args[0], "capture", server.URL(), "--archive", dir,
		"--user", strings.TrimPrefix(sc.Account.URI, "sip:"), "--password-file", password)
	c.Env = append(os.Environ(), asProgram+"=1")
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	select {
	case err := <-exited:
		t.Fatalf("capture ended by itself: %v\n%s", err, out.String())
	case <-time.After(lifetime):
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-exited
	case <-server.Drained():
		ended = true
		// It listens for signals before it says its first word.
		for deadline := time.Now().Add(30 * time.Second); out.String() == "" && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := <-exited; !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			t.Fatalf("an interrupted capture ended with %v\n%s", err, out.String())
		}
	}
	return ended, out.String()
}

// checkAcknowledged looks for every response that the client acknowledged.
func checkAcknowledged(t *testing.T, dir string, acked []ucwatest.Delivery) {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	count := make(map[string]int)
	for after := archive.ObservationID(0); ; {
		page, err := s.ObservationsAfter(t.Context(), after, archive.MaxPage)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, o := range page {
			if o.Source == archive.SourceCapture {
				count[string(o.Body)]++
			}
			after = o.ID
		}
	}
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	for _, d := range acked {
		if n := count[string(d.Body)]; n != 1 {
			t.Errorf("the acknowledged response %d of %s is there %d times", d.Ack, d.Application, n)
		}
	}
}

// compare reports the first line in which two lists differ.
func compare(t *testing.T, want, got string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d differs from an undisturbed run's:\n%s\n%s", i+1, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Fatalf("%d lines, an undisturbed run has %d", len(b), len(a))
	}
}

// ourClock are the fields that hold when and in how many pieces we received
// something, which two runs do not share.
var ourClock = regexp.MustCompile(`"[a-z]+":"[^"]*","[a-z]+_source":"received"|"(first|last|last_time)":("[^"]*"|null)`)

// places are ids in the log, which fetches of resources shift.
var places = regexp.MustCompile(`"[a-z_]*event[s]?":("e:[0-9.]+"|\[[^\]]*\])|"(id|observation)":"[oeg]:[0-9.]+"|"gaps":\d+`)

// lists is what every list of decoded things prints, but for our clock and for
// places in the log.
func lists(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	for _, noun := range []string{"conversations", "participants", "invitations", "messages", "people"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), os.Getenv, strings.NewReader(""), &out, &errs, []string{"list", noun, "--json", "--archive", dir}); code != exitOK {
			t.Fatalf("list %s: exit %d: %s", noun, code, errs.String())
		}
		fmt.Fprintf(&all, "%s\n%s", noun, places.ReplaceAllString(ourClock.ReplaceAllString(out.String(), ""), ""))
	}
	return all.String()
}
