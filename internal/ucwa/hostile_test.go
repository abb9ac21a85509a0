package ucwa_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// shapes are links that try to lead elsewhere. H is the host they want to lead
// to, P the server's host and port.
var shapes = []string{
	"http://H/", "https://H/", "HTTP://H/", "hTtPs://H/", "//H/", "///H/", "////H/", `\\H\x`, `\/H/x`, `/\H/x`, `/\/H/x`, `//H\@P/`,
	"http:H/", "http:/H/", "http:///H/", "http:////H/", `http:\\H\`, `http:/\H/`, "http:?H", "https:H", "http:P@H",
	"http://P@H/", "http://P:80@H/", "http://user:pass@H/", "http://@H/", "http://:@H/", "http://P%40H/", "http://P%2f@H/", `http://P\@H/`, `http://H\@P/`,
	"http://H#@P/", "http://H?@P/", "http://H;@P/", "http://H%23@P/", "http://H%00@P/", "http://P.H/", "http://P-H/", "http://PH/", "http://HP/", "http://P,H/", "http://P H/",
	"http://H:80/", "http://H:443/", "http://H:/", "http://H:0/", "http://H:99999/", "http://H:-1/", "http://H:8o/", "http://H.:80/", "http://H./", "http://.H/", "http://H../",
	"\thttp://H/", " http://H/", "\nhttp://H/", "\rhttp://H/", "\x00http://H/", "\u00a0http://H/", "ht\ttp://H/", "ht\ntp://H/", "http\t://H/", "http:/\t/H/", "http://\tH/", "http://H\t/", "http://H\r\nX-Evil: 1/",
	"\ufeffhttp://H/", "http://H/\x00", "http://H/%00", "http://H/\xff", "://H", ":H", "H", "H/", "/H", "?http://H/", "#http://H/", "/http://H/", "/x/../../http://H/", "/..//H/", "/.//H/", "//./H/", "//../H/", "/%2f/H/", "/%2f%2fH/", "%2f%2fH/", "/%5cH/", "%5c%5cH", "/;//H/", "/x//H/",
	"ws://H/", "wss://H/", "ftp://H/", "file://H/etc/passwd", "file:///etc/passwd", "gopher://H/", "ldap://H/", "jar:http://H/!/", "view-source:http://H/", "blob:http://H/", "unix://H/", "http+unix://H/", "httpx://H/", "xhttp://H/", "http s://H/",
	"javascript:fetch('//H/')", "javascript://H/%0aalert(1)", "data:text/html,<script src=//H>", "data:text/plain;base64,SA==", "mailto:x@H", "sip:x@H", "tel:+4930", "about:blank", "urn:x:H", "vbscript:H",
	"http://[H]/", "http://[::1]/", "http://[::ffff:H]/", "http://[fe80::1%25en0]/", "http://[::1", "http://::1/", "http://[::1]H/", "http://[v1.H]/",
	"http://Ｈ.example/", "http://evil。example/", "http://evil．example/", "http://ⓔvil.example/", "http://еvil.example/", "http://xn--vil-7zc.example/", "http://e\u00advil.example/", "http://evil\u200b.example/", "http://evil.example\u2044P/", "http://P\u2044@H/", "http://P／H/", "http://P？H/", "http://P＃H/", "http://P＠H/", "http://P\uff1aH/", "http://١٢٧.0.0.1/", "http://127。0。0。1:1/",
	"http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.0.0.1.H/", "http://127.0.0.1:1/", "http://127.0.0.2/", "http://0/", "http://0.0.0.0/", "http://localhost/", "http://LOCALHOST:1/", "http://127.0.0.1%2eH/", "http://127.0.0.1%23.H/", "http://%31%32%37.0.0.1:1/", "http://H%2f/", "http://%48/", "http://%/", "http://%%31/", "http://H%/",
	"http://" + strings.Repeat("a", 10_000) + ".H/", "http://" + strings.Repeat("a.", 10_000) + "H/", "http://H/" + strings.Repeat("a", 70_000), "//" + strings.Repeat("H.", 20_000), strings.Repeat("/", 50_000) + "H", strings.Repeat("../", 10_000) + "/H", strings.Repeat("%2f", 50_000) + "H",
	"http://H/?x=http://P/", "http://H/#http://P/", "https://H:443/ucwa/oauth/v1/applications", "http://H//ucwa", "//H:80", "//H?", "//H#", "//H;P/", "//P@H/", "//P:x@H/", `//P\@H/`, "//H\\/", "/ //H/", "/\t//H/", "\t//H/", "\n//H/", "/\n/H/", "/\r\n/H/", "//H%2f@P/", "//H%5c@P/", "//P%00.H/", "//P%20.H/",
	"HTTP:\\\\H/", "HTTPS:H/", "http:\x00//H/", "http:%2f%2fH/", "http%3a//H/", "http&colon;//H/", "h\u0074tp://H/", "ＨＴＴＰ://H/", "http\u2236//H/", "http:\u2215\u2215H/", "\u2028http://H/", "\u202ehttp://H/", "http://\u202eH/", "http://H\u3002/", "http://*/", "http://*.H/", "http://_H/", "http://-H/", "http://H-/", "http://(H)/", "http://H'/", "http://H`/", "http://H|/", "http://{H}/", "http://<H>/", "http://H^/",
	"", " ", ".", "..", "?", "#", "/", "//", "///", ":", "@", "http:", "http:/", "http://", "https://", "http://@", "http://:", "http://:80", "http://?", "http://#", "http:// /", "http://\\/", "\\", "\\\\", "//@", "//:", "//?", "%", "%zz", "%00", "\x00", "\x7f", "\xff\xfe",
}

