package ucwa_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// network is a world of hosts, by scheme and host. A host that is not in it
// refuses the connection, as does one without a handler.
type network struct {
	hosts map[string]http.HandlerFunc

	mu    sync.Mutex
	asked []string // scheme and host of every request, and "+secret" with one that carried any
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	where := r.URL.Scheme + "://" + strings.TrimSuffix(strings.ToLower(r.URL.Host), ":443")
	n.mu.Lock()
	asked := where
	if r.Header.Get("Authorization") != "" || len(body) > 0 || strings.Contains(r.URL.RawQuery, "canary") {
		asked += " +secret"
	}
	n.asked = append(n.asked, asked)
	n.mu.Unlock()
	h := n.hosts[where]
	if h == nil {
		return nil, errRefused
	}
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	h(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// The hosts of the invented organisation.
const (
	internalTLS   = "https://lyncdiscoverinternal.contoso.example"
	internalPlain = "http://lyncdiscoverinternal.contoso.example"
	externalTLS   = "https://lyncdiscover.contoso.example"
	externalPlain = "http://lyncdiscover.contoso.example"
	web           = "https://web.contoso.example"
)

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, body) }
}

func linksTo(rel, href string) http.HandlerFunc {
	return says(`{"_links":{"` + rel + `":{"href":"` + href + `"}}}`)
}

func sendsTo(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// pool answers at web as a front end does: root, user, token.
func webPool(grants string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-MS-Server-Fqdn", "fe1.contoso.example")
		switch {
		case r.URL.Path == "/root":
			writeJSON(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
		case r.URL.Path == "/token" && r.FormValue("password") == password:
			writeJSON(w, 200, `{"access_token":"cwt=canary-token","expires_in":28800}`)
		case r.URL.Path == "/user" && r.Header.Get("Authorization") == "Bearer cwt=canary-token":
			writeJSON(w, 200, `{"_links":{"applications":{"href":"/applications"}}}`)
		default:
			w.Header().Add("WWW-Authenticate", `Bearer trusted_issuers="x"`)
			w.Header().Add("WWW-Authenticate", `MsRtcOAuth href="/token",grant_type="`+grants+`"`)
			w.WriteHeader(401)
		}
	}
}

func TestRootsAreAskedInTheirOrder(t *testing.T) {
	found := linksTo("user", web+"/user")
	tests := []struct {
		name  string
		hosts map[string]http.HandlerFunc
		root  string // "" when nothing is found
		asked []string
	}{
		{"internal first", map[string]http.HandlerFunc{internalTLS: found, externalTLS: http.NotFound},
			internalTLS + "/", []string{internalTLS, web}},
		{"internal over http", map[string]http.HandlerFunc{internalPlain: linksTo("redirect", web+"/root")},
			web + "/root", []string{internalTLS, internalPlain, web, web}},
		{"internal over http, by its own link", map[string]http.HandlerFunc{internalPlain: says(
			`{"_links":{"self":{"href":"` + web + `/root"},"user":{"href":"` + internalPlain + `/user"}}}`)},
			web + "/root", []string{internalTLS, internalPlain, web, web}},
		{"internal says 404", map[string]http.HandlerFunc{internalTLS: http.NotFound, internalPlain: http.NotFound, externalTLS: found},
			externalTLS + "/", []string{internalTLS, internalPlain, externalTLS, web}},
		{"internal redirects out of the domain", map[string]http.HandlerFunc{
			internalTLS: sendsTo("https://portal.fabrikam.example/"), internalPlain: linksTo("redirect", "https://portal.fabrikam.example/"),
			externalTLS: found}, externalTLS + "/", []string{internalTLS, internalPlain, externalTLS, web}},
		{"a guest network's page", map[string]http.HandlerFunc{
			internalPlain: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>welcome")) },
			externalPlain: sendsTo(web + "/root")},
			web + "/root", []string{internalTLS, internalPlain, externalTLS, externalPlain, web, web}},
		{"http gives nothing but a link to https", map[string]http.HandlerFunc{
			internalPlain: linksTo("redirect", "http://web.contoso.example/root"), externalPlain: linksTo("user", externalPlain+"/user")},
			"", []string{internalTLS, internalPlain, externalTLS, externalPlain}},
		{"nothing anywhere", nil, "", []string{internalTLS, internalPlain, externalTLS, externalPlain}},
		{"one root leads to another that is down", map[string]http.HandlerFunc{internalPlain: linksTo("redirect", externalTLS+"/")},
			"", []string{internalTLS, internalPlain, externalTLS, externalTLS, externalPlain}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := &network{hosts: map[string]http.HandlerFunc{web: webPool("password,urn:microsoft.rtc:windows")}}
			for host, h := range tt.hosts {
				n.hosts[host] = h
			}
			got, err := ucwa.Discover(t.Context(), ucwa.Config{Address: "sip:Ana@Contoso.example",
				Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: n}})
			if (err == nil) != (tt.root != "") {
				t.Fatalf("error %v", err)
			}
			wrong := strings.HasPrefix(tt.name, "http gives nothing")
			if err != nil && (errors.Is(err, archive.ErrInvalid) != wrong || errors.Is(err, archive.ErrUnavailable) == wrong) {
				t.Errorf("error %v", err)
			}
			want := ucwa.Discovery{}
			if tt.root != "" {
				want = ucwa.Discovery{RootURL: tt.root, UserURL: web + "/user", TokenURL: web + "/token",
					Grants: []string{"password", "urn:microsoft.rtc:windows"}, Server: "fe1.contoso.example"}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.asked, n.asked); d != "" { // no request carried anything either
				t.Error(d)
			}
		})
	}
}

