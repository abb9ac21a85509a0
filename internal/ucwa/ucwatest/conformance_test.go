package ucwatest_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// TestConformance is what has to hold for clients of other makers: each point
// was seen to matter to one of them. A point that is broken here breaks a
// program that nobody here can mend.
func TestConformance(t *testing.T) {
	var numbers []string
	for _, point := range slices.Concat(requestPoints(), loginPoints(), channelPoints(), conversationPoints()) {
		number, _, _ := strings.Cut(point.name, " ")
		numbers = append(numbers, number)
		t.Run(point.name, point.test)
	}
	for n := 1; n <= 22; n++ {
		if !slices.Contains(numbers, fmt.Sprint(n)) {
			t.Errorf("point %d has no test", n)
		}
	}
}

// point is one thing to hold. Its name begins with its number.
type point struct {
	name string
	test func(*testing.T)
}

func channelPoints() []point {
	return []point{
		{"14 an empty answer has an empty sender, or none", emptyAnswers},
		{"15 the events link has a query, and parameters are remembered", parameters},
		{"16 detours", detours},
		{"16 the same ack again", replays},
		{"16 the older of two polls", twoPolls},
		{"16 statuses", statuses},
		{"16 connections that break", breaks},
		{"17 asking for next is the acknowledgement", acknowledgement},
		{"18 forms of events", forms},
	}
}

func emptyAnswers(t *testing.T) {
	_, g := visit(t, "at 2026-03-02T09:00:00Z\nempty\n")
	if r := g.online().hear(); !r.has(`"sender":[]`) || href(r.json(), "next") == "" {
		t.Errorf("answered %s", r.body)
	}
	_, g = visit(t, "at 2026-03-02T09:00:00Z\nempty\n", ucwatest.Options{OmitSender: true})
	if r := g.online().hear(); r.has("sender") || href(r.json(), "next") == "" {
		t.Errorf("told to omit sender: %s", r.body)
	}
}

// parameters: what a client asks for holds for the requests after it too.
func parameters(t *testing.T) {
	house(t, "live\nafter 1h\nempty\n", ucwatest.Options{Priorities: true}, func(t *testing.T, s *ucwatest.Server) {
		g := indoors(t, s, "ana@contoso.example").online()
		if !strings.Contains(g.next, "?") {
			t.Errorf("the events link is %s", g.next)
		}
		for i, step := range []struct {
			query string
			want  time.Duration
		}{{"", 3 * time.Minute}, {"&timeout=200&medium=20&priority=3", 200 * time.Second}, {"", 200 * time.Second}} {
			g.next += step.query
			start := time.Now()
			g.hear()
			if got := time.Since(start); got != step.want {
				t.Errorf("poll %d%s was parked for %s, want %s", i, step.query, got, step.want)
			}
			if r := g.send("POST", links(g.app)["reportMyActivity"], ""); r.status != 204 {
				t.Fatalf("reportMyActivity: %d", r.status)
			}
		}
		g.send("POST", links(g.app)["note"], `{"message":"Out"}`)
		start := time.Now()
		if r := g.hear(); !r.has(`"rel":"note"`) || time.Since(start) != 20*time.Second {
			t.Errorf("medium priority was held for %s: %s", time.Since(start), r.body)
		}
		go g.send("GET", g.next, "") // of priority 3
		synctest.Wait()
		if r := g.send("GET", g.next+"&priority=1", ""); r.status != 409 {
			t.Errorf("a newer poll of less priority than was asked for before: %d", r.status)
		}
	})
}

// hangs tells whether a request is still open after an hour.
func hangs(g *guest, at string) bool {
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Hour)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.absolute(at), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+g.token)
	start := time.Now()
	resp, err := g.rt.RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err != nil && time.Since(start) == time.Hour
}

