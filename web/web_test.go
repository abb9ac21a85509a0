package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/web"
)

func (f *fake) conversation(n int) string {
	return "/c/" + f.Invented.Conversations[n].Conversation.ID
}

func (f *fake) lastMessage() *archive.Message {
	return &f.Invented.Messages[len(f.Invented.Messages)-1]
}

// targets names one address for each route.
func (f *fake) targets() map[string]string {
	return map[string]string{
		"GET /{$}": "/", "GET /conversations": "/conversations?q=launch", "GET /c/{id}": f.conversation(0), "GET /m/{id}": "/m/" + f.lastMessage().ID,
		"GET /search": "/search?q=Thank", "GET /people": "/people", "GET /p/{id}": "/p/" + f.Invented.People[1].ID,
		"GET /events": "/events", "GET /events/{id}": "/events/923.1", "GET /observations/{id}/raw": "/observations/923/raw",
		"GET /status": "/status", "POST /zone": "/zone", "GET /live": "/live", "GET /healthz": "/healthz", "GET /static/{file}": "/static/app.css", "/": "/nowhere",
	}
}

// statuses are what the routes answer; 200 where none is named.
func statuses() map[string]int {
	return map[string]int{"GET /m/{id}": 302, "POST /zone": 400, "GET /static/{file}": 404, "/": 404}
}

// visit asks for every route once.
func (b *browser) visit(f *fake, see func(pattern string, res *http.Response)) {
	b.Helper()
	targets := f.targets()
	for _, pattern := range web.Patterns() {
		target, ok := targets[pattern]
		if !ok {
			b.Errorf("no address for route %q", pattern)
			continue
		}
		method, _, found := strings.Cut(pattern, " ")
		if !found {
			method = "GET"
		}
		ctx, cancel := context.WithCancel(b.Context())
		if pattern == "GET /live" {
			cancel() // a stream has no end of its own
		}
		see(pattern, b.do(b.request(method, target).WithContext(ctx)))
		cancel()
	}
}

func TestEveryRouteAnswers(t *testing.T) {
	f := newFake()
	open(t, f, nil).visit(f, func(pattern string, res *http.Response) {
		want := 200
		if s, ok := statuses()[pattern]; ok {
			want = s
		}
		if res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", pattern, res.StatusCode, want)
		}
	})
}

func TestHeaders(t *testing.T) {
	f := newFake()
	open(t, f, nil).visit(f, func(pattern string, res *http.Response) {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
				"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types archiver",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", pattern, name, got, want)
			}
		}
	})
}

func TestHosts(t *testing.T) {
	b := open(t, newFake(), nil)
	hosts := []string{"", "127.0.0.1", "localhost", "localhost:8787", "127.0.0.1:80", "127.0.0.1:8788", "127.0.0.1:08787", "127.0.0.1:8787.",
		"127.0.0.1.:8787", "127.1:8787", "127.0.1:8787", "0177.0.0.1:8787", "2130706433:8787", "0x7f000001:8787", "0.0.0.0:8787", "[::]:8787",
		"[::1]", "[::1]:8787", "::1:8787", "[::ffff:127.0.0.1]:8787", "[::ffff:7f00:1]:8787", "127.0.0.2:8787", "LOCALHOST:8787", "localhost.:8787",
		"localhost.localdomain:8787", "archiver:8787", "archiver.local:8787", "contoso.example", "contoso.example:8787", "127.0.0.1.nip.contoso.example:8787",
		"127.0.0.1:8787.contoso.example", "contoso.example#127.0.0.1:8787", "127.0.0.1:8787@contoso.example", "ann@127.0.0.1:8787", "127.0.0.1:8787/",
		"127.0.0.1:8787,contoso.example", "127.0.0.1:8787 contoso.example", " 127.0.0.1:8787", "127.0.0.1:8787 ", "127.0.0.1\t:8787", "http://127.0.0.1:8787",
		"//127.0.0.1:8787", "127.0.0.1:8787?", "127.0.0.1:8787:8787", "127.0.0.1::8787", "①27.0.0.1:8787", "127。0。0。1:8787", "xn--localhost:8787",
		"host.docker.internal:8787", "169.254.169.254:8787", "metadata:8787", "null"}
	for _, host := range hosts {
		for _, target := range []string{"/", "/healthz", "/static/app.css"} {
			r := b.request("GET", target)
			r.Host = host
			if res := b.do(r); res.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("host %q, %s: status %d, want 421", host, target, res.StatusCode)
			}
		}
	}
	if len(hosts) < 50 {
		t.Errorf("%d hosts tried, want at least 50", len(hosts))
	}
}

