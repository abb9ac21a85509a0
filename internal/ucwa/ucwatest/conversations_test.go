package ucwatest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

func conversationPoints() []point {
	return []point{
		{"19 the outgoing flow", outgoing},
		{"20 the first text of startMessaging", firstText},
		{"21 sendMessage", sendMessage},
		{"22 resources by their links", resources},
	}
}

// quick lets people without clients answer at once.
func quick() ucwatest.Options {
	return ucwatest.Options{Answer: time.Millisecond, Hold: 5 * time.Second, History: true}
}

func outgoing(t *testing.T) {
	_, g := visit(t, "", quick())
	g.online().hear()
	r := g.send("POST", links(g.app)["startMessaging"], `{"to":"sip:bo@contoso.example","operationId":"op-1","subject":"Lunch"}`, "Content-Type", "application/json")
	if at := r.header.Get("Location"); r.status != 201 || !strings.Contains(at, "/messagingInvitations/") {
		t.Fatalf("startMessaging: %d %v", r.status, r.header)
	}
	var told []string
	var last, all string
	for last != "completed messagingInvitation Connected" {
		r = g.hear()
		batch, _ := events(r.json())
		told = append(told, batch...)
		last, all = told[len(told)-1], all+string(r.body)
	}
	order := []string{"started messagingInvitation Connecting", "added conversation Connecting", "updated conversation Connected",
		"added participant", "updated messaging Connected", "completed messagingInvitation Connected"}
	at := -1
	for _, want := range order {
		i := slices.Index(told, want)
		if i <= at {
			t.Errorf("%s comes as number %d, after number %d: %q", want, i, at, told)
		}
		at = i
	}
	if !r.has(`"status":"Success"`) || strings.Count(all, `"operationId":"op-1"`) < 2 {
		t.Errorf("completed as %s", r.body)
	}
	for _, rel := range []string{"sendMessage", "stopMessaging", "setIsTyping", "typingParticipants"} {
		if links(r.json())[rel] == "" {
			t.Errorf("messaging has no %s", rel)
		}
	}
}

func firstText(t *testing.T) {
	for uri, want := range map[string]string{
		"data:text/plain;base64,SGVsbG8=":            "Hello",
		"data:text/plain;charset=utf-8,Hello%2c+you": "Hello, you",
		"data:text/html;base64,PGI+SGVsbG88L2I+":     "Hello",
	} {
		s, g := visit(t, "", quick())
		bo := arrive(t, s, "bo@contoso.example").online()
		g.online().send("POST", links(g.app)["startMessaging"], `{"to":"bo@contoso.example","_links":{"message":{"href":"`+uri+`"}}}`)
		asked := bo.until(`"messagingInvitation"`)
		if got := links(asked.json())["message"]; got != uri {
			t.Errorf("the invitation has %q, want %q", got, uri)
		}
		bo.send("POST", links(asked.json())["accept"], "")
		connected := g.until(`"stopMessaging"`)
		for links(connected.json())["sendMessage"] == "" {
			connected = g.hear()
		}
		g.send("POST", links(connected.json())["stopMessaging"], "")
		log := bo.send("GET", links(bo.app)["conversationLogs"], "").json()["_links"].(map[string]any)["conversationLog"].([]any)
		if r := bo.send("GET", log[0].(map[string]any)["href"].(string), ""); r.json()["previewMessage"] != want {
			t.Errorf("%s is kept as %v, want %s", uri, r.json()["previewMessage"], want)
		}
	}
}

// talking is somebody in a conversation with bo, who has a client too.
func talking(t *testing.T, opt ucwatest.Options) (ana, bo *guest, at, atBo map[string]string) {
	t.Helper()
	s, ana := visit(t, "person di di@contoso.example \"Di\" answers=ignore\n", opt)
	bo = arrive(t, s, "bo@contoso.example").online()
	ana.online().send("POST", links(ana.app)["startMessaging"], `{"to":"bo@contoso.example"}`)
	asked := bo.until(`"messagingInvitation"`)
	bo.send("POST", links(asked.json())["accept"], "")
	return ana, bo, links(ana.until(`"sendMessage"`).json()), links(bo.until(`"sendMessage"`).json())
}

