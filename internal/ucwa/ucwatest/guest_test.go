package ucwatest_test

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"archiver/internal/ucwa/ucwatest"
)

// guest is a client that knows the root URL and links, and looks at the wire:
// nothing is decoded, followed or asked again behind its back.
type guest struct {
	t            testing.TB
	rt           http.RoundTripper
	root         string
	token        string
	applications string // absolute
	endpoint     string
	app          map[string]any
	next         string
}

// reply is an answer as it came. A status of 0 is a connection that broke
// before it, -1 one that broke inside the body.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// has tells whether the body has this text.
func (r reply) has(text string) bool { return strings.Contains(string(r.body), text) }

func (r reply) json() map[string]any {
	var v map[string]any
	_ = json.Unmarshal(bytes.TrimPrefix(r.body, []byte("\ufeff")), &v) // what is not JSON has no members
	return v
}

func (g *guest) send(method, href, body string, header ...string) reply {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.absolute(href), strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Close = true // net/http asks again by itself on a connection it had before
	if g.token != "" {
		r.Header.Set("Authorization", "Bearer "+g.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := g.rt.RoundTrip(r)
	if err != nil {
		return reply{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{-1, resp.Header, b}
	}
	return reply{resp.StatusCode, resp.Header, b}
}

// absolute resolves a link against where the applications are.
func (g *guest) absolute(href string) string {
	base, err := url.Parse(cmp.Or(g.applications, g.root))
	if err != nil {
		g.t.Fatal(err)
	}
	if strings.HasPrefix(href, "//") { // it would be a host
		return base.Scheme + "://" + base.Host + href
	}
	u, err := base.Parse(href)
	if err != nil {
		g.t.Fatal(err)
	}
	return u.String()
}

var tokenHref = regexp.MustCompile(`MsRtcOAuth href="([^"]+)"`)

// signIn goes from the root to a token by links.
func (g *guest) signIn(user, password string) reply {
	g.t.Helper()
	home := href(g.send("GET", g.root, "").json(), "user")
	challenge := g.send("GET", home, "").header.Values("WWW-Authenticate")
	found := tokenHref.FindStringSubmatch(strings.Join(challenge, ", "))
	if found == nil {
		g.t.Fatalf("challenge %q", challenge)
	}
	got := g.send("POST", found[1], url.Values{"grant_type": {"password"}, "username": {user}, "password": {password}}.Encode(),
		"Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	g.token, _ = got.json()["access_token"].(string)
	g.applications = href(g.send("GET", home, "").json(), "applications")
	return got
}

// create makes an application and reads where its events are.
func (g *guest) create() reply {
	g.t.Helper()
	got := g.send("POST", g.applications, `{"UserAgent":"guest","EndpointId":"`+g.endpoint+`","Culture":"en-US"}`, "Content-Type", "application/json")
	g.app = got.json()
	g.next = href(g.app, "events")
	return got
}

// online makes the application available and takes what it is told first.
func (g *guest) online() *guest {
	g.t.Helper()
	if r := g.send("POST", links(g.app)["makeMeAvailable"], `{"supportedMessageFormats":["Plain","Html"],"supportedModalities":["Messaging"]}`,
		"Content-Type", "application/json"); r.status != http.StatusNoContent {
		g.t.Fatalf("makeMeAvailable: %d %s", r.status, r.body)
	}
	g.app = g.send("GET", href(g.app, "self"), "").json()
	return g
}

// hear asks for the next batch and goes on.
func (g *guest) hear() reply {
	g.t.Helper()
	r := g.send("GET", g.next, "")
	for _, rel := range []string{"next", "resume", "resync"} { // the last one that is there wins
		if h := href(r.json(), rel); h != "" {
			g.next = h
		}
	}
	return r
}

// until hears until a batch has this text.
func (g *guest) until(text string) reply {
	g.t.Helper()
	for range 50 {
		r := g.hear()
		if r.has(text) {
			return r
		}
		if r.status != http.StatusOK {
			g.t.Fatalf("waiting for %s: %d %s", text, r.status, r.body)
		}
	}
	g.t.Fatalf("%s does not come", text)
	return reply{}
}

// visit is a guest at a server of its own, over real connections.
func visit(t *testing.T, script string, options ...ucwatest.Options) (*ucwatest.Server, *guest) {
	t.Helper()
	s := ucwatest.NewServer(parse(t, script), options...)
	t.Cleanup(s.Close)
	return s, arrive(t, s, "ana@contoso.example")
}

// arrive signs somebody in.
func arrive(t *testing.T, s *ucwatest.Server, user string) *guest {
	t.Helper()
	g := &guest{t: t, rt: &http.Transport{DisableCompression: true, DisableKeepAlives: true}, root: s.URL(), endpoint: user}
	g.signIn(user, "pw")
	g.create()
	return g
}

// indoors is a guest in a bubble, in which time passes at once: its requests go
// to the handler itself.
func indoors(t *testing.T, s *ucwatest.Server, user string) *guest {
	t.Helper()
	g := &guest{t: t, rt: handlerTransport{s.Handler()}, root: "http://sim.contoso.example/", endpoint: user}
	g.signIn(user, "pw")
	g.create()
	return g
}

type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil {
			resp, err = nil, errors.New("the connection was closed")
		}
	}()
	w := httptest.NewRecorder()
	c := r.Clone(r.Context())
	c.RequestURI = r.URL.RequestURI()
	if r.URL.Scheme == "https" {
		c.TLS = new(tls.ConnectionState)
	}
	h.ServeHTTP(w, c)
	return w.Result(), nil
}

// house is a test in a bubble.
func house(t *testing.T, script string, opt ucwatest.Options, test func(t *testing.T, s *ucwatest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := ucwatest.New(parse(t, script), opt)
		defer s.Close()
		test(t, s)
	})
}
