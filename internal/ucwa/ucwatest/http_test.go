package ucwatest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

func TestTokens(t *testing.T) {
	sc := parse(t, "")
	h := ucwatest.New(sc).Handler()
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
	for _, test := range []struct {
		kind, body string
		want       int
	}{
		{"application/x-www-form-urlencoded;charset=UTF-8", "grant_type=password&username=ana%40contoso.example&password=pw", 200},
		{m.FormDataContentType(), form.String(), 200},
		{"text/odd", "grant_type=password&username=sip:ANA@contoso.example&password=pw&charset=utf-8", 200},
		{"", `grant_type=password&username=CONTOSO%5Cana&password=pw`, 200},
		{"", "grant_type=password&username=ana%40contoso.example&password=PW", 400},
		{"", "grant_type=password&username=bobby%40contoso.example&password=pw", 400},
		{"", "grant_type=urn:microsoft.rtc:windows", 400},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/WebTicket/oauthtoken", strings.NewReader(test.body))
		r.Header.Set("Content-Type", test.kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		v := decode(t, w)
		token, _ := v["access_token"].(string)
		if w.Code != test.want || (test.want == 200) != strings.HasPrefix(token, "cwt=") || (test.want == 400) != (v["error"] != nil) {
			t.Errorf("%s %.60q: %d %s", test.kind, test.body, w.Code, w.Body)
		}
	}
}

// A token that is too old is turned away with the challenge, or with 403.
func TestTokensAge(t *testing.T) {
	for _, forbid := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			sc := parse(t, "")
			c := enter(t, ucwatest.New(sc, ucwatest.Options{TokenLife: time.Hour, Forbid: forbid}), sc)
			if w := c.do("GET", c.app, ""); w.Code != 200 {
				t.Errorf("a new token: %d", w.Code)
			}
			time.Sleep(time.Hour)
			w := c.do("GET", c.app, "")
			if want := map[bool]int{false: 401, true: 403}[forbid]; w.Code != want {
				t.Errorf("an old token: %d, want %d", w.Code, want)
			}
			if got := strings.HasPrefix(w.Header().Get("X-Ms-Diagnostics"), "28055;"); got != forbid {
				t.Errorf("diagnostics %q", w.Header().Get("X-Ms-Diagnostics"))
			}
			if got := len(w.Header().Values("WWW-Authenticate")) == 2; got == forbid {
				t.Errorf("challenges %q", w.Header().Values("WWW-Authenticate"))
			}
			c.token = ""
			if w := c.do("GET", c.app, ""); w.Code != 401 {
				t.Errorf("no token: %d", w.Code)
			}
		})
	}
}