func TestCrossOrigin(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	for _, tt := range []struct {
		name, site, mode, dest string
		refused                bool
	}{
		{"typed", "none", "navigate", "document", false},
		{"own link", "same-origin", "navigate", "document", false},
		{"own script", "same-origin", "cors", "empty", false},
		{"no browser", "", "", "", false},
		{"followed link", "cross-site", "navigate", "document", false},
		{"frame", "cross-site", "navigate", "iframe", true},
		{"image", "cross-site", "no-cors", "image", true},
		{"script", "cross-site", "no-cors", "script", true},
		{"fetch", "cross-site", "cors", "empty", true},
		{"another port", "same-site", "cors", "empty", true},
		{"odd", "garbage", "", "", true},
	} {
		for pattern, target := range f.targets() {
			if !strings.HasPrefix(pattern, "GET") || pattern == "GET /live" {
				continue
			}
			r := b.request("GET", target)
			for name, value := range map[string]string{"Sec-Fetch-Site": tt.site, "Sec-Fetch-Mode": tt.mode, "Sec-Fetch-Dest": tt.dest} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if res := b.do(r); (res.StatusCode == http.StatusForbidden) != tt.refused {
				t.Errorf("%s, %s: status %d, refused should be %v", tt.name, pattern, res.StatusCode, tt.refused)
			}
		}
	}
}

func TestZone(t *testing.T) {
	b := open(t, newFake(), nil)
	post := func(body string, header ...string) *http.Response {
		r := b.request("POST", "/zone")
		r.Body = io.NopCloser(strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return b.do(r)
	}
	for _, tt := range []struct{ body, location string }{
		{"zone=Asia/Tokyo&return=/events?rel=message", "/events?rel=message"},
		{"zone=UTC&return=//fabrikam.example/", "/"},
		{"zone=UTC&return=/%5Cfabrikam.example/", "/"},
		{"zone=UTC&return=https://fabrikam.example/", "/"},
		{"zone=UTC", "/"},
	} {
		res := post(tt.body, "Sec-Fetch-Site", "same-origin")
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != tt.location {
			t.Errorf("%s: status %d, location %q, want %q", tt.body, res.StatusCode, got, tt.location)
		}
	}
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../../etc/passwd", strings.Repeat("A", 100)} {
		if res := post("zone=" + zone); res.StatusCode != http.StatusBadRequest {
			t.Errorf("zone %q: status %d, want 400", zone, res.StatusCode)
		}
	}
	if res := post("zone=UTC", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); res.StatusCode != http.StatusForbidden {
		t.Errorf("post from another site: status %d, want 403", res.StatusCode)
	}
	b.zone = "Asia/Tokyo"
	if got := b.get("/status", 200).Find("#zone option[selected]").Text(); got != "Asia/Tokyo" {
		t.Errorf("zone shown is %q", got)
	}
	b.zone = "Mars/Olympus"
	if got := b.get("/status", 200).Find("#zone option[selected]").Text(); got != "UTC" {
		t.Errorf("zone shown for an unknown one is %q", got)
	}
}

func TestErrorTable(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
	}{
		{archive.ErrNotFound, 404}, {archive.ErrInvalid, 400}, {archive.ErrConflict, 409}, {archive.ErrUnauthorized, 403},
		{archive.ErrUnavailable, 503}, {context.DeadlineExceeded, 503}, {errors.New("secret zebra"), 500},
	} {
		f := newFake()
		f.fail = fmt.Errorf("fake: read: %w", tt.err)
		var logs bytes.Buffer
		doc := open(t, f, &logs).get("/status", tt.status)
		if text := doc.Text(); strings.Contains(text, "zebra") || strings.Contains(text, "fake:") {
			t.Errorf("%v: the page shows the error's text", tt.err)
		}
		if tt.status == 500 {
			reference := doc.Find(".problem code").Text()
			if reference == "" || !strings.Contains(logs.String(), reference) {
				t.Errorf("reference %q is not in the log", reference)
			}
		}
	}
}

type panicking struct{ *fake }

func (panicking) Totals(context.Context) (archive.Totals, error) { panic("zebra") }

func TestPanicIsAPageWithAReference(t *testing.T) {
	var logs bytes.Buffer
	f := newFake()
	b := open(t, f, &logs)
	b.handler = web.New(web.Config{Archive: panicking{f}, Search: f, Inspect: f, Hosts: []string{testHost}, Now: web.InventedNow})
	doc := b.get("/", 500)
	if doc.Find(".problem code").Text() == "" || strings.Contains(doc.Text()+logs.String(), "zebra") {
		t.Errorf("page: %s", doc.Find("main").Text())
	}
}

