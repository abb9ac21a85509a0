package ucwatest_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"archiver/internal/ucwa/ucwatest"
)

func requestPoints() []point {
	return []point{
		{"1 two slashes without a redirect", slashes},
		{"2 gzip where it is allowed", gzipped},
		{"3 HEAD on the user resource", headUser},
		{"3 absolute form, no body, keep-alive and close", onTheWire},
		{"4 content types", contentTypes},
		{"5 links lead to where the request came, on http and https", sameOrigin},
	}
}

func slashes(t *testing.T) {
	_, g := visit(t, "")
	at := href(g.app, "self")
	if r := g.send("GET", "/"+at, ""); r.status != 200 || string(r.body) != string(g.send("GET", at, "").body) {
		t.Errorf("GET /%s: %d %s", at, r.status, r.header)
	}
}

func gzipped(t *testing.T) {
	_, g := visit(t, "")
	at := href(g.app, "self")
	plain := g.send("GET", at, "", "Accept-Encoding", "identity")
	if plain.header.Get("Content-Encoding") != "" || !plain.has(`"rel":"application"`) {
		t.Errorf("identity: %v", plain.header)
	}
	packed := g.send("GET", at, "", "Accept-Encoding", "gzip, deflate")
	z, err := gzip.NewReader(strings.NewReader(string(packed.body)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != string(plain.body) || packed.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("gzip: %v %s", err, b)
	}
}

func headUser(t *testing.T) {
	s, g := visit(t, "")
	user := href(g.send("GET", s.URL(), "").json(), "user")
	if r := g.send("HEAD", user, ""); r.status != 200 || len(r.body) > 0 || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		t.Errorf("HEAD with a token: %d %v", r.status, r.header)
	}
	g.token = ""
	if r := g.send("HEAD", user, ""); r.status != 401 || len(r.body) > 0 || len(r.header.Values("WWW-Authenticate")) == 0 {
		t.Errorf("HEAD without one: %d %v", r.status, r.header)
	}
}

// onTheWire speaks for itself.
func onTheWire(t *testing.T) {
	s, g := visit(t, "")
	g.online()
	c := dial(t, s)
	answers := bufio.NewReader(c)
	say := func(request string) *http.Response {
		t.Helper()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Error(err)
		}
		return resp
	}
	if r := say("GET http://lyncdiscover.contoso.example/ HTTP/1.1\r\nHost: lyncdiscover.contoso.example\r\n\r\n"); r.StatusCode != 200 || r.Close {
		t.Errorf("an absolute-form request: %s", r.Status)
	}
	activity := links(g.app)["reportMyActivity"]
	if r := say("POST " + activity + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + g.token + "\r\nContent-Length: 0\r\n\r\n"); r.StatusCode != 204 || r.Close {
		t.Errorf("a POST of nothing on the same connection: %s", r.Status)
	}
	if r := say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); r.StatusCode != 200 || !r.Close {
		t.Errorf("the last request: %s, close %v", r.Status, r.Close)
	}
	if _, err := answers.ReadByte(); err != io.EOF {
		t.Errorf("after close: %v", err)
	}
}

func dial(t *testing.T, s *ucwatest.Server) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func contentTypes(t *testing.T) {
	_, g := visit(t, "at 2026-03-02T09:00:00Z\nempty\n")
	g.online()
	for accept, want := range map[string]string{
		"":                 "application/json; charset=utf-8",
		"*/*":              "application/json; charset=utf-8",
		"application/json": "application/json; charset=utf-8",
		"application/vnd.microsoft.com.ucwa+json": "application/vnd.microsoft.com.ucwa+json; charset=utf-8",
	} {
		for _, at := range []string{g.root, href(g.app, "self"), g.next, links(g.app)["communication"], "/ucwa/oauth/v1/applications/0"} {
			if r := g.send("GET", at, "", "Accept", accept); r.header.Get("Content-Type") != want && accept != "" {
				t.Errorf("GET %s as %q: %s", at, accept, r.header.Get("Content-Type"))
			}
		}
	}
}

// sameOrigin reaches hosts by their names, as through a proxy or a hosts file.
func sameOrigin(t *testing.T) {
	ln, authority := serve(t, ucwatest.New(parse(t, "")))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.PEM())
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, ln.Addr().String())
		}}
	for _, origin := range []string{"http://lyncdiscover.contoso.example", "https://lyncdiscover.contoso.example:8443"} {
		g := &guest{t: t, rt: transport, root: origin + "/", endpoint: "e"}
		all := []map[string]any{g.send("GET", g.root, "").json()}
		challenge := g.send("GET", href(all[0], "user"), "").header.Values("WWW-Authenticate")
		if want := fmt.Sprintf(`href="%s/WebTicket/oauthtoken"`, origin); !strings.Contains(strings.Join(challenge, ","), want) {
			t.Errorf("challenge %q, want %s", challenge, want)
		}
		g.signIn("ana@contoso.example", "pw")
		all = append(all, g.send("GET", href(all[0], "user"), "").json())
		for _, v := range all {
			for rel, at := range links(v) {
				if !strings.HasPrefix(at, origin+"/") {
					t.Errorf("%s is %s, want %s", rel, at, origin)
				}
			}
		}
		if r := g.create(); r.status != 201 {
			t.Errorf("create at %s: %d", g.applications, r.status)
		}
	}
}

// serve lets a server listen for http and https at once.
func serve(t *testing.T, s *ucwatest.Server) (net.Listener, *ucwatest.Authority) {
	t.Helper()
	authority, err := ucwatest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln, authority) }()
	t.Cleanup(func() {
		_ = ln.Close()
		<-served
		s.Close()
	})
	return ln, authority
}