// hostileHrefs are the shapes, each for one of the hosts that are not the
// server's: another, another port of the server's, and other names of it. Which
// it is changes with turn.
func hostileHrefs(server string, turn int) []string {
	_, port, _ := net.SplitHostPort(server)
	hosts := []string{"evil.example", "127.0.0.1:1", "localhost:" + port, "[::1]:" + port}
	out := make([]string, len(shapes))
	for i, s := range shapes {
		out[i] = strings.NewReplacer("H", hosts[(i+turn)%len(hosts)], "P", server).Replace(s)
	}
	return out
}

// border counts the connections that anybody tries to make to elsewhere.
type border struct {
	server string

	mu      sync.Mutex
	crossed []string
}

func (b *border) transport() *http.Transport {
	return &http.Transport{DisableCompression: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != b.server {
			b.mu.Lock()
			b.crossed = append(b.crossed, address)
			b.mu.Unlock()
			return nil, errRefused
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

// trap is a server that puts a hostile link wherever one may stand: place says
// where, href what.
type trap struct {
	*httptest.Server
	mu          sync.Mutex
	place, href string
	secrets     int // requests that carried the password or the token
}

func (s *trap) set(place, href string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place, s.href = place, href
}

// link is the hostile one at its place, else the right one.
func (s *trap) link(place, right string) string {
	if s.place == place {
		return s.href
	}
	return right
}

func (s *trap) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" || r.FormValue("password") != "" {
		s.secrets++
	}
	where := map[string]string{"/": "root", "/user": "user", "/token": "token"}[r.URL.Path]
	if r.Header.Get("Authorization") != "" && where == "user" {
		where = "home"
	}
	var status int
	if _, err := fmt.Sscanf(s.place, where+" location %d", &status); err == nil && where != "" {
		w.Header()["Location"] = []string{strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s.href)}
		w.WriteHeader(status)
		return
	}
	links := func(pairs ...string) {
		var members []string
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "absent" {
				members = append(members, quoted(pairs[i])+`:{"href":`+quoted(pairs[i+1])+`}`)
			}
		}
		writeJSON(w, 200, `{"_links":{`+strings.Join(members, ",")+`}}`)
	}
	switch where {
	case "root":
		links("user", s.link("user", "/user"), "redirect", s.link("redirect", "absent"))
	case "home":
		links("applications", s.link("applications", "/applications"), "redirect", s.link("home", "absent"))
	case "token":
		writeJSON(w, 200, `{"access_token":"cwt=canary-token","expires_in":28800}`)
	case "user":
		href := strings.NewReplacer("\r", "", "\n", "", "\x00", "", `\`, `\\`, `"`, `\"`).Replace(s.link("challenge", "/token"))
		w.Header()["Www-Authenticate"] = []string{`MsRtcOAuth href="` + href + `",grant_type="password"`}
		w.WriteHeader(401)
	default:
		s.application(w, r)
	}
}

// application answers what is asked with the token.
func (s *trap) application(w http.ResponseWriter, r *http.Request) {
	var status int
	if _, err := fmt.Sscanf(s.place, "answer location %d", &status); err == nil {
		w.Header()["Location"] = []string{strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s.href)}
		w.WriteHeader(status)
		return
	}
	w.Header()["Location"] = []string{"http://evil.example/", "http://127.0.0.1:1/"} // beside 200 it means nothing
	href := func(place, right string) string { return `{"href":` + quoted(s.link(place, right)) + `}` }
	writeJSON(w, 200, `{"rel":"application","_links":{"self":`+href("self", "/app")+`,"events":`+href("events", "/events")+
		`,"next":`+href("next", "/next")+`,"resume":`+href("resume", "/next")+`,"resync":`+href("resync", "/next")+`},
		"_embedded":{"me":{"_links":{"makeMeAvailable":`+href("make", "/make")+`,"reportMyActivity":`+href("report", "/report")+`}}},
		"sender":[{"rel":"communication","href":"/c","events":[{"type":"started","link":`+href("event", "/i")+`,"in":`+href("event", "/i")+`,
		"_embedded":{"messagingInvitation":{"_links":{"accept":`+href("accept", "/accept")+`}}}}]}]}`)
}