func detours(t *testing.T) {
	for spec, want := range map[string]struct{ has, hasNot string }{
		"GET /events resync ack=2 times=1":                              {`"resync":`, `"next":`},
		"GET /events resync next ack=2 times=1":                         {`"resync":`, `"sender":`},
		"GET /events resume ack=2 times=1":                              {`"resume":`, `"next":`},
		"GET /events gone ack=2 times=1":                                {`"subcode":"ApplicationNotFound"`, `"next":`},
		"GET /events gone ack=2 410 subcode=InactiveApplicationExpired": {`"subcode":"InactiveApplicationExpired"`, `"next":`},
	} {
		_, g := visit(t, "at 2026-03-02T09:00:00Z\npresence\nempty\ninvite k bo Hello\n", ucwatest.Options{Faults: plan(t, spec)})
		first := g.online().hear()
		r := g.hear()
		if !first.has("presence") || !r.has(want.has) || r.has(want.hasNot) {
			t.Errorf("%s: %d %s", spec, r.status, r.body)
		}
		if strings.Contains(spec, "resync next") && !r.has(`"next":`) {
			t.Errorf("%s: %s", spec, r.body)
		}
		if strings.Contains(spec, "gone") {
			if again := g.hear(); again.status != 404 {
				t.Errorf("%s: asked again: %d", spec, again.status)
			}
			continue
		}
		// The way that the answer shows leads to everything.
		if strings.Contains(spec, "resync") && !g.hear().has(`ack=2"`) {
			t.Errorf("%s: it does not lead to the batch that was not acknowledged", spec)
		}
		g.until("Hello")
	}
}

