package ucwa_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

const batch = `{
  "_links": {"self": {"href": "/a/1/events?ack=1"}, "next": {"href": "/a/1/events?ack=2"}},
  "foreign": [1, {"x": null}],
  "sender": [
    {"rel": "me", "href": "/a/1/me", "events": [{"type": "updated", "link": {"rel": "me", "href": "/a/1/me"}}]},
    {"rel": "communication", "href": "/a/1/communication", "events": [
      {"status": "Failure", "type": "completed", "link": {"rel": "messagingInvitation", "href": "/i/1"},
       "reason": {"code": "LocalFailure", "subcode": "Declined", "message": null, "debugInfo": {}},
       "_embedded": {"messagingInvitation": {"state": "Failed"}}},
      {"type": "added", "link": {"rel": "participant", "href": "/p/bo", "title": "Bo"},
       "in": {"rel": "typingParticipants", "href": "/t"}}]}]}`

func TestParseEnvelope(t *testing.T) {
	for name, body := range map[string]string{"plain": batch, "with a byte order mark": "\ufeff" + batch} {
		env, err := ucwa.ParseEnvelope([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if env.Self != "/a/1/events?ack=1" || env.Next != "/a/1/events?ack=2" || env.Count() != 3 {
			t.Errorf("%s: self %q, next %q, %d events", name, env.Self, env.Next, env.Count())
		}
		if raw := string(env.Senders[0].Events[0]); !strings.Contains(body, raw) {
			t.Errorf("%s: the raw event is not the bytes of the body: %s", name, raw)
		}
	}
}

func TestParseEnvelopeVariants(t *testing.T) {
	tests := []struct {
		name, body string
		want       ucwa.Envelope
	}{
		{"empty answer", `{"_links":{"next":{"href":"/n"}}}`, ucwa.Envelope{Next: "/n"}},
		{"empty sender", `{"_links":{"next":{"href":"/n"}},"sender":[]}`, ucwa.Envelope{Next: "/n"}},
		{"resync", `{"_links":{"resync":{"href":"/r"}}}`, ucwa.Envelope{Resync: "/r"}},
		{"resume", `{"_links":{"resume":{"href":"/r"}}}`, ucwa.Envelope{Resume: "/r"}},
		{"array of links", `{"_links":{"next":[{"href":"/n"},{"href":"/m"}]}}`, ucwa.Envelope{Next: "/n"}},
		{"null link", `{"_links":{"next":null}}`, ucwa.Envelope{}},
		{"no links", `{}`, ucwa.Envelope{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ucwa.ParseEnvelope([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A bad event must not hide its neighbours.
func TestParseEnvelopeKeepsBadEvents(t *testing.T) {
	body := "{\"sender\":[{\"rel\":\"me\",\"events\":[{\"type\":\"added\",\"type\":\"deleted\"},{\"type\":\"\xff\"},{\"type\":\"updated\"}]}]}"
	env, err := ucwa.ParseEnvelope([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	events := env.Senders[0].Events
	for i, wantErr := range []string{"the same member twice", "invalid UTF-8", ""} {
		_, err := ucwa.ParseEvent(events[i])
		switch {
		case wantErr == "" && err != nil:
			t.Errorf("event %d: %v", i, err)
		case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr) || !errors.Is(err, archive.ErrInvalid)):
			t.Errorf("event %d: error %v, want %q", i, err, wantErr)
		}
	}
}

func TestParseEvent(t *testing.T) {
	env, err := ucwa.ParseEnvelope([]byte(batch))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ucwa.ParseEvent(env.Senders[1].Events[0])
	if err != nil {
		t.Fatal(err)
	}
	want := ucwa.Event{
		Type: "completed", Status: "Failure",
		Link:     ucwa.Link{Rel: "messagingInvitation", Href: "/i/1"},
		Reason:   &archive.Reason{Code: "LocalFailure", Subcode: "Declined"},
		Embedded: []byte(`{"state": "Failed"}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	typing, err := ucwa.ParseEvent(env.Senders[1].Events[1])
	if err != nil || typing.In.Rel != "typingParticipants" || typing.Embedded != nil {
		t.Errorf("typing event: %+v, %v", typing, err)
	}
}

// What is wrong is described without quoting what people wrote.
func TestErrorsQuoteNothing(t *testing.T) {
	for _, body := range []string{`{"sender": "secret words"}`, `{"secret words": tru`, `{"_links": {"next": "secret words"}}`} {
		_, err := ucwa.ParseEnvelope([]byte(body))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseEnvelope(%s): %v", body, err)
		}
	}
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte(batch))
	f.Add([]byte(`{"sender":[{"events":[{"_embedded":{"a":{}}}]}]}`))
	for _, seed := range []string{
		"\ufeff" + batch, `{"_links":{"resync":{"href":"/r"},"next":[{"href":"/n"}]},"sender":null}`, `{"sender":[{"events":[null,1,"x",[],{}]}]}`,
		`{"sender":[{"events":[{"type":"added","type":"deleted"}]}],"sender":[]}`, `{"sender":{"rel":"me"}}`, `{"_links":[]}`, `[]`, ``, `{"_links":{"next":{"href":"`,
		"{\"sender\":[{\"rel\":\"\xff\"}]}", `{"sender":[{"events":[{"link":{"rel":"a"},"_embedded":{"b":{},"c":{}},"reason":{"message":null}}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		env, err := ucwa.ParseEnvelope(body)
		if err != nil {
			return
		}
		for _, s := range env.Senders {
			for _, raw := range s.Events {
				_, _ = ucwa.ParseEvent(raw) // must not panic, whatever it holds
			}
		}
	})
}
