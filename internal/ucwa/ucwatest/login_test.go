package ucwatest_test

import (
	"bytes"
	"mime/multipart"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

func loginPoints() []point {
	return []point{
		{"6 the root at both of its paths", roots},
		{"7 the challenge", challenges},
		{"8 tokens", tokens},
		{"9 names in any case, any endpointId", anyCase},
		{"10 a known endpoint; availability changes the links", knownEndpoint},
		{"11 communication and its PUT", putCommunication},
		{"12 reportMyActivity at two paths", activity},
		{"13 too many, expired and of another pool", refusals},
	}
}

func roots(t *testing.T) {
	s, g := visit(t, "")
	for _, at := range []string{"", "Autodiscover/AutodiscoverService.svc/root", "autodiscover/autodiscoverservice.svc/root?sipuri=ana@contoso.example"} {
		v := g.send("GET", s.URL()+at, "", "Accept", "application/json").json()
		for _, rel := range []string{"self", "user", "xframe"} {
			if href(v, rel) == "" {
				t.Errorf("%s has no %s: %v", at, rel, v)
			}
		}
		if !strings.Contains(href(v, "user"), "?") {
			t.Errorf("user is %s, without a query", href(v, "user"))
		}
	}
}

func challenges(t *testing.T) {
	for _, joined := range []bool{false, true} {
		s, g := visit(t, "", ucwatest.Options{JoinChallenge: joined})
		g.token = ""
		r := g.send("GET", href(g.send("GET", s.URL(), "").json(), "user"), "")
		lines := r.header.Values("WWW-Authenticate")
		all := strings.Join(lines, ", ")
		if r.status != 401 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || !r.has("<html>") || (len(lines) == 1) != joined {
			t.Errorf("%d %s %s", r.status, r.header, r.body)
		}
		if !regexp.MustCompile(`Bearer trusted_issuers="[^"]+".*MsRtcOAuth href="[^"]+",grant_type="[^"]*,password"`).MatchString(all) {
			t.Errorf("challenge %s", all)
		}
		if first := regexp.MustCompile(`https?://[^"]+`).FindString(all); first != tokenHref.FindStringSubmatch(all)[1] {
			t.Errorf("the first URL of the challenge is %s", first)
		}
	}
}

func tokens(t *testing.T) {
	s, g := visit(t, "")
	at := s.URL() + "WebTicket/oauthtoken"
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	for _, f := range [][2]string{{"grant_type", "password"}, {"username", "ana@contoso.example"}, {"password", "pw"}, {"charset", "utf-8"}} {
		if err := m.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for _, good := range [][2]string{
		{"application/x-www-form-urlencoded;charset=UTF-8", "grant_type=password&username=ana%40contoso.example&password=pw"},
		{"application/x-www-form-urlencoded", `grant_type=password&username=CONTOSO%5Cana&password=pw&charset=utf-8`},
		{"application/json", "grant_type=password&username=ana@contoso.example&password=pw"},
		{m.FormDataContentType(), form.String()},
	} {
		v := g.send("POST", at, good[1], "Content-Type", good[0]).json()
		token, _ := v["access_token"].(string)
		life, _ := v["expires_in"].(float64)
		if !strings.HasPrefix(token, "cwt=") || life < 27000 || life > 29000 || v["ms_rtc_identityscope"] == nil || v["token_type"] != "Bearer" {
			t.Errorf("%s: %v", good[0], v)
		}
	}
	if r := g.send("POST", at, "grant_type=password&username=ana@contoso.example&password=no"); r.status != 400 || r.json()["error"] != "invalid_grant" {
		t.Errorf("a bad password: %d %s", r.status, r.body)
	}
	for _, forbid := range []bool{false, true} {
		_, g := visit(t, "", ucwatest.Options{Forbid: forbid})
		g.token = "cwt=nonsense"
		r := g.send("GET", href(g.app, "self"), "")
		if hint := r.header.Get("X-Ms-diagnostics"); forbid && (r.status != 403 || !strings.HasPrefix(hint, "28055;")) || !forbid && r.status != 401 {
			t.Errorf("an invalid token: %d %q", r.status, hint)
		}
	}
}

func anyCase(t *testing.T) {
	_, g := visit(t, "", ucwatest.Options{Known200: true})
	for i, body := range []string{
		`{"culture":"en-US","endpointId":"b6d7…: any string / at all","userAgent":"x"}`,
		`{"CULTURE":"en-US","ENDPOINTID":"two","USERAGENT":"x"}`, `{"Culture":"de-DE","EndpointId":"3","UserAgent":"x","type":"Browser"}`,
		`{"Culture":"de-DE","EndpointId":"3","UserAgent":"x"}`,
	} {
		if r := g.send("POST", g.applications, body, "Content-Type", "application/json"); r.status != []int{201, 201, 201, 200}[i] {
			t.Errorf("POST %s: %d %s", body, r.status, r.body)
		}
	}
}

func knownEndpoint(t *testing.T) {
	_, g := visit(t, "")
	before := links(g.app)
	g.online()
	after := links(g.app)
	for _, rel := range []string{"presence", "note", "location", "reportMyActivity"} {
		if before[rel] != "" || after[rel] == "" {
			t.Errorf("%s is %q before makeMeAvailable and %q after", rel, before[rel], after[rel])
		}
	}
	if before["makeMeAvailable"] == "" || after["makeMeAvailable"] != "" {
		t.Errorf("makeMeAvailable is %q before it and %q after", before["makeMeAvailable"], after["makeMeAvailable"])
	}
	at := href(g.app, "self")
	if r := g.create(); r.status != 201 || href(g.app, "self") != at || links(g.app)["reportMyActivity"] == "" {
		t.Errorf("the same endpoint again: %d %s", r.status, r.body)
	}
}

func putCommunication(t *testing.T) {
	_, g := visit(t, "at 2026-03-02T09:00:00Z\npresence\n", ucwatest.Options{History: true})
	told := g.online().hear()
	at := g.app["_embedded"].(map[string]any)["communication"].(map[string]any)
	r := g.send("GET", href(at, "self"), "")
	order := regexp.MustCompile(`^{"[0-9a-f-]{36}":"please pass this in a PUT request","supportedModalities":.*"supportedMessageFormats":.*"_links":.*"rel":"communication","etag":"[^"]+"}$`)
	if !order.Match(r.body) {
		t.Errorf("communication is %s", r.body)
	}
	if random := string(r.body[1:40]); !told.has(random) { // and as the event has it
		t.Errorf("the event has another random member than %s: %s", random, told.body)
	}
	etag, _ := r.json()["etag"].(string)
	for _, put := range []struct {
		match, body string
		want        int
	}{{"", string(r.body), 428}, {`"0"`, string(r.body), 412}, {`"` + etag + `"`, `{"supportedModalities":["Messaging"]}`, 400}, {`"` + etag + `"`, string(r.body), 204}} {
		header := []string{"Content-Type", "application/json"}
		if put.match != "" {
			header = append(header, "If-Match", put.match)
		}
		if got := g.send("PUT", href(at, "self"), put.body, header...); got.status != put.want {
			t.Errorf("PUT with If-Match %s of %.40s: %d, want %d", put.match, put.body, got.status, put.want)
		}
	}
}

func activity(t *testing.T) {
	_, g := visit(t, "")
	at := href(g.app, "self")
	if r := g.send("POST", at+"/reportMyActivity", ""); r.status != 409 || !r.has("MakeMeAvailableRequired") {
		t.Errorf("before makeMeAvailable: %d %s", r.status, r.body)
	}
	g.online()
	for _, path := range []string{links(g.app)["reportMyActivity"], at + "/reportMyActivity", at + "/me/reportMyActivity"} {
		if r := g.send("POST", path, ""); r.status != 204 || len(r.body) > 0 {
			t.Errorf("POST %s: %d", path, r.status)
		}
	}
}

func refusals(t *testing.T) {
	_, g := visit(t, "", ucwatest.Options{MaxApplications: 1})
	g.endpoint = "another"
	if r := g.create(); r.status != 410 || !r.has(`"subcode":"TooManyApplications"`) {
		t.Errorf("one too many: %d %s", r.status, r.body)
	}
	house(t, "", ucwatest.Options{}, func(t *testing.T, s *ucwatest.Server) {
		g := indoors(t, s, "ana@contoso.example")
		time.Sleep(16 * time.Minute)
		if r := g.hear(); r.status != 404 || !r.has(`"subcode":"ApplicationNotFound"`) {
			t.Errorf("after it expired: %d %s", r.status, r.body)
		}
	})
	s, _ := visit(t, "", ucwatest.Options{Home: "localhost:1"})
	g = &guest{t: t, rt: handlerTransport{s.Handler()}, root: "http://front.contoso.example/", endpoint: "e"}
	g.signIn("ana@contoso.example", "pw")
	if !strings.HasPrefix(g.applications, "http://localhost:1/") {
		t.Fatalf("applications are at %s", g.applications)
	}
	if r := g.create(); r.status != 500 {
		t.Errorf("with a token of another pool: %d", r.status)
	}
}

// Discovery can lead on, lead nowhere and offer no way in.
func TestWaysToAToken(t *testing.T) {
	ask := func(opt ucwatest.Options, at string) reply {
		g := &guest{t: t, rt: handlerTransport{ucwatest.New(parse(t, ""), opt).Handler()}, root: at}
		return g.send("GET", at, "")
	}
	chain := ucwatest.Options{Discovery: ucwatest.Discovery{Redirects: []string{"a.contoso.example", "b.contoso.example"}}}
	for at, want := range map[string]string{"lyncdiscover.contoso.example": "a.contoso.example", "a.contoso.example": "b.contoso.example", "b.contoso.example": ""} {
		v := ask(chain, "https://"+at+"/").json()
		got := href(v, "redirect")
		if to, _, _ := strings.Cut(strings.TrimPrefix(got, "https://"), "/"); to != want || (href(v, "user") == "") != (want != "") {
			t.Errorf("%s leads on to %q, want %q: %v", at, got, want, v)
		}
	}
	chain.Redirects = append(chain.Redirects, "A.contoso.example")
	if got := href(ask(chain, "https://b.contoso.example/").json(), "redirect"); !strings.HasPrefix(got, "https://A.") {
		t.Errorf("the circle is not closed: %q", got)
	}
	only := ucwatest.Options{Discovery: ucwatest.Discovery{LinkOnly: true}}
	if v := ask(only, "http://lyncdiscover.contoso.example/").json(); len(links(v)) != 1 || !strings.HasPrefix(href(v, "redirect"), "https://lyncdiscover.contoso.example/") {
		t.Errorf("http answers %v", v)
	}
	if v := ask(only, "https://lyncdiscover.contoso.example/").json(); href(v, "user") == "" {
		t.Errorf("https answers %v", v)
	}
	if r := ask(ucwatest.Options{}, "http://x/?sipuri=sip:zoe@contoso.example"); r.status != 404 || len(r.body) > 0 {
		t.Errorf("the root for somebody unknown: %d %q", r.status, r.body)
	}
	_, g := visit(t, "", ucwatest.Options{Discovery: ucwatest.Discovery{Unhomed: []string{"bo@contoso.example"}}})
	user := href(g.send("GET", g.root, "").json(), "user")
	g.token = ""
	if got := g.signIn("bo@contoso.example", "pw"); got.status != 200 {
		t.Errorf("a token for somebody homed elsewhere: %d", got.status)
	}
	if r := g.send("GET", user, ""); r.status != 404 || len(r.body) > 0 {
		t.Errorf("his user resource: %d %q", r.status, r.body)
	}
}

func TestGrants(t *testing.T) {
	opt := ucwatest.Options{Discovery: ucwatest.Discovery{Grants: []string{"passive", "windows"}, AuthorizationURI: "https://login.contoso.example/adfs"}}
	g := &guest{t: t, rt: handlerTransport{ucwatest.New(parse(t, ""), opt).Handler()}, root: "https://x/"}
	user := href(g.send("GET", g.root, "").json(), "user")
	lines := g.send("GET", user, "").header.Values("WWW-Authenticate")
	if !slices.ContainsFunc(lines, func(l string) bool {
		return strings.Contains(l, `authorization_uri="https://login.contoso.example/adfs"`)
	}) ||
		!strings.Contains(lines[1], `grant_type="urn:microsoft.rtc:passive,urn:microsoft.rtc:windows"`) {
		t.Errorf("challenge %q", lines)
	}
	for body, want := range map[string]string{
		"grant_type=password&username=ana@contoso.example&password=pw": `"error":"unsupported_grant_type"`,
		"grant_type=urn:microsoft.rtc:passive":                         `"ms_rtc_passiveauthuri":"https://x/`,
	} {
		if r := g.send("POST", "https://x/WebTicket/oauthtoken", body); r.status != 400 || !r.has(want) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
}