func TestSignInByAddress(t *testing.T) {
	n := &network{hosts: map[string]http.HandlerFunc{externalPlain: linksTo("redirect", web+"/root"), web: webPool("password")}}
	c, err := ucwa.SignIn(t.Context(), ucwa.Config{Address: "sip:" + username, Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: n}})
	if err != nil || c.Origin() != web {
		t.Fatalf("%v", err)
	}
	want := []string{internalTLS, internalPlain, externalTLS, externalPlain, web, web, web + " +secret", web + " +secret"}
	if d := cmp.Diff(want, n.asked); d != "" {
		t.Error(d)
	}
}

func TestAHostIsApprovedByTheOperator(t *testing.T) {
	const elsewhere = "https://pool.fabrikam.example"
	for name, hosts := range map[string]map[string]http.HandlerFunc{
		"root":     {externalTLS: linksTo("redirect", elsewhere+"/root")},
		"location": {externalTLS: sendsTo("HTTPS://POOL.fabrikam.example:443/root")},
		"user":     {externalTLS: linksTo("user", elsewhere+"/user")},
		"token": {externalTLS: linksTo("user", web+"/user"), web: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `MsRtcOAuth href="`+elsewhere+`/token",grant_type="password"`)
			w.WriteHeader(401)
		}},
		"internal only": {internalTLS: linksTo("redirect", elsewhere+"/root")},
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{hosts: hosts}
			n.hosts[elsewhere] = webPool("password")
			cfg := ucwa.Config{Address: username, Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: n}}
			_, err := ucwa.SignIn(t.Context(), cfg)
			var unapproved *ucwa.UnapprovedHostError
			if !errors.As(err, &unapproved) || unapproved.Host != "pool.fabrikam.example" || !errors.Is(err, archive.ErrInvalid) {
				t.Fatalf("error %v", err)
			}
			if slices.Contains(n.asked, elsewhere) {
				t.Error("the host was asked before anybody approved it")
			}
			cfg.Hosts = []string{unapproved.Host}
			if _, err := ucwa.Discover(t.Context(), cfg); err != nil {
				t.Errorf("approved: %v", err)
			}
		})
	}
}

func TestNothingToArchiveOrNoWayIn(t *testing.T) {
	challenge := func(lines ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Www-Authenticate"] = lines
			w.WriteHeader(401)
		}
	}
	modern := `Bearer authorization_uri="https://login.fabrikam.example/common/oauth2/authorize",client_id="x"`
	user := linksTo("user", web+"/user")
	for _, tt := range []struct {
		name  string
		hosts map[string]http.HandlerFunc
		want  error
	}{
		{"online, by link", map[string]http.HandlerFunc{externalTLS: linksTo("redirect", "https://webdir1e.online.lync.com/root")}, ucwa.ErrHomedOnline},
		{"online, by location", map[string]http.HandlerFunc{internalPlain: sendsTo("https://lyncdiscover.lync.com/")}, ucwa.ErrHomedOnline},
		{"modern authentication only", map[string]http.HandlerFunc{externalTLS: user, web: challenge(modern)}, ucwa.ErrModernAuth},
		{"modern authentication and a cookie", map[string]http.HandlerFunc{externalTLS: user,
			web: challenge(modern, `MsRtcOAuth href="/token",grant_type="urn:microsoft.rtc:passive"`)}, ucwa.ErrModernAuth},
		{"unknown user", map[string]http.HandlerFunc{internalTLS: user, externalTLS: user, web: http.NotFound}, archive.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := &network{hosts: tt.hosts}
			_, err := ucwa.SignIn(t.Context(), ucwa.Config{Address: username, Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: n}})
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if slices.ContainsFunc(n.asked, func(s string) bool { return strings.HasSuffix(s, "+secret") }) {
				t.Errorf("a secret was sent: %q", n.asked)
			}
			if tt.name == "unknown user" && len(n.asked) != 2 {
				t.Errorf("asked %q after the server was found", n.asked)
			}
		})
	}
}