func plan(t testing.TB, specs ...string) []ucwatest.Planned {
	t.Helper()
	var all []ucwatest.Planned
	for _, spec := range specs {
		p, err := ucwatest.ParseFault(spec)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func replays(t *testing.T) {
	for _, extend := range []bool{false, true} {
		s, g := visit(t, "", ucwatest.Options{Extend: extend})
		at := g.online().next
		first := g.hear()
		if !first.has(`"rel":"presence"`) {
			t.Fatalf("the first batch is %s", first.body)
		}
		if again := g.send("GET", at, ""); string(again.body) != string(first.body) {
			t.Errorf("the same ack is answered with other bytes: %s", again.body)
		}
		bo := arrive(t, s, "bo@contoso.example").online()
		bo.send("POST", links(bo.app)["startMessaging"], `{"to":"sip:ana@contoso.example"}`)
		again := g.send("GET", at, "")
		if again.has(`"rel":"messagingInvitation"`) != extend || !again.has(`"rel":"presence"`) {
			t.Errorf("with more to say (extend %v): %s", extend, again.body)
		}
		if extend {
			continue
		}
		if next := g.hear(); !next.has(`"rel":"messagingInvitation"`) {
			t.Errorf("next: %s", next.body)
		}
	}
}

func twoPolls(t *testing.T) {
	house(t, "live\nafter 1h\nempty\n", ucwatest.Options{}, func(t *testing.T, s *ucwatest.Server) {
		g := indoors(t, s, "ana@contoso.example").online()
		older := make(chan reply)
		go func() { older <- g.send("GET", g.next, "") }()
		synctest.Wait()
		go g.send("GET", g.next, "")
		if r := <-older; r.status != 409 || !r.has(`"subcode":"PGetReplaced"`) {
			t.Errorf("the older of two polls: %d %s", r.status, r.body)
		}
	})
}

func statuses(t *testing.T) {
	for spec, want := range map[string]string{
		"GET /events 404 subcode=ApplicationNotFound times=1": `"code":"NotFound"`,
		"GET /events 408 subcode=ClientTimeout times=1":       `"subcode":"ClientTimeout"`,
		"GET /events 410 subcode=X times=1":                   `"code":"Gone"`,
		"GET /events 429 retry-after=7 times=1":               "<h1>429 Too Many Requests</h1>",
		"GET /events 500 subcode=ServiceFailure times=1":      `"code":"InternalServerError"`,
		"GET /events 502 times=1":                             "<h1>502 Bad Gateway</h1>",
		"GET /events 503 times=1":                             "<h1>503 Service Unavailable</h1>",
	} {
		_, g := visit(t, "at 2026-03-02T09:00:00Z\npresence\n", ucwatest.Options{Faults: plan(t, spec)})
		r := g.online().hear()
		if status := strings.Fields(spec)[2]; fmt.Sprint(r.status) != status || !r.has(want) {
			t.Errorf("%s: %d %s", spec, r.status, r.body)
		}
		if after := r.header.Get("Retry-After"); (after == "7") != strings.Contains(spec, "retry-after") {
			t.Errorf("%s: Retry-After %q", spec, after)
		}
		if html := strings.HasPrefix(r.header.Get("Content-Type"), "text/html"); html == strings.Contains(spec, "subcode") {
			t.Errorf("%s: Content-Type %q", spec, r.header.Get("Content-Type"))
		}
		if r := g.hear(); r.status != 200 || !r.has("presence") {
			t.Errorf("%s: asked again: %d %s", spec, r.status, r.body)
		}
	}
}

// breaks loses answers before, inside and after the body; nothing is
// acknowledged by it, and what was to be done is done or not, as planned.
func breaks(t *testing.T) {
	for fault, status := range map[string]int{"drop": 0, "drop skip": 0, "cut": -1, "close": 200} {
		s, g := visit(t, "at 2026-03-02T09:00:00Z\npresence\n", ucwatest.Options{Faults: plan(t, "GET /events "+fault+" times=1")})
		r := g.online().send("GET", g.next, "")
		again := g.hear()
		if r.status != status || again.status != 200 || !again.has("presence") || len(s.Acked()) > 0 {
			t.Errorf("%s: %d, then %d %s", fault, r.status, again.status, again.body)
		}
		if status != 0 && !strings.HasPrefix(string(again.body), string(r.body)) {
			t.Errorf("%s: what was lost is not what comes again", fault)
		}
	}
	for fault, want := range map[string]struct {
		status int
		done   bool
	}{"drop": {0, true}, "drop skip": {0, false}, "skip": {0, false}, "500": {500, true}, "500 skip": {500, false}, "close": {204, true}} {
		_, g := visit(t, "", ucwatest.Options{Faults: plan(t, "POST /makeMeAvailable "+fault+" times=1")})
		r := g.send("POST", links(g.app)["makeMeAvailable"], "{}")
		_, open := links(g.send("GET", href(g.app, "self"), "").json())["makeMeAvailable"]
		if r.status != want.status || open == want.done {
			t.Errorf("%s: answered %d, done %v, want %v", fault, r.status, !open, want)
		}
	}
	house(t, "", ucwatest.Options{Faults: plan(t, "GET /events hang")}, func(t *testing.T, s *ucwatest.Server) {
		g := indoors(t, s, "ana@contoso.example")
		if !hangs(g, g.next) {
			t.Error("a hanging request was answered")
		}
	})
}

func acknowledgement(t *testing.T) {
	s, g := visit(t, "at 2026-03-02T09:00:00Z\npresence\nempty\n")
	first := g.online().hear()
	if n := len(s.Acked()); n != 0 {
		t.Errorf("%d batches are acknowledged before next is asked for", n)
	}
	g.hear()
	if acked := s.Acked(); len(acked) != 1 || string(acked[0].Body) != string(first.body) {
		t.Errorf("acknowledged %v", acked)
	}
	if r := g.send("GET", strings.Replace(g.next, "ack=3", "ack=1", 1), ""); !r.has(`"resync":`) || !strings.HasSuffix(href(r.json(), "resync"), "ack=2") {
		t.Errorf("a batch that was acknowledged, asked for again: %s", r.body)
	}
}

func forms(t *testing.T) {
	_, g := visit(t, "person cy cy@contoso.example \"Cy\"\nat 2026-03-02T09:00:00Z\nbatch\ninvite k bo Hi\naccept k\njoin k cy\nundelivered k Lost Unreachable No\nstart l bo Ho\naccept l\nsend\n")
	r := g.online().hear()
	bare, ins, in := 0, make(map[string][]string), ""
	for _, sender := range r.json()["sender"].([]any) {
		for _, e := range sender.(map[string]any)["events"].([]any) {
			e := e.(map[string]any)
			link := e["link"].(map[string]any)
			embedded, has := e["_embedded"].(map[string]any)
			if !has {
				bare++
			} else if _, named := embedded[link["rel"].(string)]; !named || len(embedded) != 1 {
				t.Errorf("%v embeds %v", link, embedded)
			}
			in = ""
			if where, ok := e["in"].(map[string]any); ok {
				in, _ = where["rel"].(string)
			}
			at := link["href"].(string)
			ins[at] = append(ins[at], in)
		}
	}
	if bare == 0 {
		t.Error("every event embeds its resource")
	}
	twice := slices.ContainsFunc(slices.Collect(maps.Values(ins)), func(in []string) bool {
		return slices.Contains(in, "") && slices.Contains(in, "attendees")
	})
	if !twice {
		t.Errorf("no link comes twice with different in: %v", ins)
	}
	for _, want := range []string{`"acceptedByParticipant":[{`, `"failedDeliveryParticipant":[{"href"`} {
		if !r.has(want) {
			t.Errorf("no array %s", want)
		}
	}
}
