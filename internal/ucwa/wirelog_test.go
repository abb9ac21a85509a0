package ucwa_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

// session plays a scenario to a client that follows every link, and returns
// what the wire log says and the token.
func session(t *testing.T, name string, script []byte) (log, token string) {
	t.Helper()
	sc, err := ucwatest.ParseScenario(name, script)
	if err != nil {
		t.Fatal(err)
	}
	srv := ucwatest.NewServer(sc, ucwatest.Options{Hold: 20 * time.Millisecond, Embed: true})
	t.Cleanup(srv.Close)
	var out bytes.Buffer
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	spy := &tokenSpy{base: tr}
	rt := ucwa.WireLog(&out, spy, nil)
	ctx := t.Context()
	c, err := ucwa.SignIn(ctx, ucwa.Config{RootURL: srv.URL(), Address: sc.Account.URI, Password: ucwa.NewSecret(sc.Password),
		HTTPClient: &http.Client{Transport: rt}})
	if err != nil {
		t.Fatal(err)
	}
	var next string
	seen := make(map[string]bool)
	for deadline := time.Now().Add(5 * time.Minute); ; {
		select {
		case <-srv.Drained():
			if next != "" {
				ucwa.Written(rt)
				return out.String(), spy.token
			}
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not played within its time, after %d requests", name, len(srv.Requests()))
		}
		if next == "" {
			app, err := c.CreateApplication(ctx, "5f0c2c1e-0000-4000-8000-000000000001")
			if err != nil {
				continue
			}
			_ = c.MakeAvailable(ctx, app, ucwa.Availability{SignInAs: "Online", Formats: []string{"Plain", "Html"}})
			next = app.EventsURL
		}
		r, err := c.Poll(ctx, next)
		if errors.Is(err, archive.ErrNotFound) {
			next = ""
		}
		env, parseErr := ucwa.ParseEnvelope(r.Body)
		if err != nil || parseErr != nil {
			continue
		}
		for _, link := range []string{env.Next, env.Resume, env.Resync} {
			if link != "" {
				next = link
			}
		}
		follow(t, c, env, seen)
	}
}

// follow gets what events link to, once each.
func follow(t *testing.T, c *ucwa.Client, env ucwa.Envelope, seen map[string]bool) {
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			if e, err := ucwa.ParseEvent(raw); err == nil && !seen[e.Link.Href] {
				seen[e.Link.Href] = true
				_, _ = c.Fetch(t.Context(), e.Link.Href)
			}
		}
	}
}

// tokenSpy remembers the token.
type tokenSpy struct {
	base  http.RoundTripper
	token string
}

func (s *tokenSpy) RoundTrip(r *http.Request) (*http.Response, error) {
	if v, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		s.token = v
	}
	return s.base.RoundTrip(r)
}

// personal are the texts, names and addresses of a script, whole and in words.
func personal(script []byte) []string {
	var out []string
	for line := range strings.Lines(string(script)) {
		for _, q := range regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).FindAllString(line, -1) {
			s, err := strconv.Unquote(q)
			if err != nil {
				continue
			}
			out = append(out, s)
			out = append(out, strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })...)
		}
		for _, w := range strings.Fields(line) {
			if strings.Contains(w, "@") || strings.HasPrefix(w, "+4") {
				name, _, _ := strings.Cut(w, "@")
				out = append(out, w, name, strings.TrimLeft(w, "+"))
			}
		}
	}
	return out
}

func TestTheWireLogHoldsNothingPersonal(t *testing.T) {
	files, err := fs.Glob(testdata.Scenarios, "scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			script, err := testdata.Scenarios.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			log, token := session(t, file, script)
			if len(token) < 20 || !strings.Contains(log, `"rel":"conversation"`) && !strings.Contains(log, `"rel":"me"`) {
				t.Fatalf("nothing was logged, or the token %q was not seen", token)
			}
			lower, looked := strings.ToLower(log), 0
			words := make(map[string]bool) // whole, since the protocol's hold shorter ones
			for _, w := range strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) }) {
				words[w] = true
			}
			for _, s := range append(personal(script), token, strings.TrimPrefix(token, "cwt="), "correct horse", "correct+horse") {
				const least = 3
				if s = strings.ToLower(s); len(s) < least || strings.Contains(vocabulary, " "+s+" ") {
					continue
				}
				looked++
				isWord := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
				if words[s] || !isWord && (strings.Contains(lower, s) || strings.Contains(lower, strings.Trim(strconv.Quote(s), `"`))) {
					t.Errorf("%q is in the log", s)
				}
			}
			if looked < 5 {
				t.Errorf("only %d things were looked for", looked)
			}
		})
	}
}

