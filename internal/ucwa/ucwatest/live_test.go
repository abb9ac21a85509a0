package ucwatest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// as signs in somebody and creates an application with this endpointId, in the
// same bubble as the server.
func as(t testing.TB, s *ucwatest.Server, user, endpoint string) *inside {
	t.Helper()
	c := &inside{t: t, h: s.Handler()}
	c.token, _ = decode(t, c.do("POST", "/WebTicket/oauthtoken", "grant_type=password&username="+user+"&password=pw"))["access_token"].(string)
	app := decode(t, c.do("POST", "/ucwa/oauth/v1/applications", fmt.Sprintf(`{"UserAgent":"t","EndpointId":%q,"Culture":"en-US"}`, endpoint)))
	c.app, c.next = href(app, "self"), href(app, "events")
	return c
}

// online makes the endpoint available and reads what it is told first.
func (c *inside) online() *inside {
	c.t.Helper()
	if w := c.do("POST", c.app+"/me/makeMeAvailable", `{"SupportedModalities":["Messaging"],"supportedMessageFormats":["Plain","Html"]}`); w.Code != http.StatusNoContent {
		c.t.Fatalf("makeMeAvailable: %d", w.Code)
	}
	c.poll()
	return c
}

// hear polls once and returns what is told, and the batch.
func (c *inside) hear() ([]string, map[string]any) {
	c.t.Helper()
	_, v := c.poll()
	told, _ := events(v)
	return told, v
}

// links collects every link of the batch by its rel, the last one winning.
func links(v any) map[string]string {
	out := make(map[string]string)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ls, ok := v["_links"].(map[string]any); ok {
				for rel, l := range ls {
					if l, ok := l.(map[string]any); ok {
						out[rel], _ = l["href"].(string)
					}
				}
			}
			for _, w := range v {
				walk(w)
			}
		case []any:
			for _, w := range v {
				walk(w)
			}
		}
	}
	walk(v)
	return out
}

// bubble is a test in which time passes at once, with a server of these people.
func bubble(t *testing.T, opt ucwatest.Options, people string, test func(t *testing.T, s *ucwatest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := ucwatest.New(parse(t, people), opt)
		defer s.Close()
		test(t, s)
	})
}

func TestTwoClientsTalk(t *testing.T) {
	bubble(t, ucwatest.Options{History: true}, "", func(t *testing.T, s *ucwatest.Server) {
		ana, bo := as(t, s, "ana@contoso.example", "a").online(), as(t, s, "bo@contoso.example", "b").online()

		w := ana.do("POST", ana.app+"/communication/messagingInvitations",
			`{"to":"sip:bo@contoso.example","operationId":"op1","subject":"Lunch","_links":{"message":{"href":"data:text/plain;base64,SGVsbG8="}}}`)
		if w.Code != http.StatusCreated || !strings.HasPrefix(w.Header().Get("Location"), ana.app) {
			t.Fatalf("startMessaging: %d, Location %q", w.Code, w.Header().Get("Location"))
		}
		told, _ := ana.hear()
		if want := []string{"started messagingInvitation Connecting", "added conversation Connecting", "added localParticipant", "updated messaging Connecting"}; !slices.Equal(told, want) {
			t.Errorf("the caller hears %q, want %q", told, want)
		}
		told, batch := bo.hear()
		if want := []string{"started messagingInvitation Connecting", "added conversation Incoming", "added localParticipant", "added participant"}; !slices.Equal(told, want) {
			t.Errorf("the called hears %q, want %q", told, want)
		}
		if got := links(batch)["message"]; got != "data:text/plain;base64,SGVsbG8=" {
			t.Errorf("the first text is %q", got)
		}
		if w := bo.do("POST", links(batch)["accept"], ""); w.Code != http.StatusNoContent {
			t.Fatalf("accept: %d", w.Code)
		}
		told, batch = bo.hear()
		if told[len(told)-2] != "completed message" {
			t.Errorf("the first text does not come again: %q", told)
		}
		boSends := links(batch)["sendMessage"]
		told, batch = ana.hear()
		if last := told[len(told)-1]; last != "completed messagingInvitation Connected" {
			t.Errorf("the last event at the caller is %q", last)
		}
		if !strings.Contains(fmt.Sprint(batch), "operationId:op1") {
			t.Error("the operationId is not in the completed invitation")
		}

		w = ana.do("POST", links(batch)["sendMessage"]+"?OperationContext=x", "How are you?")
		if w.Code != http.StatusCreated || w.Header().Get("Location") == "" {
			t.Errorf("sendMessage: %d", w.Code)
		}
		if told, batch := bo.hear(); told[0] != "completed message" || links(batch)["plainMessage"] != "data:text/plain;charset=utf-8,How+are+you%3f" {
			t.Errorf("the other side hears %q: %v", told, links(batch)["plainMessage"])
		}
		if told, batch := ana.hear(); told[0] != "completed message" || links(batch)["plainMessage"] != "" || !strings.Contains(fmt.Sprint(batch), "status:Success") {
			t.Errorf("the sender hears %q: %v", told, batch)
		}
		bo.do("POST", boSends, "Fine")
		if told, _ := ana.hear(); told[0] != "completed message" {
			t.Errorf("the caller hears %q", told)
		}
		bo.hear() // his own message
		bo.do("POST", strings.Replace(boSends, "/messages", "/typing", 1), "")
		if told, _ := ana.hear(); told[0] != "added participant in typingParticipants" {
			t.Errorf("typing is told as %q", told)
		}
		if told, _ := ana.hear(); told[0] != "deleted participant in typingParticipants" {
			t.Errorf("the end of typing is told as %q", told)
		}

		ana.do("POST", links(batch)["stopMessaging"], "")
		if told, _ := bo.hear(); !slices.Equal(told[:4], []string{"deleted participant", "updated messaging Disconnected", "deleted localParticipant", "deleted conversation"}) {
			t.Errorf("the end is told as %q", told)
		}
		checkHistory(t, bo)
	})
}

