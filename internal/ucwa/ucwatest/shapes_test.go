package ucwatest_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// TestRecordedShapes has one case for each shape that was seen in recorded
// traffic: the step or the option that makes it, and what is on the wire then.
func TestRecordedShapes(t *testing.T) {
	const cafe = "data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1"
	for name, shape := range map[string]struct {
		script string
		opt    ucwatest.Shapes
		has    string // a regular expression
		hasNot string
	}{
		"text in plainMessage and htmlMessage": {script: `say k bo "Hi" html="<i>Hi</i>"`,
			has: `"htmlMessage":{"href":"data:text/html;charset=utf-8,%3ci%3eHi%3c%2fi%3e"}.*"plainMessage":{"href":"data:text/plain;charset=utf-8,Hi"}.*"type":"completed"`},
		"an outgoing message without text":     {script: `say k me "Hi" text=none`, has: `"direction":"Outgoing"`, hasNot: "plainMessage"},
		"times as Date(ms)":                    {script: `say k bo "Hi"`, has: `"timeStamp":"/Date\(1772442\d+\)/"`},
		"times as ISO 8601":                    {script: `say k bo "Hi"`, opt: ucwatest.Shapes{ISODates: true}, has: `"timeStamp":"2026-03-02T09:0\d:\d\d\.\d{3}Z"`, hasNot: "/Date("},
		"messages started":                     {script: `say k bo "Hi"`, opt: ucwatest.Shapes{Started: true}, has: `"rel":"message"},"type":"started"`, hasNot: `"type":"completed"`},
		"one message started":                  {script: `say k bo "Hi" form=started`, has: `"rel":"message"},"type":"started"`, hasNot: `"status"`},
		"no status on a completed event":       {script: `say k bo "Hi" status=none`, has: `"rel":"message"},"type":"completed"`, hasNot: `"status"`},
		"a reason without a message":           {script: `fail k LocalFailure Declined`, has: `"message":null,"subcode":"Declined"`},
		"LocalFailure":                         {script: `fail k LocalFailure Busy "Busy."`, has: `"code":"LocalFailure"`},
		"RemoteFailure":                        {script: `fail k RemoteFailure Busy "Busy."`, has: `"code":"RemoteFailure"`},
		"Informational":                        {script: `fail k Informational Forwarded "Forwarded."`, has: `"code":"Informational".*"subcode":"Forwarded"`},
		"a threadId of 32 base64 characters":   {script: `invite l bo "Hi"`, has: `"threadId":"[A-Za-z0-9+/]{30}=="`},
		"a threadId of 44 base64 characters":   {script: `invite l bo "Hi" thread=long`, has: `"threadId":"[A-Za-z0-9+/]{43}="`},
		"a threadId of 32 hex digits":          {script: `invite l bo "Hi" thread=hex`, has: `"threadId":"[0-9a-f]{32}"`},
		"no threadId":                          {script: `invite l bo "Hi" thread=none`, has: `"messagingInvitation"`, hasNot: "threadId"},
		"a telephone":                          {script: `call l tel`, has: `"uri":"tel:\+14255550177"`},
		"a telephone in a SIP address":         {script: `invite l gate "Hi"`, has: `"uri":"sip:\+14255550178@contoso.example;user=phone"`},
		"a data URI with its charset":          {script: `say k bo "café 100% +1"`, has: regexp.QuoteMeta(`"` + cafe + `"`)},
		"a data URI without a charset":         {script: `say k bo "a b" form=bare`, has: `"data:text/plain,a\+b"`},
		"a data URI with capital hex and %20":  {script: `say k bo "é b" form=percent`, has: `"data:text/plain;charset=utf8,%C3%A9%20b"`},
		"a data URI in base64":                 {script: `say k bo "Hi" form=base64`, has: `"data:text/plain;base64,SGk="`},
		"a data URI of another type":           {script: `say k bo "x" type=application/x-ms-ink`, has: `"data:application/x-ms-ink;charset=utf-8,x"`},
		"a text that ends its line":            {script: `say k bo "Hi\r\n"`, has: `,Hi%0d%0a"`},
		"entities inside the percent-encoding": {script: `say k bo "x" html="caf&#233; &amp; bar"`, has: `,caf%26%23233%3b\+%26amp%3b\+bar"`},
		"links twice in the plain text of HTML": {script: `say k bo "See http://x.contoso.example/a." html="See <a>http://x.contoso.example/a</a>."`,
			has: `,See\+http%3a%2f%2fx\.contoso\.example%2fa\+%3chttp%3a%2f%2fx\.contoso\.example%2fa%3e\."`},
		"an envelope without next":    {script: "raw bare", has: `^\{"sender":\[\],"own":1\}$`},
		"foreign members on top":      {script: "raw foreign", has: `^\{"_links":.*"next":.*"x-trace":"7"`},
		"absolute hrefs":              {script: `say k bo "Hi"`, opt: ucwatest.Shapes{AbsoluteHrefs: true}, has: `"href":"http://127\.0\.0\.1:\d+/ucwa/oauth/v1/applications/`, hasNot: `"href":"/`},
		"arrays of one link":          {script: `say k bo "Hi"`, opt: ucwatest.Shapes{ArrayLinks: true}, has: `"participant":\[{"href":`},
		"addresses in mixed case":     {script: `say k bo "Hi"`, opt: ucwatest.Shapes{MixedCase: true}, has: `(/bo@contoso.example.*/Bo@contoso.example|/Bo@contoso.example.*/bo@contoso.example)`},
		"paths without oauth":         {script: `say k bo "Hi"`, opt: ucwatest.Shapes{Paths: "v1"}, has: `"href":"/ucwa/v1/applications/`, hasNot: "oauth"},
		"paths and keys of version 0": {script: `say k bo "Hi"`, opt: ucwatest.Shapes{Paths: "v0"}, has: regexp.QuoteMeta(`/people(\u0027bo@contoso.example\u0027)`), hasNot: "oauth/v1"},
	} {
		t.Run(name, func(t *testing.T) {
			opening := "batch\ninvite k bo \"Hello\" thread=none\nsend\n"
			sc, err := ucwatest.ParseScenario("test", []byte("A test.\n-- script --\naccount ana@contoso.example \"Ana\" password=pw\nperson bo bo@contoso.example \"Bo\"\n"+
				"person tel +14255550177 \"A phone\"\nperson gate \"sip:+14255550178@contoso.example;user=phone\" \"Gate\"\n"+
				"at 2026-03-02T09:00:00Z\n"+opening+"batch\n"+shape.script+"\nsend\n"+
				"-- bare --\n{\"sender\":[],\"own\":1}\n-- foreign --\n{\"_links\":{\"self\":{\"href\":\"{self}\"},\"next\":{\"href\":\"{next}\"}},\"sender\":[],\"x-trace\":\"7\"}\n"))
			if err != nil {
				t.Fatal(err)
			}
			s := ucwatest.NewServer(sc, ucwatest.Options{Shapes: shape.opt, Hold: 5 * time.Second})
			defer s.Close()
			g := arrive(t, s, "ana@contoso.example").online()
			g.hear()
			r := g.hear()
			if !regexp.MustCompile(shape.has).Match(r.body) {
				t.Errorf("no %s in %s", shape.has, r.body)
			}
			if shape.hasNot != "" && r.has(shape.hasNot) {
				t.Errorf("%s in %s", shape.hasNot, r.body)
			}
			for _, rel := range []string{"contact", "conversation", "messaging"} { // whatever its shape, it leads somewhere
				if at := links(r.json())[rel]; at != "" && !r.has(`"Failed"`) && g.send("GET", at, "").status != 200 {
					t.Errorf("%s leads to %s, where nothing is", rel, at)
				}
			}
		})
	}
}