// The application changes with makeMeAvailable, and what it links to is there.
func TestResources(t *testing.T) {
	sc := parse(t, "at 2026-03-02T09:00:00Z\npresence\ninvite k bo Hi\naccept k\navailable bo Away\nnote Out\nend k\n")
	c := enter(t, ucwatest.New(sc), sc)
	me, _ := decode(t, c.do("GET", c.app, ""))["_embedded"].(map[string]any)["me"].(map[string]any)
	if href(me, "makeMeAvailable") != "" || href(me, "reportMyActivity") == "" || href(me, "presence") == "" {
		t.Errorf("me after makeMeAvailable: %v", me["_links"])
	}
	if w := c.do("POST", c.app+"/me/makeMeAvailable", "{}"); w.Code != http.StatusConflict {
		t.Errorf("makeMeAvailable again: %d", w.Code)
	}
	for _, path := range []string{"/reportMyActivity", "/me/reportMyActivity"} {
		if w := c.do("POST", c.app+path, ""); w.Code != http.StatusNoContent {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	var conversation string
	for range 5 {
		_, v := c.poll()
		told, links := events(v)
		for i, e := range told {
			if strings.HasSuffix(e, " conversation Incoming") {
				conversation = links[i]
			}
			if w := c.do("GET", links[i], ""); w.Code != 200 && !strings.Contains(e, "participantMessaging in participant") {
				t.Errorf("%s: GET %s: %d", e, links[i], w.Code)
			}
		}
	}
	for path, want := range map[string]string{
		conversation:                `"state":"Connected"`,
		conversation + "/messaging": `"negotiatedMessageFormats"`,
		conversation + "/participants/bo@contoso.example": `"uri":"sip:bo@contoso.example"`,
		c.app + "/people/BO@contoso.example":              `"name":"Bo"`,
		c.app + "/people/bo@contoso.example/presence":     `"availability":"Online"`,
		c.app + "/me/note":                                `"message":""`,
		"/" + c.app + "/policies":                         `"rel":"policies"`, // two slashes, no redirect
	} {
		if w := c.do("GET", path, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("GET %s: %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
	for range 4 {
		c.poll()
	}
	if w := c.do("GET", c.app+"/people/bo@contoso.example/presence", ""); !strings.Contains(w.Body.String(), "Away") {
		t.Errorf("presence after it changed: %s", w.Body)
	}
	for _, path := range []string{conversation, conversation + "/messaging", c.app + "/people/zoe@contoso.example"} {
		if w := c.do("GET", path, ""); w.Code != 404 {
			t.Errorf("GET %s: %d, want 404", path, w.Code)
		}
	}
	if w := c.do("DELETE", c.app, ""); w.Code != http.StatusNoContent {
		t.Errorf("DELETE application: %d", w.Code)
	}
	if w := c.do("GET", c.app, ""); w.Code != 404 || !strings.Contains(w.Body.String(), "ApplicationNotFound") {
		t.Errorf("a deleted application: %d %s", w.Code, w.Body)
	}
}

func TestKnownEndpoint(t *testing.T) {
	for _, known := range []bool{false, true} {
		sc := parse(t, "")
		c := enter(t, ucwatest.New(sc, ucwatest.Options{Known200: known}), sc)
		w := c.do("POST", "/ucwa/oauth/v1/applications", `{"USERAGENT":"t","endpointid":"e","culture":"en-US"}`)
		if want := map[bool]int{false: 201, true: 200}[known]; w.Code != want || href(decode(t, w), "self") != c.app {
			t.Errorf("a known endpoint: %d %s, want %d and %s", w.Code, w.Body, want, c.app)
		}
		if w := c.do("POST", "/ucwa/oauth/v1/applications", `{"endpointid":"e"}`); w.Code != 400 {
			t.Errorf("without culture and user agent: %d", w.Code)
		}
	}
}

// A PUT brings back the etag and the random member.
func TestPut(t *testing.T) {
	sc := parse(t, "")
	c := enter(t, ucwatest.New(sc), sc)
	is := c.do("GET", c.app+"/communication", "").Body.String()
	for _, test := range []struct {
		match, body string
		want        int
	}{{"", is, 428}, {`"1"`, is, 412}, {`"1804289383"`, "{}", 400}, {`"1804289383"`, "{", 400}, {`"1804289383"`, is, 204}} {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", c.app+"/communication", strings.NewReader(test.body))
		r.Header.Set("Authorization", "Bearer "+c.token)
		if test.match != "" {
			r.Header.Set("If-Match", test.match)
		}
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("PUT with If-Match %s of %.30q: %d, want %d", test.match, test.body, w.Code, test.want)
		}
	}
}

func TestEncodings(t *testing.T) {
	h := ucwatest.New(parse(t, "")).Handler()
	for accept, want := range map[string]string{"gzip, deflate": "gzip", "identity": "", "": "", "gzip;q=0": "", "br, gzip;q=0.5": "gzip"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", accept, got, want)
		}
	}
	denied := httptest.NewRequestWithContext(t.Context(), "POST", "/WebTicket/oauthtoken", nil)
	denied.Header.Set("Accept-Encoding", "gzip")
	refusal := httptest.NewRecorder()
	h.ServeHTTP(refusal, denied)
	if got := refusal.Header().Get("Content-Encoding"); refusal.Code != 400 || got != "" {
		t.Errorf("an error, %d, is encoded as %q", refusal.Code, got)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/Autodiscover/AutodiscoverService.svc/root", nil)
	r.Header.Set("Accept", "application/vnd.microsoft.com.ucwa+json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); got != "application/vnd.microsoft.com.ucwa+json; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestTLS(t *testing.T) {
	s := ucwatest.NewServer(parse(t, ""), ucwatest.Options{TLS: true, Listen: "127.0.0.1:0"})
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "HEAD", s.URL()+"Autodiscover/AutodiscoverService.svc/root/oauth/user", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if found := strings.Join(resp.Header.Values("WWW-Authenticate"), "\n"); resp.StatusCode != 401 || !strings.Contains(found, `href="https://127.0.0.1:`) {
		t.Errorf("HEAD user: %d %q", resp.StatusCode, found)
	}
}

// Every step is described, and shown by a scenario.
func TestVerbsAreShown(t *testing.T) {
	files, err := testdata.Scenarios.ReadDir("scenarios")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		data, err := testdata.Scenarios.ReadFile("scenarios/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	lines := strings.Split(strings.TrimSpace(ucwatest.Verbs()), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		verb, _, _ := strings.Cut(lines[i], " ")
		if len(strings.TrimSpace(lines[i+1])) < 10 {
			t.Errorf("%s is not described", verb)
		}
		if s := all.String(); !strings.Contains(s, "\n"+verb+" ") && !strings.Contains(s, "\n"+verb+"\n") {
			t.Errorf("no scenario shows %s", verb)
		}
	}
}