// checkHistory reads the server's history of the conversation.
func checkHistory(t *testing.T, c *inside) {
	t.Helper()
	logs := decode(t, c.do("GET", c.app+"/communication/conversationLogs", ""))
	list := logs["_links"].(map[string]any)["conversationLog"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d logs", len(list))
	}
	log := decode(t, c.do("GET", list[0].(map[string]any)["href"].(string), ""))
	lines := decode(t, c.do("GET", href(log, "conversationLogTranscripts"), ""))
	var texts []string
	for _, l := range lines["_embedded"].(map[string]any)["conversationLogTranscript"].([]any) {
		texts = append(texts, links(l)["plainMessage"])
	}
	if got, want := strings.Join(texts, " "), "data:text/plain;charset=utf-8,Hello data:text/plain;charset=utf-8,How+are+you%3f data:text/plain;charset=utf-8,Fine"; got != want {
		t.Errorf("the history says %s", got)
	}
}

// Whoever of a user's endpoints takes an invitation has the conversation.
func TestEndpointsCompete(t *testing.T) {
	bubble(t, ucwatest.Options{}, "", func(t *testing.T, s *ucwatest.Server) {
		ana := as(t, s, "ana@contoso.example", "a").online()
		desk, phone := as(t, s, "bo@contoso.example", "desk").online(), as(t, s, "bo@contoso.example", "phone").online()
		lurker := as(t, s, "bo@contoso.example", "lurker")
		ana.do("POST", ana.app+"/communication/messagingInvitations", `{"to":"sip:bo@contoso.example"}`)
		_, atDesk := desk.hear()
		_, atPhone := phone.hear()
		desk.do("POST", links(atDesk)["accept"], "")
		told, batch := phone.hear()
		if told[0] != "completed messagingInvitation Failed" || !strings.Contains(fmt.Sprint(batch), "subcode:ConnectedElsewhere") {
			t.Errorf("the other endpoint hears %q", told)
		}
		if w := phone.do("POST", links(atPhone)["accept"], ""); w.Code == http.StatusNoContent {
			t.Error("an invitation is accepted twice")
		}
		if told, _ := lurker.hear(); len(told) > 0 {
			t.Errorf("an endpoint that is not available hears %q", told)
		}
	})
}

func TestInvitationsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		act            func(ana, bo *inside, atAna, atBo map[string]string)
		caller, called string
	}{
		"declined": {func(_, bo *inside, _, at map[string]string) { bo.do("POST", at["decline"], `{"reason":"Local"}`) },
			"subcode:Declined", "code:LocalFailure"},
		"cancelled": {func(ana, _ *inside, at, _ map[string]string) { ana.do("POST", at["cancel"], "") },
			"subcode:Canceled", "subcode:Canceled"},
		"missed": {func(_, _ *inside, _, _ map[string]string) { time.Sleep(31 * time.Second) },
			"subcode:Timeout", "subcode:Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, ucwatest.Options{}, "", func(t *testing.T, s *ucwatest.Server) {
				ana, bo := as(t, s, "ana@contoso.example", "a").online(), as(t, s, "bo@contoso.example", "b").online()
				ana.do("POST", ana.app+"/communication/messagingInvitations", `{"to":"sip:bo@contoso.example"}`)
				_, atAna := ana.hear()
				_, atBo := bo.hear()
				test.act(ana, bo, links(atAna), links(atBo))
				for who, want := range map[*inside]string{ana: test.caller, bo: test.called} {
					told, batch := who.hear()
					if told[0] != "completed messagingInvitation Failed" || !strings.Contains(fmt.Sprint(batch), want) {
						t.Errorf("heard %q, want %s in %v", told, want, batch)
					}
				}
			})
		})
	}
}

// A message that its receiver does not fetch in 30 seconds never reaches him,
// and its sender is told (message_ref.md).
func TestUnfetchedMessageIsNotDelivered(t *testing.T) {
	bubble(t, ucwatest.Options{}, "", func(t *testing.T, s *ucwatest.Server) {
		ana, bo := as(t, s, "ana@contoso.example", "a").online(), as(t, s, "bo@contoso.example", "b").online()
		ana.do("POST", ana.app+"/communication/messagingInvitations", `{"to":"sip:bo@contoso.example"}`)
		ana.hear()
		_, batch := bo.hear()
		bo.do("POST", links(batch)["accept"], "")
		bo.hear()
		_, batch = ana.hear()
		ana.do("POST", links(batch)["sendMessage"], "lost")
		told, after := ana.hear() // comes when the time is up
		if told[0] != "completed message" || !strings.Contains(fmt.Sprint(after), "status:Failure") || !strings.Contains(fmt.Sprint(after), "failedDeliveryParticipant") {
			t.Errorf("the sender hears %q: %v", told, after)
		}
		ana.do("POST", links(batch)["sendMessage"], "in time")
		if _, v := bo.hear(); links(v)["plainMessage"] != "data:text/plain;charset=utf-8,in+time" {
			t.Errorf("the receiver gets %v", links(v)["plainMessage"])
		}
	})
}

// People without a client answer by themselves.
func TestPeopleWithoutClients(t *testing.T) {
	people := "person cy cy@contoso.example \"Cy\" answers=decline\nperson di di@contoso.example \"Di\" answers=ignore\nperson ed ed@contoso.example \"Ed\" answers=offline\nperson fay fay@contoso.example \"Fay\" echo=yes\n"
	for address, want := range map[string]string{
		"bo@contoso.example": "status:Success", "cy@contoso.example": "subcode:Declined", "di@contoso.example": "subcode:Timeout",
		"ed@contoso.example": "subcode:TemporarilyUnavailable", "nobody@contoso.example": "subcode:DestinationNotFound",
	} {
		bubble(t, ucwatest.Options{}, people, func(t *testing.T, s *ucwatest.Server) {
			ana := as(t, s, "ana@contoso.example", "a") // even a lurker can call
			ana.do("POST", ana.app+"/communication/messagingInvitations", `{"to":"`+address+`"}`)
			ana.hear()
			if _, batch := ana.hear(); !strings.Contains(fmt.Sprint(batch), want) {
				t.Errorf("%s: no %s in %v", address, want, batch)
			}
		})
	}
	bubble(t, ucwatest.Options{}, people, func(t *testing.T, s *ucwatest.Server) {
		ana := as(t, s, "ana@contoso.example", "a").online()
		ana.do("POST", ana.app+"/communication/messagingInvitations", `{"to":"fay@contoso.example"}`)
		ana.hear()
		_, batch := ana.hear()
		ana.do("POST", links(batch)["sendMessage"], "<b>echo</b>")
		ana.hear() // it was delivered
		if _, v := ana.hear(); links(v)["plainMessage"] != "data:text/plain;charset=utf-8,%3cb%3eecho%3c%2fb%3e" {
			t.Errorf("the echo is %q", links(v)["plainMessage"])
		}
	})
}

