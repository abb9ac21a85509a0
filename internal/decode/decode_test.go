package decode_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/decode"
)

const (
	app  = "/ucwa/oauth/v1/applications/105"
	conv = app + "/communication/conversations/c1"
)

var (
	ana = archive.Party{URI: "sip:ana@contoso.example"}
	bo  = archive.Party{URI: "sip:bo@contoso.example", Href: conv + "/participants/bo@contoso.example", Name: "Bo Lind"}
)

// observe decodes a batch of events sent by one sender.
func observe(sender, href string, events ...string) []archive.Decoded {
	return decode.Observation(archive.Observation{
		ID: 7, Account: ana.URI, Source: archive.SourceCapture,
		Body: fmt.Appendf(nil, `{"_links":{"self":{"href":"%s/events?ack=1"},"next":{"href":"%s/events?ack=2"}},
			"sender":[{"rel":%q,"href":%q,"events":[%s]}]}`, app, app, sender, href, strings.Join(events, ",")),
	})
}

// conversationEvent decodes one event sent by the conversation.
func conversationEvent(event string) archive.Decoded { return observe("conversation", conv, event)[0] }

func TestChanges(t *testing.T) {
	tests := []struct {
		name, event, kind string
		want              []archive.Change
	}{
		{"conversation added",
			`{"type":"added","link":{"rel":"conversation","href":"` + conv + `"},"_embedded":{"conversation":{"rel":"conversation",
				"state":"Incoming","threadId":"AdptUZVBBUAAAQIDBAUGBwgJCgsMDQ4PEA==","subject":"Budget","importance":"Urgent"}}}`,
			"conversation",
			[]archive.Change{archive.ConversationChange{Href: conv, State: "Incoming", Subject: "Budget", Importance: "Urgent",
				Thread: archive.Thread{ID: "AdptUZVBBUAAAQIDBAUGBwgJCgsMDQ4PEA=="}}}},
		{"conversation deleted", `{"type":"deleted","link":{"rel":"conversation","href":"` + conv + `"}}`,
			"conversation", []archive.Change{archive.ConversationChange{Href: conv, Deleted: true}}},
		{"bare participant", `{"type":"added","link":{"rel":"participant","href":"` + conv + `/participants/Bo@contoso.example","title":"Bo Lind"}}`,
			"participant", []archive.Change{archive.ParticipantChange{Conversation: conv, Party: bo}}},
		{"attendee", `{"type":"added","in":{"rel":"attendees"},"link":{"rel":"participant","href":"` + conv + `/participants/bo@contoso.example","title":"Bo Lind"}}`,
			"attendee", []archive.Change{archive.ParticipantChange{Conversation: conv, Party: bo, Role: "Attendee"}}},
		{"no longer a leader", `{"type":"deleted","in":{"rel":"leaders"},"link":{"rel":"participant","href":"` + conv + `/participants/bo@contoso.example"}}`,
			"leader", nil},
		{"typing", `{"type":"added","in":{"rel":"typingParticipants"},"link":{"rel":"participant","href":"` + conv + `/participants/bo@contoso.example"}}`,
			"typing", nil},
		{"local participant", `{"type":"added","link":{"rel":"localParticipant","href":"` + conv + `/participants/ana@contoso.example","title":"Ana"},
			"_embedded":{"localParticipant":{"rel":"participant","uri":"sip:Ana@contoso.example","name":"Ana Ruiz","sourceNetwork":"SameEnterprise","role":"Leader"}}}`,
			"localParticipant", []archive.Change{archive.ParticipantChange{Conversation: conv, Local: true, Role: "Leader", SourceNetwork: "SameEnterprise",
				Party: archive.Party{URI: ana.URI, Href: conv + "/participants/ana@contoso.example", Name: "Ana Ruiz"}}}},
		{"left", `{"type":"deleted","link":{"rel":"participant","href":"` + conv + `/participants/bo@contoso.example","title":"Bo Lind"}}`,
			"participant", []archive.Change{archive.ParticipantChange{Conversation: conv, Party: bo, Left: true}}},
		{"messaging ended", `{"type":"updated","link":{"rel":"messaging","href":"` + conv + `/messaging"},"reason":{"code":"RemoteFailure","subcode":"Ended"},
			"_embedded":{"messaging":{"state":"Disconnected"}}}`,
			"messaging", []archive.Change{archive.ModalityChange{Conversation: conv, Modality: "messaging", State: "Disconnected",
				Reason: &archive.Reason{Code: "RemoteFailure", Subcode: "Ended"}}}},
		{"incoming message", message("Incoming", `"plainMessage":{"href":"data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1%0d%0a"},
				"participant":{"href":"`+conv+`/participants/bo@contoso.example","title":"Bo Lind"}`),
			"message", []archive.Change{archive.MessageChange{Href: conv + "/messaging/messages/2", Conversation: conv, Direction: "Incoming",
				From: bo, Time: archive.FromNanos(1521635697041e6), Text: &archive.Text{Plain: "café 100% +1"}, Status: "Success"}}},
		{"html message", message("Incoming", `"htmlMessage":{"href":"data:text/html;charset=utf-8,%3cp%3eone%3c%2fp%3e%3cp%3etwo+%26amp%3b+three%3c%2fp%3e%3cscript%3ealert(1)%3c%2fscript%3e"},
				"contact":{"href":"`+app+`/people/bo@contoso.example"}`),
			"message", []archive.Change{archive.MessageChange{Href: conv + "/messaging/messages/2", Conversation: conv, Direction: "Incoming",
				From: archive.Party{URI: bo.URI, Href: app + "/people/bo@contoso.example"}, Time: archive.FromNanos(1521635697041e6), Status: "Success",
				Text: &archive.Text{Plain: "one\ntwo & three", HTML: "<p>one</p><p>two &amp; three</p><script>alert(1)</script>"}}}},
		{"own message without text", message("Outgoing", `"self":{"href":"x"}`),
			"message", []archive.Change{archive.MessageChange{Href: conv + "/messaging/messages/2", Conversation: conv, Direction: "Outgoing",
				From: ana, Time: archive.FromNanos(1521635697041e6), Status: "Success"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := conversationEvent(tt.event)
			if got.Event.Error != "" || !got.Event.Decoded || got.Event.Kind != tt.kind {
				t.Fatalf("decoded %v as %q, error %q; want kind %q", got.Event.Decoded, got.Event.Kind, got.Event.Error, tt.kind)
			}
			for i, c := range got.Changes { // the thread's time has a test of its own
				if v, ok := c.(archive.ConversationChange); ok {
					v.Thread.Began = archive.Time{}
					got.Changes[i] = v
				}
			}
			if diff := cmp.Diff(tt.want, got.Changes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func message(direction, links string) string {
	return `{"type":"completed","status":"Success","link":{"rel":"message","href":"` + conv + `/messaging/messages/2"},
		"_embedded":{"message":{"rel":"message","direction":"` + direction + `","timeStamp":"\/Date(1521635697041)\/","_links":{` + links + `}}}}`
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name, members, state string
		want                 archive.Outcome
	}{
		{"accepted", `"type":"completed","status":"Success"`, "Connected", archive.Accepted},
		{"accepted without status", `"type":"completed"`, "Connected", archive.Accepted},
		{"declined", `"type":"completed","status":"Failure","reason":{"code":"LocalFailure","subcode":"Declined"}`, "Failed", archive.Declined},
		{"missed", `"type":"completed","status":"Failure","reason":{"code":"RemoteFailure","subcode":"Timeout"}`, "Failed", archive.Missed},
		{"cancelled", `"type":"completed","status":"Failure","reason":{"code":"RemoteFailure","subcode":"Canceled"}`, "Failed", archive.Cancelled},
		{"elsewhere", `"type":"completed","status":"Failure","reason":{"code":"LocalFailure","subcode":"ConnectedElsewhere"}`, "Failed", archive.EndedElsewhere},
		{"failed", `"type":"completed","status":"Failure","reason":{"code":"RemoteFailure","subcode":"DestinationNotFound"}`, "Failed", archive.Failed},
		{"declined by state", `"type":"completed"`, "Declined", archive.Declined},
		{"still open", `"type":"updated"`, "Connecting", archive.Pending},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := observe("communication", app+"/communication", `{`+tt.members+`,"link":{"rel":"messagingInvitation","href":"/i/1"},
				"_embedded":{"messagingInvitation":{"state":"`+tt.state+`","direction":"Incoming","_links":{"conversation":{"href":"`+conv+`"},
				"message":{"href":"data:text/plain,Hi+Ana"},"to":{"href":"/people/ana@contoso.example"}},
				"_embedded":{"from":{"uri":"sip:bo@contoso.example","name":"Bo Lind"}}}}}`)[0]
			c, ok := d.Changes[0].(archive.InvitationChange)
			if !ok || c.Outcome != tt.want || c.Text.Plain != "Hi Ana" || c.From.URI != bo.URI || c.To.URI != ana.URI || c.Conversation != conv {
				t.Errorf("got %+v (%s), want outcome %q", c, d.Event.Error, tt.want)
			}
		})
	}
}

// What cannot be decoded is listed with the reason and hides nothing.
func TestUndecodable(t *testing.T) {
	got := observe("conversation", conv,
		`{"type":"added","link":{"rel":"hologram","href":"/h/1"}}`,
		`{"type":"completed","link":{"rel":"message","href":"/m/1"},"_embedded":{"message":{"timeStamp":"yesterday"}}}`,
		`{"type":"completed","link":{"rel":"message","href":"/m/2"},"_embedded":{"message":{"direction":"Incoming","direction":"Outgoing"}}}`,
		`{"type":"updated","link":{"rel":"presence","href":"/p"}}`,
		`{"type":"deleted","link":{"rel":"conversation","href":"`+conv+`"}}`)
	want := []struct {
		kind    string
		decoded bool
		err     string
	}{{"unknown", false, ""}, {"message", false, "unexpected kind"}, {"message", false, "same member twice"}, {"presence", false, ""}, {"conversation", true, ""}}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, w := range want {
		e := got[i].Event
		if e.Kind != w.kind || e.Decoded != w.decoded || !strings.Contains(e.Error, w.err) || (w.err == "") != (e.Error == "") || e.Position != i+1 {
			t.Errorf("entry %d: %+v, want %+v", i, e, w)
		}
	}
}

func TestBodies(t *testing.T) {
	tests := []struct {
		name, body string
		entries    int
		err        bool
	}{
		{"empty answer", `{"_links":{"next":{"href":"/n"}}}`, 0, false},
		{"not JSON", `<html>`, 1, true},
		{"truncated", `{"_links":{"next":{"href":"/n"}},"sender":[{"rel":"me"`, 1, true},
		{"empty", ``, 1, true},
		{"a resource", `{"rel":"participant","uri":"sip:bo@contoso.example","_links":{"self":{"href":"` + conv + `/participants/bo@contoso.example"},"conversation":{"href":"` + conv + `"}}}`, 1, false},
		{"an answer of nothing", `{}`, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decode.Observation(archive.Observation{ID: 1, Account: ana.URI, Body: []byte(tt.body)})
			if len(got) != tt.entries || (len(got) > 0 && (got[0].Event.Error != "") != tt.err) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func FuzzObservation(f *testing.F) {
	f.Add([]byte(`{"sender":[{"rel":"conversation","href":"/c","events":[` + message("Incoming", `"plainMessage":{"href":"data:,Hi"}`) + `]}]}`))
	f.Add([]byte(`{"rel":"conversation","_links":{"self":{"href":"/c"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o := archive.Observation{ID: 1, Account: ana.URI, Body: body}
		if diff := cmp.Diff(decode.Observation(o), decode.Observation(o)); diff != "" {
			t.Errorf("decoding is not a function of the bytes: %s", diff)
		}
	})
}
