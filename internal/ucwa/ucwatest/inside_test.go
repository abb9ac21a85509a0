package ucwatest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"archiver/internal/ucwa/ucwatest"
)

// inside is a client that calls the handler itself, so that a test can run in
// a bubble in which time passes at once.
type inside struct {
	t     testing.TB
	h     http.Handler
	token string
	app   string
	next  string // the events link to ask next
}

// enter signs in and makes the endpoint available.
func enter(t testing.TB, s *ucwatest.Server, sc *ucwatest.Scenario) *inside {
	t.Helper()
	c := &inside{t: t, h: s.Handler()}
	body := "grant_type=password&username=" + strings.TrimPrefix(sc.Account.URI, "sip:") + "&password=" + strings.ReplaceAll(sc.Password, " ", "+")
	c.token, _ = decode(t, c.do("POST", "/WebTicket/oauthtoken", body))["access_token"].(string)
	c.create()
	return c
}

func (c *inside) create() {
	c.t.Helper()
	app := decode(c.t, c.do("POST", "/ucwa/oauth/v1/applications", `{"UserAgent":"t","EndpointId":"e","Culture":"en-US"}`))
	c.app, c.next = href(app, "self"), href(app, "events")
	c.do("POST", c.app+"/me/makeMeAvailable", `{"supportedMessageFormats":["Plain","Html"]}`)
}

func (c *inside) do(method, path, body string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(body))
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

// poll asks for the next batch and moves on.
func (c *inside) poll() (*httptest.ResponseRecorder, map[string]any) {
	c.t.Helper()
	w := c.do("GET", c.next, "")
	var v map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &v) // what is not JSON has no links
	for _, rel := range []string{"next", "resume", "resync"} {
		if h := href(v, rel); h != "" {
			c.next = h
		}
	}
	return w, v
}

func decode(t testing.TB, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

// events lists what a batch tells: "type rel [in] [state]", and the links.
func events(v map[string]any) (told, links []string) {
	senders, _ := v["sender"].([]any)
	for _, sender := range senders {
		for _, e := range sender.(map[string]any)["events"].([]any) {
			e := e.(map[string]any)
			link := e["link"].(map[string]any)
			rel := link["rel"].(string)
			text := e["type"].(string) + " " + rel
			if in, ok := e["in"].(map[string]any); ok {
				text += " in " + in["rel"].(string)
			}
			embedded, _ := e["_embedded"].(map[string]any)
			if r, ok := embedded[rel].(map[string]any); ok && r["state"] != nil {
				text += " " + r["state"].(string)
			}
			told, links = append(told, text), append(links, link["href"].(string))
		}
	}
	return told, links
}