// vocabulary are the words of the protocol, and of the log's own, that people
// in the scripts use too or that stand in the scripts' raw answers.
const vocabulary = " message messages conversation href from rel people time self next type sender get link links _links updated " +
	"added deleted the note name title events contact contactpresence code text status service foreign communication sent got cut " +
	"resync presence plain normal local date server photo "

// nasty answers put what must not be logged wherever something may stand.
func TestTheWireLogTrustsNoAnswer(t *testing.T) {
	const c = "Canary-Wren"
	bodies := map[string][2]string{
		"strings":      {"application/json", `{"rel":"` + c + `","state":"` + c + `","x":"` + c + `","subject":"CanaryWren","type":"data:text/plain,CanaryWren","name":["CanaryWren",{"title":"CanaryWren"}]}`},
		"names":        {"application/json", `{"` + c + `":{"canary wren@contoso.example":1},"sip:canarywren@x.example":2}`},
		"links":        {"application/json", `{"_links":{"a":{"href":"data:text/plain,CanaryWren"},"b":{"href":"/people/CanaryWren"},"c":{"href":"/x/sip:CanaryWren@x.example?to=CanaryWren"},"d":{"href":"//CanaryWren@x.example/"},"e":{"href":"mailto:CanaryWren@x.example"},"f":{"href":"https://CanaryWren:x@web.contoso.example/"},"g":[{"href":"/a/Canary%57ren#CanaryWren"}],"h":{"href":"/calls/4930231250421"}}}`},
		"dates":        {"application/json", `{"timeStamp":"CanaryWren","created":"/Date(1521638897041)/ CanaryWren"}`},
		"broken":       {"application/json", `{"a":"CanaryWren","b":CanaryWren}`},
		"two":          {"application/json", `{"a":1} {"b":"CanaryWren"}`},
		"not UTF-8":    {"application/json", "{\"a\":\"CanaryWren\xff\",\"a\":\"CanaryWren\"}"},
		"byte order":   {"application/json", "\ufeff" + `{"a":"CanaryWren"}`},
		"a bare one":   {"application/json", `"CanaryWren"`},
		"HTML":         {"text/html", `<p>CanaryWren`},
		"odd type":     {`text/Canary Wren; x="CanaryWren"`, `{"a":"CanaryWren"}`},
		"type as text": {"CanaryWren said so", `x`},
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, h := range []string{"Warning", "X-Ms-Diagnostics", "X-Ms-Server-Fqdn", "Location", "Retry-After", "WWW-Authenticate", "Set-Cookie", "X-Other", "Content-Language"} {
					w.Header().Set(h, "CanaryWren said, sip:canarywren@x.example")
				}
				w.Header().Add("WWW-Authenticate", `MsRtcOAuth href="/people/CanaryWren",grant_type="Canary Wren,password"`)
				w.Header().Set("Content-Type", body[0])
				w.WriteHeader(403)
				_, _ = io.WriteString(w, body[1])
			}))
			t.Cleanup(srv.Close)
			var log bytes.Buffer
			rt := ucwa.WireLog(&log, nil, nil)
			hc := &http.Client{Transport: rt}
			req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/people/CanaryWren?to=CanaryWren&ack=7", strings.NewReader(`{"text":"CanaryWren","signInAs":"Online"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer CanaryWren")
			req.Header.Set("Content-Type", "application/json")
			resp, err := hc.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || string(got) != body[1] {
				t.Errorf("the reader got %q, %v", got, err)
			}
			ucwa.Written(rt)
			flat := strings.ToLower(strings.NewReplacer(" ", "", "-", "", "+", "").Replace(log.String()))
			for _, word := range []string{"wren", "canary", "4930231250"} { // longer than a port or a time
				if name != "strings" && strings.Contains(flat, word) {
					t.Errorf("%q is in the log: %s", word, log.String())
				}
			}
			if strings.Contains(log.String(), "Wren") {
				t.Errorf("logged: %s", log.String())
			}
			if !strings.Contains(log.String(), `"auth":"Bearer"`) || !strings.Contains(log.String(), `ack=7`) || !strings.Contains(log.String(), `{"text":"‹10›","signInAs":"Online"}`) {
				t.Errorf("the protocol is not in the log: %s", log.String())
			}
			if !json.Valid(log.Bytes()) || bytes.Count(log.Bytes(), []byte("\n")) != 1 {
				t.Errorf("not one line of JSON: %s", log.String())
			}
		})
	}
}