func TestMalformedAddresses(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	for target, status := range map[string]int{
		"/events/x": 400, "/events/0.0": 400, "/events/1.999999999999": 400, "/events/77.7": 404, "/observations/x/raw": 400, "/observations/0/raw": 400,
		"/observations/77/raw": 404, "/c/nope": 404, "/m/nope": 404, "/p/nope": 404, "/conversations?before=x": 400, "/conversations?with=nope": 404,
		f.conversation(0) + "?at=yesterday": 400, f.conversation(0) + "?after=x": 400, f.conversation(0) + "?before=1": 400, "/events?before=-1": 400,
		f.conversation(0) + "?hit=nope": 200, "/search?q=x&page=-4&sort=zebra": 200, "/search?q=x&page=99999999999999999999": 200,
	} {
		b.get(target, status)
	}
}

// Nothing a person wrote is logged, at any level, by any route.
func TestLogHygiene(t *testing.T) {
	f := newFake()
	var logs bytes.Buffer
	b := open(t, f, &logs)
	b.visit(f, func(string, *http.Response) {})
	b.get("/search?q=Perfect+launch", 200)
	f.search = func(archive.SearchRequest) (archive.SearchResult, error) { return archive.SearchResult{}, wrongQuery{} }
	b.get("/search?q=Perfect+launch", 400)
	b.get("/Perfect/launch", 404)
	if !strings.Contains(logs.String(), "GET /search") {
		t.Fatalf("requests are not logged:\n%s", logs.String())
	}
	var said []string
	for _, m := range f.Invented.Messages {
		said = append(said, m.Text, m.FromName, m.FromURI)
	}
	for _, v := range f.Invented.Conversations {
		said = append(said, v.Conversation.Subject, v.Conversation.ID)
	}
	for _, s := range append(said, "Perfect", "launch", "q=", "?") {
		if s != "" && strings.Contains(logs.String(), s) {
			t.Errorf("the log contains %q", s)
		}
	}
}

func TestAssets(t *testing.T) {
	b := open(t, newFake(), nil)
	doc := b.get("/", 200)
	limits := map[string]int{".css": 20 << 10, ".js": 6 << 10, ".svg": 1 << 10}
	seen := 0
	doc.Find("link[href], script[src]").Each(func(_ int, s *goquery.Selection) {
		path := s.AttrOr("href", s.AttrOr("src", ""))
		res := b.do(b.request("GET", path))
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: status %d, %q", path, res.StatusCode, res.Header.Get("Cache-Control"))
		}
		if !regexp.MustCompile(`^/static/[a-z]+\.[0-9a-f]{12}\.[a-z]+$`).MatchString(path) {
			t.Errorf("%s is not named by its content", path)
		}
		if limit := limits[path[strings.LastIndex(path, "."):]]; len(body) > limit {
			t.Errorf("%s has %d bytes, more than %d", path, len(body), limit)
		}
		seen++
	})
	if seen != 3 {
		t.Errorf("%d assets, want 3", seen)
	}
}

func TestRawBytesAreADownload(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	res := b.do(b.request("GET", "/observations/923/raw"))
	body, _ := io.ReadAll(res.Body)
	want := f.Inspections[archive.NewEventID(923, 1)].Observation.Body
	if !bytes.Equal(body, want) {
		t.Error("the bytes are not those stored")
	}
	got := []string{res.Header.Get("Content-Type"), res.Header.Get("Content-Disposition")}
	if diff := cmp.Diff([]string{"application/octet-stream", `attachment; filename="observation-923.bin"`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLiveTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		ticks, done := make(chan struct{}), make(chan struct{})
		handler := web.New(web.Config{Archive: f, Search: f, Inspect: f, Hosts: []string{testHost}, Done: done,
			Watch: func(context.Context) <-chan struct{} { return ticks }})
		r := httptest.NewRequest("GET", "/live", nil)
		r.Host = testHost
		rec := httptest.NewRecorder()
		ended := make(chan struct{})
		go func() { handler.ServeHTTP(rec, r); close(ended) }()
		synctest.Wait()
		ticks <- struct{}{} // nothing has changed: nothing is told
		synctest.Wait()
		f.Invented.Status[0].Watermarks.Stored = 941
		ticks <- struct{}{}
		synctest.Wait()
		time.Sleep(21 * time.Second)
		close(done)
		<-ended
		want := "event: hello\ndata: o:940 o:940\n\nevent: changed\ndata: o:941 o:940\n\nevent: alive\ndata: o:941 o:940\n\n"
		if diff := cmp.Diff(want, rec.Body.String()); diff != "" {
			t.Error(diff)
		}
		if got := rec.Header().Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("content type %q", got)
		}
	})
}

type wrongQuery struct{}

func (wrongQuery) Error() string { return "after: takes a date" }
func (wrongQuery) Position() int { return 9 }
func (wrongQuery) Unwrap() error { return archive.ErrInvalid }
