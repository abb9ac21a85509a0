package ucwatest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

func parse(t testing.TB, script string) *ucwatest.Scenario {
	t.Helper()
	sc, err := ucwatest.ParseScenario("test", []byte("A test.\n-- script --\naccount ana@contoso.example \"Ana Ruiz\" password=pw\nperson bo bo@contoso.example \"Bo\"\n"+script))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// client is a UCWA client of the simplest sort: it knows links and nothing of
// this program.
type client struct {
	t     *testing.T
	base  string
	token string
	app   string
}

// call makes a request and decodes the answer.
func (c *client) call(method, href, body string) (int, map[string]any) {
	c.t.Helper()
	status, raw := c.raw(method, href, body)
	var v map[string]any
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if status > 0 && len(raw) > 0 && raw[0] == '{' {
		if err := json.Unmarshal(raw, &v); err != nil {
			c.t.Fatalf("%s %s: %v", method, href, err)
		}
	}
	return status, v
}

func (c *client) raw(method, href, body string) (int, []byte) {
	c.t.Helper()
	if strings.HasPrefix(href, "/") {
		href = strings.TrimSuffix(c.base, "/") + href
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, href, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return 0, nil
	}
	req.Close = true // net/http asks again by itself on a connection it had before
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if strings.HasPrefix(body, "grant_type") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1, b
	}
	return resp.StatusCode, b
}

func href(v map[string]any, rel string) string {
	links, _ := v["_links"].(map[string]any)
	link, _ := links[rel].(map[string]any)
	s, _ := link["href"].(string)
	return s
}

// signIn goes the way from the root URL to an available application.
func signIn(t *testing.T, s *ucwatest.Server) (*client, string) {
	t.Helper()
	c := &client{t: t, base: s.URL()}
	_, root := c.call("GET", s.URL(), "")
	user := href(root, "user")
	if status, _ := c.call("GET", user, ""); status != http.StatusUnauthorized {
		t.Fatalf("user without a token: %d", status)
	}
	grant := "grant_type=password&username=ana%40contoso.example&password="
	if status, v := c.call("POST", "/WebTicket/oauthtoken", grant+"wrong"); status != 400 || v["error"] != "invalid_grant" {
		t.Fatalf("a wrong password: %d %v", status, v)
	}
	_, token := c.call("POST", "/WebTicket/oauthtoken", grant+"pw")
	c.token, _ = token["access_token"].(string)
	if !strings.HasPrefix(c.token, "cwt=") {
		t.Fatalf("token %v", token)
	}
	_, home := c.call("GET", user, "")
	return c, c.create(href(home, "applications"))
}

func (c *client) create(applications string) string {
	c.t.Helper()
	status, app := c.call("POST", applications, `{"UserAgent":"test","endpointid":"e1","Culture":"en-US"}`)
	if status != http.StatusCreated {
		c.t.Fatalf("create application: %d", status)
	}
	c.app = href(app, "self")
	me, _ := app["_embedded"].(map[string]any)["me"].(map[string]any)
	if available := href(me, "makeMeAvailable"); available != "" {
		if status, _ := c.call("POST", available, "{}"); status != http.StatusNoContent {
			c.t.Fatalf("make available: %d", status)
		}
	}
	return href(app, "events")
}

func TestSignInAndFollow(t *testing.T) {
	s := ucwatest.NewServer(parse(t, "at 2026-03-02T09:00:00Z\npresence\ninvite k bo \"Hi + 100%\"\ndecline k\n"), ucwatest.Options{Hold: 50 * time.Millisecond})
	defer s.Close()
	c, events := signIn(t, s)
	next, seen := events, ""
	for range 5 {
		_, raw := c.raw("GET", next, "")
		_, again := c.raw("GET", next, "")
		if string(raw) != string(again) {
			t.Fatalf("the same ack was answered differently:\n%s\n%s", raw, again)
		}
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		next, seen = href(v, "next"), seen+string(raw)
	}
	for _, want := range []string{`"subcode":"Declined"`, `Hi+%2b+100%25`, `"rel":"localParticipant"`, `"threadId":"`} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %s in what was sent", want)
		}
	}
	select {
	case <-s.Drained():
		t.Error("drained before the last batch was acknowledged")
	default:
	}
	c.raw("GET", next, "")
	<-s.Drained()
	if n := len(s.Acked()); n != 5 {
		t.Errorf("%d batches acknowledged, want 5", n)
	}
	if _, v := c.call("GET", strings.Replace(next, "ack=6", "ack=2", 1), ""); href(v, "resync") == "" {
		t.Errorf("a wrong ack: %v", v)
	}
}

