package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

// BenchmarkAccounts captures a thousand accounts in this process from a
// simulator in another one, while somebody is written to twenty times a second.
// It prints how long capture took from a response to the next request, the
// memory this process took, and what was missed. ARCHIVER_ACCOUNTS is another
// number of accounts.
func BenchmarkAccounts(b *testing.B) {
	n := 1000
	if s := os.Getenv("ARCHIVER_ACCOUNTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	root, password := manyAccounts(b, n)
	p := &program{out: io.Discard, err: io.Discard, env: os.Getenv, now: time.Now, archive: filepath.Join(b.TempDir(), "archive")}
	a, err := p.openWriter(b.Context(), store.Options{Owner: "test", Captures: true})
	if err != nil {
		b.Fatal(err)
	}
	turns := &turns{}
	ctx, stop := context.WithCancel(b.Context())
	transport, err := ucwa.NewTransport(ucwa.TransportConfig{Accounts: n})
	if err != nil {
		b.Fatal(err)
	}
	var cfgs []capture.Config
	for i := range n {
		user := fmt.Sprintf("user%d@contoso.example", i)
		cfgs = append(cfgs, capture.Config{Account: "sip:" + user, OnPoll: turns.add, Machine: capture.Machine(), SignInAs: "Online",
			Client: ucwa.Config{RootURL: root, Address: user, Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: transport}}})
	}
	captured := make(chan error, 1)
	go func() { captured <- a.capture(ctx, cfgs...) }()
	started := time.Now()
	for parkedAt(b, root) < n {
		select {
		case err := <-captured:
			b.Fatalf("capture ended: %v", err)
		case <-time.After(500 * time.Millisecond):
		}
	}
	b.ReportMetric(time.Since(started).Seconds(), "s/start")
	turns.reset()
	from := archive.At(time.Now())
	for b.Loop() {
		talk(b, root, n, 10*time.Second)
	}
	measured := turns.sorted()
	stop()
	<-captured
	missed := missedSince(b, a, from)
	if err := a.close(); err != nil {
		b.Error(err)
	}
	if len(measured) == 0 {
		b.Fatal("nothing was captured")
	}
	b.ReportMetric(ms(measured[len(measured)/2]), "ms/turn-p50")
	b.ReportMetric(ms(measured[len(measured)*99/100]), "ms/turn-p99")
	b.ReportMetric(ms(measured[len(measured)*999/1000]), "ms/turn-p99.9")
	b.ReportMetric(float64(len(measured)), "turns")
	b.ReportMetric(float64(missed), "gaps")
	b.ReportMetric(peak(b), "MiB")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// turns are the times in which nothing was parked.
type turns struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *turns) add(turn capture.Turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, turn.Commit+turn.Ask)
}

func (t *turns) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = nil
}

func (t *turns) sorted() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.all)
	return t.all
}

// manyAccounts starts a simulator of so many people in a process of its own.
func manyAccounts(b *testing.B, n int) (root, password string) {
	b.Helper()
	var script strings.Builder
	script.WriteString("People, one as good as another.\n-- script --\naccount user0@contoso.example \"User 0\" password=pw\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&script, "person u%d user%d@contoso.example \"User %d\"\n", i, i, i)
	}
	script.WriteString("person caller caller@contoso.example \"Caller\"\n")
	file := filepath.Join(b.TempDir(), "many.txtar")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	c := exec.Command(os.Args[0], "sim", file, "--addr", "127.0.0.1:0")
	c.Env = append(os.Environ(), asProgram+"=1")
	said, err := c.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if at := regexp.MustCompile(`http://[0-9.:]+`).FindString(lines.Text()); at != "" {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return at + "/", "pw"
		}
	}
	b.Fatal("the simulator did not say where it is")
	return "", ""
}

// parkedAt is how many P-GETs the simulator holds.
func parkedAt(b *testing.B, root string) int {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, root+"sim?format=json", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return strings.Count(string(body), `"parked":true`)
}

// talk has one after the other of the people written to.
func talk(b *testing.B, root string, n int, length time.Duration) {
	b.Helper()
	const each = 50 * time.Millisecond
	tick := time.NewTicker(each)
	defer tick.Stop()
	for i := range int(length / each) {
		<-tick.C
		form := url.Values{"from": {"caller@contoso.example"}, "to": {fmt.Sprintf("user%d@contoso.example", i*7919%n)}, "text": {"Is the report ready?"}}
		resp, err := http.PostForm(root+"sim/calls", form)
		if err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusNoContent {
			b.Fatalf("%s, %v", resp.Status, err)
		}
	}
}

// missedSince counts the gaps that began after a moment and ended before the
// capture did.
func missedSince(b *testing.B, a *app, from archive.Time) (n int) {
	b.Helper()
	gaps, err := a.Gaps(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	for _, g := range gaps {
		if g.From.After(from.Time) && g.To.Known() {
			n++
		}
	}
	return n
}

// peak is the most memory that this process has had, in MiB.
func peak(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // not on this system
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}