func sendMessage(t *testing.T) {
	ana, bo, at, _ := talking(t, quick())
	own := ""
	for _, m := range []struct{ kind, query, body, want string }{
		{"text/plain", "", "Hi", "data:text/plain;charset=utf-8,Hi"},
		{"text/plain; charset=UTF-8", "?OperationContext=7", "café 100% +1", "data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1"},
		{"text/html", "?operationId=op-2", "<b>x</b>", "data:text/html;charset=utf-8,%3cb%3ex%3c%2fb%3e"},
	} {
		r := ana.send("POST", at["sendMessage"]+m.query, m.body, "Content-Type", m.kind)
		if own = r.header.Get("Location"); r.status != 201 || !strings.Contains(own, "/messaging/messages/") {
			t.Errorf("%s%s: %d %v", m.kind, m.query, r.status, r.header)
		}
		got := bo.until(`"direction":"Incoming"`)
		if !got.has(m.want) {
			t.Errorf("%s arrives as %s, want %s", m.body, got.body, m.want)
		}
		done := ana.until(`"direction":"Outgoing"`)
		if done.has("plainMessage") || !done.has(own) || strings.Contains(m.query, "operationId") && !done.has(`"operationId":"op-2"`) {
			t.Errorf("the sender is told %s", done.body)
		}
	}
	if r := ana.send("POST", own, "A reply", "Content-Type", "text/plain"); r.status != 201 {
		t.Errorf("POST to a message's own href: %d", r.status)
	}
	bo.until("A+reply")
}

func resources(t *testing.T) {
	ana, bo, at, _ := talking(t, quick())
	ana.send("POST", at["sendMessage"], "Kept", "Content-Type", "text/plain")
	message := bo.until("Kept")
	from := links(message.json())
	invitation := ana.send("POST", links(ana.app)["startMessaging"], `{"to":"di@contoso.example"}`).header.Get("Location")
	people, ok := ana.app["_embedded"].(map[string]any)["people"].(map[string]any)
	if !ok {
		t.Fatalf("the application embeds no people: %v", ana.app)
	}
	for what, get := range map[string]struct {
		g        *guest
		at, want string
	}{
		"messagingInvitation": {ana, invitation, `"rel":"messagingInvitation"`},
		"conversation":        {bo, href(bo.send("GET", from["messaging"], "").json(), "conversation"), `"state":"Connected"`},
		"messaging":           {bo, from["messaging"], `"sendMessage":`},
		"message":             {bo, from["self"], `"plainMessage":`},
		"participant":         {bo, from["participant"], `"uri":"sip:ana@contoso.example"`},
		"contact":             {bo, from["contact"], `"name":"Ana Ruiz"`},
		"presence":            {bo, href(bo.send("GET", from["contact"], "").json(), "contactPresence"), `"availability":"Online"`},
		"search":              {ana, href(people, "search") + "?query=ana&limit=1", `"contact":[{`},
		"myContacts":          {ana, href(people, "myContacts"), `"rel":"contact"`},
	} {
		if r := get.g.send("GET", get.at, ""); r.status != 200 || !r.has(get.want) || !json.Valid(r.body) {
			t.Errorf("%s at %q: %d %s, want %s", what, get.at, r.status, r.body, get.want)
		}
	}
	ana.send("POST", at["stopMessaging"], "")
	bo.until(`"deleted"`)
	logs := bo.send("GET", links(bo.app)["conversationLogs"], "").json()["_links"].(map[string]any)["conversationLog"].([]any)
	log := bo.send("GET", logs[0].(map[string]any)["href"].(string), "").json()
	if r := bo.send("GET", href(log, "conversationLogTranscripts"), ""); r.status != http.StatusOK || !r.has("Kept") {
		t.Errorf("transcripts: %d %s", r.status, r.body)
	}
}