func TestFaults(t *testing.T) {
	s := ucwatest.NewServer(parse(t, "at 2026-03-02T09:00:00Z\nempty\nstatus 503\ngone 3h\ndrop\nempty\n"), ucwatest.Options{Hold: 50 * time.Millisecond})
	defer s.Close()
	c, events := signIn(t, s)
	_, v := c.call("GET", events, "")
	next := href(v, "next")
	if status, _ := c.call("GET", next, ""); status != http.StatusServiceUnavailable {
		t.Errorf("status 503 gave %d", status)
	}
	before := s.Now()
	if status, v := c.call("GET", next, ""); status != http.StatusNotFound || v["subcode"] != "ApplicationNotFound" {
		t.Errorf("gone gave %d %v", status, v)
	}
	if d := s.Now().Sub(before); d < 3*time.Hour || d > 3*time.Hour+time.Minute {
		t.Errorf("the clock moved by %s, want 3h", d)
	}
	old := c.app
	events = c.create("/ucwa/oauth/v1/applications")
	if c.app == old || !strings.HasSuffix(events, "ack=1") {
		t.Errorf("after it was gone the application is %s with %s", c.app, events)
	}
	if status, _ := c.raw("GET", events, ""); status != -1 {
		t.Errorf("drop gave %d, want a body that breaks off", status)
	}
	if status, _ := c.call("GET", events, ""); status != http.StatusOK {
		t.Errorf("after the drop: %d", status)
	}
}

func TestTwoPolls(t *testing.T) {
	s := ucwatest.NewServer(parse(t, "live\nafter 1h\nempty\n"))
	defer s.Close()
	c, events := signIn(t, s)
	first := make(chan int)
	go func() {
		status, _ := c.raw("GET", events, "")
		first <- status
	}()
	for { // the second one comes when the first is parked
		if r := s.Requests(); strings.HasSuffix(r[len(r)-1], "/events") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	go c.raw("GET", events, "")
	if status := <-first; status != http.StatusConflict {
		t.Errorf("the older of two polls got %d, want 409", status)
	}
}

func TestScriptErrors(t *testing.T) {
	for script, want := range map[string]string{
		"nonsense":            "test:5: there is no step",
		"at yesterday":        "test:5: at:",
		"say k bo \"Hi\"":     `test:5: say: there is no conversation "k"`,
		"invite k zoe \"Hi\"": `nobody is called "zoe"`,
		"invite k bo":         "invite takes: CONV WHO TEXT",
		"invite k bo \"Hi":    "a quote is not closed",
		"raw none.json":       "no file",
		"status nonsense":     "neither a duration nor a status",
	} {
		_, err := ucwatest.ParseScenario("test", []byte("A test.\n-- script --\naccount ana@contoso.example Ana\nperson bo bo@contoso.example Bo\n"+script+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

// Every scenario of the corpus parses, says what it shows, and plays to its end
// for a client that only follows links.
func TestCorpus(t *testing.T) {
	files, err := testdata.Scenarios.ReadDir("scenarios")
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			data, err := testdata.Scenarios.ReadFile("scenarios/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			sc, err := ucwatest.ParseScenario(f.Name(), data)
			if err != nil {
				t.Fatal(err)
			}
			if len(sc.About) < 40 {
				t.Errorf("it does not say what it shows: %q", sc.About)
			}
			play(t, sc)
		})
	}
}

// play follows links to the end of the history.
func play(t *testing.T, sc *ucwatest.Scenario) {
	t.Helper()
	s := ucwatest.NewServer(sc, ucwatest.Options{Hold: 20 * time.Millisecond})
	defer s.Close()
	c := &client{t: t, base: s.URL()}
	_, token := c.call("POST", "/WebTicket/oauthtoken", url.Values{"grant_type": {"password"},
		"username": {strings.TrimPrefix(sc.Account.URI, "sip:")}, "password": {sc.Password}}.Encode()+"&charset=utf-8")
	if token["access_token"] == nil {
		_, token = c.call("POST", "/WebTicket/oauthtoken", "grant_type=password&username="+url.QueryEscape(strings.TrimPrefix(sc.Account.URI, "sip:"))+"&password="+url.QueryEscape(sc.Password))
	}
	c.token, _ = token["access_token"].(string)
	next := c.create("/ucwa/oauth/v1/applications")
	for range 10_000 {
		select {
		case <-s.Drained():
			return
		default:
		}
		status, raw := c.raw("GET", next, "")
		var v map[string]any // stays empty when it is not JSON: then it is asked for again
		_ = json.Unmarshal(bytes.TrimPrefix(raw, []byte("\ufeff")), &v)
		if status <= 0 {
			time.Sleep(10 * time.Millisecond) // the server is down for a while
		}
		switch {
		case status == http.StatusNotFound:
			next = c.create("/ucwa/oauth/v1/applications")
		case status == http.StatusOK:
			for _, rel := range []string{"next", "resume", "resync"} {
				if h := href(v, rel); h != "" {
					next = h
				}
			}
		}
	}
	t.Error("the history did not end")
}