func TestWhatDiscoverySaysOfModernAuthentication(t *testing.T) {
	const login = "https://login.fabrikam.example/authorize"
	n := &network{hosts: map[string]http.HandlerFunc{externalTLS: linksTo("user", web+"/user"), web: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-MS-Server-Fqdn", "canary said <b>")
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+login+`"`)
		w.WriteHeader(401)
	}}}
	got, err := ucwa.Discover(t.Context(), ucwa.Config{Address: username, HTTPClient: &http.Client{Transport: n}})
	if d := cmp.Diff(ucwa.Discovery{RootURL: externalTLS + "/", UserURL: web + "/user", Authority: login}, got); d != "" || err != nil {
		t.Error(err, d)
	}
}

func TestAddresses(t *testing.T) {
	for address, host := range map[string]string{
		"ana@contoso.example":        "lyncdiscoverinternal.contoso.example",
		"SIP:ana@CONTOSO.example":    "lyncdiscoverinternal.contoso.example",
		" ana@büro.contoso.example ": "lyncdiscoverinternal.xn--bro-hoa.contoso.example",
		"ana@contoso。example":        "lyncdiscoverinternal.contoso.example",
		"":                           "", "ana": "", "@contoso.example": "", "ana@": "", "ana@example": "", "ana@.example": "", "ana@contoso.example.": "",
		"ana@contoso..example": "", "ana@contoso.example/x": "", "ana@contoso.example:443": "", "ana@b@contoso.example": "",
		"ana@10.0.0.1": "", "ana@[::1]": "", "tel:+49123": "", "ana@contoso.example?x": "", "ana@conto so.example": "", "ana@／.example": "",
	} {
		n := &network{}
		_, err := ucwa.Discover(t.Context(), ucwa.Config{Address: address, HTTPClient: &http.Client{Transport: n}})
		if host == "" {
			if !errors.Is(err, archive.ErrInvalid) || len(n.asked) > 0 {
				t.Errorf("%q: asked %q, %v", address, n.asked, err)
			}
			continue
		}
		if len(n.asked) != 4 || n.asked[0] != "https://"+host || !errors.Is(err, archive.ErrUnavailable) {
			t.Errorf("%q: asked %q, %v", address, n.asked, err)
		}
	}
}

// A network that drops what it does not know keeps nobody waiting for ever.
func TestASilentRootIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		n := &network{hosts: map[string]http.HandlerFunc{internalTLS: silent, internalPlain: silent, externalTLS: linksTo("redirect", web+"/root"), web: webPool("password")}}
		start := time.Now()
		if _, err := ucwa.Discover(t.Context(), ucwa.Config{Address: username, HTTPClient: &http.Client{Transport: n}}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("found after %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := ucwa.Discover(ctx, ucwa.Config{Address: username, HTTPClient: &http.Client{Transport: n}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stopped by the caller: %v", err)
		}
	})
}

func TestALinkThatSpellsItsHostInAnotherWay(t *testing.T) {
	for _, href := range []string{"https://evil.example／.contoso.example/root", "https://evil.example%2f.contoso.example/root", `https://evil.example\.contoso.example/root`,
		"https://evilcontoso.example/root", "https://contoso.example.evil.example/root", "https://еvil.example/root", "https://web.contoso.example@evil.example/root"} {
		n := &network{hosts: map[string]http.HandlerFunc{externalTLS: func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 200, `{"_links":{"redirect":{"href":`+quoted(href)+`}}}`)
		}}}
		if _, err := ucwa.Discover(t.Context(), ucwa.Config{Address: username, HTTPClient: &http.Client{Transport: n}}); !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("%s: %v", href, err)
		}
		for _, asked := range n.asked {
			if u, _ := url.Parse(asked); !strings.HasSuffix(u.Host, ".contoso.example") {
				t.Errorf("%s: asked %s", href, asked)
			}
		}
	}
}