func newTrap(t *testing.T) (*trap, *border, ucwa.Config) {
	s := &trap{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	b := &border{server: strings.TrimPrefix(s.URL, "http://")}
	tr := b.transport()
	t.Cleanup(tr.CloseIdleConnections)
	return s, b, ucwa.Config{RootURL: s.URL + "/", Username: `CONTOSO\ana`, HTTPClient: &http.Client{Transport: tr}}
}

// useEverything does with a client all that a link can lead to.
func useEverything(ctx context.Context, c *ucwa.Client) {
	app, err := c.CreateApplication(ctx, "5f0c")
	if err == nil {
		_ = c.MakeAvailable(ctx, app, ucwa.Availability{})
		_ = c.ReportActivity(ctx, app)
		if events, err := ucwa.WithParameters(app.EventsURL); err == nil {
			_, _ = c.Poll(ctx, events)
		}
		_ = c.DeleteApplication(ctx, app.URL)
	}
	r, err := c.Poll(ctx, "/events")
	if err != nil {
		return
	}
	env, err := ucwa.ParseEnvelope(r.Body)
	if err != nil {
		return
	}
	for _, href := range []string{env.Next, env.Resume, env.Resync} {
		_, _ = c.Poll(ctx, href)
	}
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			e, _ := ucwa.ParseEvent(raw)
			_, _ = c.Fetch(ctx, e.Link.Href)
			_, _ = c.Application(ctx, e.In.Href)
			var i ucwa.Invitation
			_ = ucwa.Parse(e.Embedded, &i)
			_ = c.Accept(ctx, i.Links.Href("accept"))
			_ = c.AddMessaging(ctx, i.Links.Href("accept"))
		}
	}
}

func TestNoLinkTakesTheTokenElsewhere(t *testing.T) {
	before := []string{"user", "redirect", "challenge", "home", "applications", "root location 302", "root location 307", "user location 301", "home location 302", "home location 308"}
	after := []string{"self", "events", "make", "report", "next", "resume", "resync", "event", "accept"}
	s, b, cfg := newTrap(t)
	if len(shapes) < 200 {
		t.Fatalf("only %d shapes", len(shapes))
	}
	check := func(place, href string) {
		if len(b.crossed) > 0 {
			t.Fatalf("%s %.200q: connected to %.200q", place, href, b.crossed)
		}
	}
	for turn, place := range before {
		for _, href := range hostileHrefs(b.server, turn) {
			s.set(place, href)
			cfg.Password = ucwa.NewSecret(password)
			c, err := ucwa.SignIn(t.Context(), cfg)
			if err == nil && c.Origin() != s.URL {
				t.Errorf("%s %.200q: signed in at %.200s", place, href, c.Origin())
			}
			check(place, href)
		}
	}
	s.set("", "")
	c, err := ucwa.SignIn(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for turn, place := range after {
		for _, href := range hostileHrefs(b.server, turn) {
			s.set(place, href)
			useEverything(t.Context(), c)
			check(place, href)
		}
	}
	if s.secrets < len(shapes) {
		t.Errorf("only %d requests carried a secret at all", s.secrets)
	}
}

// After signing in nobody is sent on, wherever to.
func TestRedirectsAfterSigningInAreRefused(t *testing.T) {
	s, b, cfg := newTrap(t)
	cfg.Password = ucwa.NewSecret(password)
	c, err := ucwa.SignIn(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for status := 300; status <= 308; status++ {
		for _, href := range append(hostileHrefs(b.server, status)[:40], "/next", s.URL+"/next") {
			s.set(fmt.Sprintf("answer location %d", status), href)
			_, polled := c.Poll(t.Context(), "/events")
			_, fetched := c.Fetch(t.Context(), "/thing")
			_, created := c.CreateApplication(t.Context(), "5f0c")
			for _, err := range []error{polled, fetched, created, c.Accept(t.Context(), "/accept"), c.DeleteApplication(t.Context(), "/app")} {
				if !errors.Is(err, archive.ErrUnavailable) {
					t.Fatalf("%d to %.100q: %v", status, href, err)
				}
			}
		}
	}
	if len(b.crossed) > 0 {
		t.Errorf("connected to %q", b.crossed)
	}
}

// A link that resolves does so at the server, in the way the HTTP library takes
// it too.
func FuzzResolve(f *testing.F) {
	for turn := range 4 {
		for _, href := range hostileHrefs("web.contoso.example", turn) {
			if len(href) < 1000 {
				f.Add(href)
			}
		}
	}
	c := ucwa.SignedInAt("https://web.contoso.example/applications")
	f.Fuzz(func(t *testing.T, href string) {
		at, err := c.Resolve(href)
		if err != nil {
			if at != "" || !errors.Is(err, archive.ErrInvalid) {
				t.Fatalf("%q: %q, %v", href, at, err)
			}
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			return // such a link fails before it is sent
		}
		if req.URL.Scheme != "https" || !strings.EqualFold(req.URL.Host, "web.contoso.example") && !strings.EqualFold(req.URL.Host, "web.contoso.example:443") || req.URL.User != nil {
			t.Fatalf("%q leads to %s", href, req.URL)
		}
		if again, err := c.Resolve(at); err != nil || again != at {
			t.Fatalf("%q became %q, then %q, %v", href, at, again, err)
		}
	})
}