func TestTheWireLogKeepsTheProtocol(t *testing.T) {
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}, "X-Ms-Server-Fqdn": {"fe1.contoso.example"}, "Retry-After": {"17"}},
			Body: io.NopCloser(strings.NewReader(`{"rel":"message","direction":"Incoming","n":[1,true,null],"timeStamp":"/Date(1521638897041)/","threadId":"Ab","_links":{"self":{"href":"/ucwa/oauth/v1/applications/105/communication/conversations/c-1/messaging/messages/5?ack=1&to=x"},"contact":{"href":"https://web.contoso.example/people/bo@contoso.example/photo"}}}`))}, nil
	})
	var log bytes.Buffer
	at := time.Date(2026, 3, 16, 12, 0, 0, 0, time.FixedZone("", 3600))
	now := func() time.Time { at = at.Add(time.Second); return at }
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://web.contoso.example/ucwa/oauth/v1/applications/105/events?ack=7", nil)
	rt := ucwa.WireLog(&log, base, now)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	ucwa.Written(rt)
	const want = `{"time":"2026-03-16T11:00:01.000Z","method":"GET","origin":"https://web.contoso.example","url":"/ucwa/oauth/v1/applications/105/events?ack=7",` +
		`"status":200,"wait_ms":1000,"ms":2000,"headers":{"retry-after":"17","x-ms-server-fqdn":"fe1.contoso.example"},` +
		`"got":{"type":"application/json","size":316,"json":{"rel":"message","direction":"Incoming","n":[1,true,null],"timeStamp":"/Date(1521638897041)/","threadId":"‹2›",` +
		`"_links":{"self":{"href":"/ucwa/oauth/v1/applications/105/communication/conversations/c-1/messaging/messages/5?ack=1&to=‹1›"},"contact":{"href":"https://web.contoso.example/people/‹18›/photo"}}}}}` + "\n"
	if log.String() != want {
		t.Errorf("logged\n%s, want\n%s", log.String(), want)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What arrives is passed on while the rest is still awaited.
func TestTheWireLogHoldsNothingBack(t *testing.T) {
	event := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-event
		_, _ = io.WriteString(w, "second\n")
	}))
	t.Cleanup(srv.Close)
	var log bytes.Buffer
	req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	rt := ucwa.WireLog(&log, nil, nil)
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(resp.Body)
	if s, err := lines.ReadString('\n'); s != "first\n" || err != nil || log.Len() != 0 {
		t.Errorf("%q, %v, logged %q", s, err, log.String())
	}
	close(event)
	rest, err := io.ReadAll(lines)
	_ = resp.Body.Close()
	ucwa.Written(rt)
	if string(rest) != "second\n" || err != nil || !strings.Contains(log.String(), `"size":13`) {
		t.Errorf("%q, %v, logged %q", rest, err, log.String())
	}
}

type brokenWriter struct{ hang chan struct{} }

func (w brokenWriter) Write([]byte) (int, error) {
	if w.hang != nil {
		<-w.hang
	}
	return 0, errors.New("disk full")
}

func TestABrokenLogBreaksNothing(t *testing.T) {
	p := newPool(t)
	p.handle("GET /thing", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, 200, `{}`) })
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for name, w := range map[string]io.Writer{"fails": brokenWriter{}, "hangs": brokenWriter{hang}} {
		cfg := p.config()
		cfg.HTTPClient = &http.Client{Transport: ucwa.WireLog(w, cfg.HTTPClient.Transport, nil)}
		c, err := ucwa.SignIn(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for range 20 {
			if _, err := c.Fetch(t.Context(), "/thing"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A writer that hangs delays one exchange, not each.
func TestAHangingLogIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		rt := ucwa.WireLog(brokenWriter{hang}, roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
		}), nil)
		start := time.Now()
		for range 50 {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1/", nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("50 exchanges were delayed by %s", took)
		}
		close(hang)
		synctest.Wait()
	})
}

func TestTheWireLogIsSafeForConcurrentUse(t *testing.T) {
	var log bytes.Buffer
	rt := ucwa.WireLog(&log, roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/broken" {
			return nil, errRefused
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{}`)), Header: http.Header{"Content-Type": {"application/json"}}}, nil
	}), nil)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			path := []string{"/thing", "/broken"}[i%2]
			req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1"+path, nil)
			if resp, err := rt.RoundTrip(req); err == nil {
				_, _ = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	ucwa.Written(rt)
	lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %q", line)
		}
	}
	if len(lines) != 50 || strings.Count(log.String(), "connection refused") != 25 {
		t.Errorf("%d lines: %s", len(lines), log.String())
	}
}