// A parameter of an address is no part of who somebody is.
func TestPhoneInAnAddress(t *testing.T) {
	_, g := visit(t, "person gate \"sip:+14255550178@contoso.example;user=phone\" \"Gate\"\n")
	for _, who := range []string{"+14255550178@contoso.example;user=phone", "+14255550178@contoso.example"} {
		if r := g.send("GET", href(g.app, "self")+"/people/"+who, ""); !r.has(`"uri":"sip:+14255550178@contoso.example;user=phone"`) {
			t.Errorf("people/%s: %d %s", who, r.status, r.body)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	_, g := visit(t, "at 2026-03-02T09:00:00Z\nempty\n", ucwatest.Options{Shapes: ucwatest.Shapes{BOM: true}})
	for _, at := range []string{href(g.app, "self"), g.online().next} {
		if r := g.send("GET", at, ""); !bytes.HasPrefix(r.body, []byte("\xef\xbb\xbf{")) || len(r.json()) == 0 {
			t.Errorf("GET %s: %s", at, r.body)
		}
	}
}

// What waits for a poll collapses; texts do not.
func TestAggregate(t *testing.T) {
	for _, aggregate := range []bool{false, true} {
		_, g := visit(t, "at 2026-03-02T09:00:00Z\nbatch\ninvite k bo Hi\naccept k\nsay k bo one\nsay k bo two\ntyping k bo\nsubject k A\nsubject k B\nsend\n", ucwatest.Options{Aggregate: aggregate})
		r := g.online().hear()
		told, _ := events(r.json())
		count := func(what string) (n int) {
			for _, e := range told {
				if strings.HasPrefix(e, what) {
					n++
				}
			}
			return n
		}
		got := fmt.Sprint(count("updated conversation"), count("started messagingInvitation"), count("completed messagingInvitation"),
			count("completed message"), count("added participant in typing"), r.has(`"subject":"B"`))
		if want := map[bool]string{false: "4 1 1 3 1 true", true: "1 0 1 3 0 true"}[aggregate]; got != want {
			t.Errorf("aggregate %v: %s, want %s: %q", aggregate, got, want, told)
		}
	}
}

func TestProfiles(t *testing.T) {
	s, g := visit(t, "", ucwatest.Options{Lync2013: true, History: true})
	communication := g.app["_embedded"].(map[string]any)["communication"].(map[string]any)["_links"].(map[string]any)
	delete(communication, "self")
	if len(communication) != 5 || communication["startPhoneAudio"] == nil {
		t.Errorf("before 2015 communication links to %v", communication)
	}
	if r := g.send("POST", s.URL()+"ucwa/oauth/v1/applications", `{"culture":"en-US","endpointId":"x","userAgent":"x"}`, "X-MS-RequiresMinResourceVersion", "2"); r.status != 404 || !r.has("APIVersionNotSupported") {
		t.Errorf("version 2: %d %s", r.status, r.body)
	}
	if r := g.send("POST", links(g.app)["makeMeAvailable"], `{"supportedModalities":["Messaging","Video"]}`); r.status != 403 {
		t.Errorf("video before 2015: %d", r.status)
	}
	_, g = visit(t, "", ucwatest.Options{History: true})
	for _, rel := range []string{"conversationLogs", "missedItems", "mediaPolicies", "mediaRelayAccessToken"} {
		if r := g.send("GET", links(g.app)[rel], ""); r.status != 200 {
			t.Errorf("from 2015 on, %s at %q: %d", rel, links(g.app)[rel], r.status)
		}
	}
}

// Times run on while nobody asks; see the paragraph on what shapes capture.
func TestFactsOfCapture(t *testing.T) {
	for name, fact := range map[string]func(*testing.T, *ucwatest.Server){
		"a message that is not fetched for 30 s": notFetched,
		"endpoints compete":                      competing,
		"idle applications die":                  idling,
		"one that repeats itself lives":          stuck,
		"HTML has to be asked for":               plainOnly,
		"late joiners do not get earlier texts":  lateJoiner,
		"an expired token looks like silence":    expiredToken,
	} {
		t.Run(name, func(t *testing.T) {
			house(t, "person cy cy@contoso.example \"Cy\"\n", ucwatest.Options{History: true}, fact)
		})
	}
}

// meet connects ana with bo.
func meet(t *testing.T, s *ucwatest.Server) (ana, bo *guest, at map[string]string) {
	t.Helper()
	ana, bo = indoors(t, s, "ana@contoso.example").online(), indoors(t, s, "bo@contoso.example").online()
	ana.send("POST", links(ana.app)["startMessaging"], `{"to":"bo@contoso.example"}`)
	bo.send("POST", links(bo.until(`"messagingInvitation"`).json())["accept"], "")
	bo.until(`"sendMessage"`)
	return ana, bo, links(ana.until(`"sendMessage"`).json())
}

func notFetched(t *testing.T, s *ucwatest.Server) {
	ana, bo, at := meet(t, s)
	ana.send("POST", at["sendMessage"], "lost")
	start := time.Now()
	if r := ana.until(`"status":"Failure"`); !r.has("failedDeliveryParticipant") || time.Since(start) != 30*time.Second {
		t.Errorf("after %s the sender is told %s", time.Since(start), r.body)
	}
	ana.send("POST", at["sendMessage"], "in time")
	if r := bo.hear(); r.has("lost") || !r.has("in+time") {
		t.Errorf("the receiver gets %s", r.body)
	}
}

func competing(t *testing.T, s *ucwatest.Server) {
	ana, archiver := indoors(t, s, "ana@contoso.example").online(), indoors(t, s, "bo@contoso.example").online()
	desktop := indoors(t, s, "bo@contoso.example")
	desktop.endpoint = "desktop"
	desktop.create()
	desktop.online()
	ana.send("POST", links(ana.app)["startMessaging"], `{"to":"bo@contoso.example"}`)
	desktop.send("POST", links(desktop.until(`"messagingInvitation"`).json())["accept"], "")
	if r := archiver.until(`"type":"completed"`); !r.has(`"subcode":"ConnectedElsewhere"`) {
		t.Errorf("the other endpoint is told %s", r.body)
	}
	at := links(ana.until(`"sendMessage"`).json())
	ana.send("POST", at["sendMessage"], "Only there")
	desktop.until("Only+there")
	if r := archiver.hear(); r.has("Only+there") {
		t.Errorf("the other endpoint reads %s", r.body)
	}
}

func idling(t *testing.T, s *ucwatest.Server) {
	busy, lazy := indoors(t, s, "ana@contoso.example").online(), indoors(t, s, "bo@contoso.example").online()
	for range 10 {
		busy.send("POST", links(busy.app)["reportMyActivity"], "")
		busy.hear()
		lazy.hear()
	}
	if r := busy.send("GET", href(busy.app, "self"), ""); r.status != 200 {
		t.Errorf("an application that reports activity: %d", r.status)
	}
	if r := lazy.hear(); r.status != 404 && r.status != 410 {
		t.Errorf("one that does not: %d", r.status)
	}
}

// A client that never gets on to the next batch is no idle one: it asks.
func stuck(t *testing.T, s *ucwatest.Server) {
	g := indoors(t, s, "ana@contoso.example")
	g.send("POST", links(g.app)["startMessaging"], `{"to":"bo@contoso.example"}`)
	for range 5 {
		if r := g.send("GET", g.next, ""); !r.has(`"rel":"messagingInvitation"`) {
			t.Fatalf("the same ack again: %d %s", r.status, r.body)
		}
		time.Sleep(5 * time.Minute)
	}
}

func plainOnly(t *testing.T, s *ucwatest.Server) {
	ana := indoors(t, s, "ana@contoso.example").online()
	bo := indoors(t, s, "bo@contoso.example")
	bo.send("POST", links(bo.app)["makeMeAvailable"], `{}`)
	ana.send("POST", links(ana.app)["startMessaging"], `{"to":"bo@contoso.example"}`)
	bo.send("POST", links(bo.until(`"messagingInvitation"`).json())["accept"], "")
	at := links(ana.until(`"sendMessage"`).json())
	ana.send("POST", at["sendMessage"], `<a href="http://x.example">http://x.example</a>`, "Content-Type", "text/html")
	if r := bo.until("plainMessage"); r.has("htmlMessage") || !r.has(",http%3a%2f%2fx.example+%3chttp%3a%2f%2fx.example%3e\"") {
		t.Errorf("without asking for HTML: %s", r.body)
	}
}

func lateJoiner(t *testing.T, s *ucwatest.Server) {
	ana, _, at := meet(t, s)
	cy := indoors(t, s, "cy@contoso.example").online()
	ana.send("POST", at["sendMessage"], "before")
	ana.send("POST", at["addParticipant"], `{"to":"cy@contoso.example"}`)
	cy.send("POST", links(cy.until(`"onlineMeetingInvitation"`).json())["accept"], "")
	inside := cy.until(`"Conferenced"`)
	messaging := cy.send("GET", links(inside.json())["messaging"], "")
	cy.send("POST", href(messaging.json(), "addMessaging"), "{}")
	ana.send("POST", at["sendMessage"], "after")
	all := string(inside.body)
	for !strings.Contains(all, ",after") {
		all += string(cy.hear().body)
	}
	if strings.Contains(all, ",before") {
		t.Error("it was told what was said before it came")
	}
}

func expiredToken(t *testing.T, s *ucwatest.Server) {
	g := indoors(t, s, "ana@contoso.example").online()
	g.hear()
	if r := g.send("POST", "/sim/tokens", ""); r.status != 204 {
		t.Fatalf("POST /sim/tokens: %d", r.status)
	}
	at := href(g.app, "self")
	if r := g.hear(); r.status != 401 {
		t.Errorf("a token that was taken back: %d", r.status)
	}
	g.token = ""
	g.signIn("ana@contoso.example", "pw")
	if r := g.send("GET", at, ""); r.status != 200 {
		t.Errorf("with a new one: %d", r.status)
	}
}

// Somebody else of the account takes what rings: the endpoint here loses it,
// and what is said is in the history alone.
func TestOtherClient(t *testing.T) {
	for what, want := range map[string]string{"accept": "ConnectedElsewhere", "decline": "Declined"} {
		s, g := visit(t, "", ucwatest.Options{OtherClient: what, History: true, Answer: time.Millisecond, Hold: 5 * time.Second})
		g.online().hear()
		if r := g.send("POST", s.URL()+"sim/calls", "from=bo@contoso.example&to=ana@contoso.example&text=One&text=Two", "Content-Type", "application/x-www-form-urlencoded"); r.status != 204 {
			t.Fatalf("calls: %d %s", r.status, r.body)
		}
		told := ""
		for !strings.Contains(told, `"deleted","link"`) && !strings.Contains(told, `"missedItems"},"type":"updated"`) {
			told += string(g.hear().body)
		}
		if !strings.Contains(told, `"code":"LocalFailure"`) || !strings.Contains(told, `"subcode":"`+want+`"`) || strings.Contains(told, "Two") {
			t.Errorf("%s is told as %s", what, told)
		}
		log := g.send("GET", links(g.app)["conversationLogs"], "").json()["_links"].(map[string]any)["conversationLog"].([]any)
		lines := g.send("GET", log[0].(map[string]any)["href"].(string)+"/conversationLogTranscripts", "")
		if !lines.has("One") || lines.has("Two") != (what == "accept") || lines.has("other+client") != (what == "accept") {
			t.Errorf("after %s the history has %s", what, lines.body)
		}
	}
	s, g := visit(t, "", ucwatest.Options{OtherClient: "accept", Answer: time.Millisecond, Hold: 5 * time.Second})
	g.online().hear()
	bo := arrive(t, s, "bo@contoso.example").online()
	bo.send("POST", links(bo.app)["startMessaging"], `{"to":"ana@contoso.example"}`)
	g.until("ConnectedElsewhere")
	if r := bo.until("other+client"); !r.has(`"plainMessage"`) {
		t.Errorf("the caller hears %s", r.body)
	}
}
