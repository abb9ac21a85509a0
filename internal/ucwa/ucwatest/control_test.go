package ucwatest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"archiver/internal/ucwa/ucwatest"
)

// act is an action of the state page.
func act(g *guest, what string, values url.Values, header ...string) reply {
	g.t.Helper()
	return g.send("POST", g.root+"sim/"+what, values.Encode(), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
}

// The page and its JSON show who is there and what was asked, with its status.
func TestState(t *testing.T) {
	s, g := visit(t, "", ucwatest.Options{Faults: plan(t, "GET /policies 503", "GET /note drop")})
	g.online().hear()
	g.send("GET", links(g.app)["policies"]+"?a=1", "")
	g.send("GET", links(g.app)["note"], "")
	page := g.send("GET", s.URL()+"sim", "", "Accept", "text/html")
	for _, want := range []string{"<td>ana@contoso.example", "<td>guest", ">available<", "GET /policies 503", `bad">503`, `bad">broken`, "/policies?a=1", "GET /events 503 times=2"} {
		if !page.has(want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(string(page.body), g.token) || page.has(">/sim<") {
		t.Error("the page shows a token, or itself")
	}
	var state ucwatest.State
	if err := json.Unmarshal(g.send("GET", s.URL()+"sim?format=json", "").body, &state); err != nil {
		t.Fatal(err)
	}
	if len(state.Users) != 2 || len(state.Applications) != 1 || !state.Applications[0].Available || len(state.Faults) != 2 {
		t.Errorf("state %+v", state)
	}
	if last := state.Requests[0]; last.Method != "GET" || last.Status != 0 || last.Open || last.User != "ana@contoso.example" {
		t.Errorf("the last request is %+v", last)
	}
	if before := state.Requests[1]; before.Status != 503 || before.At.IsZero() || before.Seconds <= 0 {
		t.Errorf("the one before it is %+v", before)
	}
}

func TestActions(t *testing.T) {
	s, g := visit(t, "", quick())
	g.online().hear()
	if r := act(g, "calls", url.Values{"from": {"bo@contoso.example"}, "to": {"sip:Ana@contoso.example"}, "text": {"Hello"}}); r.status != 204 {
		t.Errorf("calls: %d %s", r.status, r.body)
	}
	g.until("messagingInvitation")
	if r := act(g, "calls", url.Values{"from": {"bo@contoso.example"}, "to": {"zoe@contoso.example"}, "text": {"Hello"}}); r.status != 400 || !r.has("two people") {
		t.Errorf("calls to nobody: %d %s", r.status, r.body)
	}
	if r := act(g, "faults", url.Values{"spec": {"GET /policies 503"}}); r.status != 204 {
		t.Errorf("faults: %d %s", r.status, r.body)
	}
	if r := g.send("GET", links(g.app)["policies"], ""); r.status != 503 {
		t.Errorf("a planned fault: %d", r.status)
	}
	if r := act(g, "faults", url.Values{"spec": {"GET nonsense"}}); r.status != 400 || !r.has("METHOD PATH FAULT") {
		t.Errorf("a fault that is none: %d %s", r.status, r.body)
	}
	act(g, "faults", url.Values{"spec": {""}})
	if r := g.send("GET", links(g.app)["policies"], ""); r.status != 200 {
		t.Errorf("after faults were taken back: %d", r.status)
	}
	if r := act(g, "ends", url.Values{"id": {s.State().Applications[0].ID}}, "Accept", "text/html"); r.status != 303 || r.header.Get("Location") != "/sim" {
		t.Errorf("ends, by a browser: %d", r.status)
	}
	if r := g.hear(); r.status != 404 || !r.has("ApplicationNotFound") {
		t.Errorf("an application that was ended: %d", r.status)
	}
	if r := act(g, "ends", url.Values{"id": {"0"}}); r.status != 404 {
		t.Errorf("one that there is not: %d", r.status)
	}
}

// A page of somebody else's cannot act here, though it can reach this address.
func TestForeignPagesCannotAct(t *testing.T) {
	s, g := visit(t, "")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.fabrikam.example"}} {
		for _, what := range []string{"faults", "calls", "ends", "tokens"} {
			if r := act(g, what, url.Values{"spec": {"* * 500"}}, header...); r.status != 403 {
				t.Errorf("POST /sim/%s with %s: %d, want 403", what, header, r.status)
			}
		}
	}
	if n := len(s.State().Faults); n != 0 {
		t.Errorf("%d faults were planned", n)
	}
	if r := act(g, "faults", url.Values{"spec": {"* /x 500"}}, "Sec-Fetch-Site", "same-origin", "Origin", strings.TrimSuffix(s.URL(), "/")); r.status != 204 {
		t.Errorf("its own page: %d", r.status)
	}
}

func TestFaultsAreRead(t *testing.T) {
	for spec, want := range map[string]string{
		"GET /events":              "it takes METHOD PATH FAULT",
		"GET /events explode":      "resync, resume, gone",
		"GET /events 99":           "is no fault",
		"GET /events 503 often=2":  "there is no option",
		"GET /events 503 times=x":  "invalid syntax",
		"GET /events resync ack=x": "invalid syntax",
		"GET /events 503 times=-2": "less than nothing",
		"GET /events wait=-2s":     "less than nothing",
	} {
		if _, err := ucwatest.ParseFault(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", spec, err, want)
		}
	}
}