// A third person makes a conference; one that joins by the meeting's URI hears
// who is there and gets text once messaging is added.
func TestConference(t *testing.T) {
	bubble(t, ucwatest.Options{}, "person cy cy@contoso.example \"Cy\"\n", func(t *testing.T, s *ucwatest.Server) {
		ana, cy := as(t, s, "ana@contoso.example", "a").online(), as(t, s, "cy@contoso.example", "c").online()
		ana.do("POST", ana.app+"/communication/messagingInvitations", `{"to":"bo@contoso.example"}`)
		ana.hear()
		_, batch := ana.hear()
		at := links(batch)
		ana.do("POST", at["addParticipant"], `{"to":"sip:cy@contoso.example"}`)
		told, batch := ana.hear()
		for _, want := range []string{"updated conversation Conferencing", "added onlineMeeting", "updated conversation Conferenced", "started participantInvitation Connecting"} {
			if !slices.Contains(told, want) {
				t.Errorf("no %q in %q", want, told)
			}
		}
		told, invited := cy.hear()
		if told[0] != "started onlineMeetingInvitation Connecting" {
			t.Fatalf("the third hears %q", told)
		}
		cy.do("POST", links(invited)["accept"], "")
		told, inside := cy.hear()
		if !slices.Contains(told, "updated conversation Conferenced") || !slices.Contains(told, "added participant in leaders") {
			t.Errorf("the third hears %q", told)
		}
		if told, _ := ana.hear(); !slices.Contains(told, "added participant in attendees") || !slices.Contains(told, "completed participantInvitation Connected") {
			t.Errorf("the first hears %q", told)
		}
		messaging := decode(t, cy.do("GET", links(inside)["messaging"], ""))
		if w := cy.do("POST", href(messaging, "addMessaging"), "{}"); w.Code != http.StatusCreated {
			t.Fatalf("addMessaging: %d", w.Code)
		}
		if told, _ := cy.hear(); !slices.Contains(told, "updated messaging Connected") {
			t.Errorf("messaging is told as %q", told)
		}
		ana.do("POST", at["sendMessage"], "All here?")
		if _, v := cy.hear(); links(v)["plainMessage"] != "data:text/plain;charset=utf-8,All+here%3f" {
			t.Errorf("the third reads %q", links(v)["plainMessage"])
		}
		_ = batch
	})
}

// Applications end: by silence, without reports of activity, and when there are
// too many.
func TestApplicationsEnd(t *testing.T) {
	bubble(t, ucwatest.Options{MaxApplications: 2}, "", func(t *testing.T, s *ucwatest.Server) {
		silent := as(t, s, "bo@contoso.example", "1")
		time.Sleep(16 * time.Minute)
		if w := silent.do("GET", silent.next, ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "ApplicationNotFound") {
			t.Errorf("after 16 minutes of silence: %d %s", w.Code, w.Body)
		}
		lazy := as(t, s, "bo@contoso.example", "2").online()
		for range 6 { // P-GETs of 3 minutes without a report of activity
			if w, _ := lazy.poll(); w.Code == http.StatusGone {
				break
			}
		}
		if w, _ := lazy.poll(); w.Code != http.StatusNotFound {
			t.Errorf("an endpoint without activity: %d", w.Code)
		}
		as(t, s, "bo@contoso.example", "3")
		as(t, s, "bo@contoso.example", "4")
		c := &inside{t: t, h: s.Handler(), token: silent.token}
		if w := c.do("POST", "/ucwa/oauth/v1/applications", `{"UserAgent":"t","EndpointId":"5","Culture":"en-US"}`); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "TooManyApplications") {
			t.Errorf("a third application: %d %s", w.Code, w.Body)
		}
	})
}
