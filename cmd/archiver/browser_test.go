package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"archiver/internal/ucwa/ucwatest"
)

// installChromium is how to get what the browser tests need.
const installChromium = "apt-get install chromium"

// TestBrowser walks the real program with a real browser. It is skipped where
// there is none, unless CI is set.
func TestBrowser(t *testing.T) {
	path := chromium()
	if path == "" && os.Getenv("CI") == "" {
		t.Skipf("NO BROWSER TESTS: Chromium is not installed; get it with: %s", installChromium)
	}
	if path == "" {
		t.Fatalf("Chromium is not installed, and CI is set; get it with: %s", installChromium)
	}
	if testing.Short() {
		t.Skip("browser tests run without -short")
	}
	t.Run("demo", func(t *testing.T) { walkDemo(t, path) })
	t.Run("hostile", func(t *testing.T) { visitHostile(t, path) })
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// tab is a browser's tab that notes what a page should never do.
type tab struct {
	*testing.T
	ctx  context.Context
	base string

	mu     sync.Mutex
	faults []string // dialogs, exceptions, refused content, requests elsewhere
}

func openTab(t *testing.T, path, base string) *tab {
	t.Helper()
	allocator, stop := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless,
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(stop)
	b := &tab{T: t, base: base}
	ctx, closeTab := chromedp.NewContext(allocator, chromedp.WithListener(b.note))
	t.Cleanup(closeTab)
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return b
}

// note hears of everything that happens in the tab.
func (b *tab) note(event any) {
	fault := ""
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		fault = "a dialog opened: " + e.Message
	case *runtime.EventExceptionThrown:
		fault = "an exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if string(e.Type) == "error" {
			fault = "an error on the console"
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.base) && !strings.HasPrefix(u, "about:") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "chrome") {
			fault = "a request to " + u
		}
	}
	if fault != "" {
		b.mu.Lock()
		b.faults = append(b.faults, fault)
		b.mu.Unlock()
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// visit opens a page and looks whether it fits its window.
func (b *tab) visit(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.base + path))
	if eval[bool](b, `document.scrollingElement.scrollWidth > innerWidth`) {
		b.Errorf("%s is wider than the window", path)
	}
}

func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression holds.
func (b *tab) await(what, expression string) {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		// Between two pages there is nothing to look at: an error is no answer.
		if held, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression)); err == nil && held {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("never saw %s", what)
		}
	}
}

// done fails the test if a page did what it should not.
func (b *tab) done() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		b.Error(f)
	}
}

// picture keeps a picture of the page where ARCHIVER_PICTURES names a folder.
func (b *tab) picture(name string) {
	b.Helper()
	dir := os.Getenv("ARCHIVER_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}

// start runs the program until the test ends and returns the address that it
// prints.
func start(t *testing.T, args ...string) (base string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	exited := make(chan int, 1)
	go func() {
		exited <- run(ctx, os.Getenv, strings.NewReader(""), in, io.Discard, args)
		in.Close()
	}()
	t.Cleanup(func() {
		stop()
		select {
		case code := <-exited:
			if code != exitOK && code != exitInterrupted {
				t.Errorf("%s ended with %d", args[0], code)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s did not end", args[0])
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// walkDemo does what a newcomer does: looks around, searches, follows a hit to
// its conversation and to the event behind it, goes back, and watches messages
// arrive.
func walkDemo(t *testing.T, path string) {
	b := openTab(t, path, start(t, "demo", "--no-open", "--addr", "127.0.0.1:0"))
	b.visit("/")
	b.await("the history", `/\b4\d\d\b/.test(document.querySelector("main").innerText)`)
	b.picture("home")

	b.do(chromedp.SendKeys("input[name=q]", "scanner\r"))
	b.await("hits", `document.querySelectorAll(".hit-row mark").length >= 2`)
	b.picture("search")
	b.do(chromedp.Click(".hit-row .snippet a"))
	b.await("the message in its conversation", `location.hash.startsWith("#m-") && document.querySelector(".msg.hit") !== null`)
	if !eval[bool](b, `document.getElementById(location.hash.slice(1)) === document.querySelector(".msg.hit")`) {
		t.Error("the permalink does not lead to the hit")
	}
	b.picture("conversation")
	b.do(chromedp.Click(".msg.hit a.raw"))
	b.await("the event as received", `document.querySelector("main").innerText.includes("plainMessage")`)
	b.picture("event")
	eval[any](b, `history.go(-2)`)
	b.await("the same hits", `location.search.includes("scanner") && document.querySelectorAll(".hit-row mark").length >= 2`)

	b.visit("/search?q=form:bo")
	b.await("what is wrong with a query", `document.querySelector("main").innerText.includes("from:")`)
	for _, size := range [][2]int64{{1280, 900}, {375, 800}, {320, 700}} {
		b.do(chromedp.EmulateViewport(size[0], size[1]))
		for _, p := range []string{"/", "/conversations", "/search?q=meridian", "/people", "/events", "/status"} {
			b.visit(p)
			b.picture(fmt.Sprintf("%d%s", size[0], strings.ReplaceAll(strings.TrimRight(p, "/"), "/", "-")))
		}
	}
	b.do(chromedp.EmulateViewport(1280, 900))
	b.visit("/")
	before := eval[string](b, `document.querySelector("main").innerText`)
	eval[int](b, `(window.stays = 1)`)
	b.await("a new message without reloading", fmt.Sprintf(`document.querySelector("main").innerText !== %q && window.stays === 1`, before))
	b.done()
}

// visitHostile looks at every page of an archive whose people put markup into
// everything they could.
func visitHostile(t *testing.T, path string) {
	dir := t.TempDir()
	captureAll(t, dir, "hostile")
	base := startServe(t, dir)
	b := openTab(t, path, base)
	for _, p := range []string{"/", "/conversations", "/search?q=script", "/people", "/events", "/status"} {
		b.visit(p)
		links := eval[[]string](b, `[...new Set([...document.querySelectorAll("main a")].map(a => a.getAttribute("href")))]
			.filter(h => /^\/(c|p|m|events)\//.test(h)).slice(0, 12)`)
		for _, l := range links {
			b.visit(l)
			if eval[int](b, `document.querySelectorAll("main script, main img, main style, main iframe, main [onerror], main [onload]").length`) > 0 {
				t.Errorf("%s holds an element that a message brought", l)
			}
		}
	}
	if got := eval[string](b, `document.querySelector("main").innerText`); strings.Contains(got, "{{") {
		t.Error("a template expression stayed on the status page")
	}
	b.done()
}

// captureAll captures a scenario to its end.
func captureAll(t *testing.T, dir, name string) {
	t.Helper()
	sc := scenario(t, name)
	server := ucwatest.NewServer(sc)
	defer server.Close()
	if ended, output := captureOnce(t, dir, sc, server, time.Minute); !ended {
		t.Fatalf("the scenario %s did not end: %s", name, output)
	}
}

// startServe serves an archive until the test ends.
func startServe(t *testing.T, dir string) (base string) {
	t.Helper()
	ln, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p := &program{out: io.Discard, err: io.Discard, env: os.Getenv, now: time.Now, archive: dir}
	a, err := p.openReader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.serve(ctx, ln, time.Now) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, a.close()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}
