package decode_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/decode"
)

const logs = "/communication/conversationLogs"

// read decodes a resource of the history that was asked for at a place of the
// application.
func read(place, body string) []archive.Decoded {
	return decode.Observation(archive.Observation{ID: 9, Account: ana.URI, Source: archive.SourceBackfill, Status: 200,
		URL: "https://pool.contoso.example" + app + place, Body: []byte(body)})
}

func TestConversationLog(t *testing.T) {
	got := read(logs+"/7", `{"rel":"conversationLog","creationTime":"\/Date(1521635697041)\/","direction":"Incoming","importance":"Urgent",
		"modalities":["Messaging"],"previewMessage":"Hi","status":"Missed","subject":"Budget","threadId":"AAAA","totalRecipientsCount":2,"type":"MessageLog",
		"_links":{"self":{"href":"`+app+logs+`/7"},"conversationLogTranscripts":{"href":"`+app+logs+`/7/transcripts?from=0"},
			"continueMessaging":{"href":"/no"},"markAsRead":{"href":"/no"}},
		"_embedded":{"conversationLogRecipient":[{"displayName":"Bo Lind","sipUri":"sip:Bo@contoso.example","_links":{"contact":{"href":"`+app+`/people/bo@contoso.example"}}},
			{"displayName":"Cy","_links":{"contact":{"href":"`+app+`/people/0f3"}}},{"displayName":"","_links":{}}]}}`)
	want := []archive.Change{archive.LogChange{Href: logs + "/7", Transcripts: logs + "/7/transcripts?from=0",
		Thread: archive.Thread{ID: "AAAA"}, Type: "MessageLog", Status: "Missed", Direction: "Incoming", Subject: "Budget", Importance: "Urgent",
		Created: archive.FromNanos(1521635697041e6), Recipients: []archive.Party{
			{URI: bo.URI, Href: "/people/bo@contoso.example", Name: "Bo Lind"}, {Href: "/people/0f3", Name: "Cy"}}}}
	if diff := cmp.Diff(want, got[0].Changes); diff != "" || got[0].Event.Kind != "conversationLog" {
		t.Error(diff, got[0].Event)
	}
}

// entryOf is a transcript with an author and what it is of.
func entryOf(author, embedded string) string {
	return `{"rel":"conversationLogTranscript","timeStamp":"\/Date(1521635697041)\/","_links":{` + author + `},"_embedded":{` + embedded + `}}`
}

func said(uri string) string {
	return `"messageTranscript":{"_links":{` + uri + `}}`
}

func TestTranscripts(t *testing.T) {
	me, contact := `"me":{"href":"`+app+`/me"}`, `"contact":{"href":"`+app+`/people/Bo@contoso.example","title":"Bo Lind"}`
	other := archive.Party{URI: bo.URI, Href: "/people/bo@contoso.example", Name: "Bo Lind"}
	at, page := archive.FromNanos(1521635697041e6), logs+"/7/transcripts?from=50"
	hi := said(`"plainMessage":{"href":"data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1%0d%0a"}`)
	got := read(page, `{"rel":"conversationLogTranscripts","_links":{"self":{"href":"`+app+logs+`/7/transcripts"},
			"nextConversationLogTranscripts":{"href":"`+app+logs+`/7/transcripts?from=100"}},
		"_embedded":{"conversationLogTranscript":[`+strings.Join([]string{
		entryOf(contact, hi), entryOf(contact, hi),
		entryOf(me, said(`"htmlMessage":{"href":"data:text/html,%3cp%3eone%3c%2fp%3e"}`)),
		entryOf(contact, `"audioTranscript":{"status":"Ended","duration":"PT42S"}`),
		entryOf(contact, `"errorTranscript":{"reason":"Unknown"}`),
		`{"rel":"conversationLogTranscript","timeStamp":"yesterday","_links":{},"_embedded":{}}`,
		entryOf(contact, `"hologramTranscript":{}`),
	}, ",")+`]}}`)
	plain := archive.LogMessageChange{Page: page, Direction: "Incoming", From: other, Time: at, Text: &archive.Text{Plain: "café 100% +1"}}
	again := plain
	again.Copy = 1
	want := [][]archive.Change{
		{archive.LogPageChange{Href: page, Next: logs + "/7/transcripts?from=100"}}, {plain}, {again},
		{archive.LogMessageChange{Page: page, Direction: "Outgoing", From: ana, Time: at, Text: &archive.Text{Plain: "one", HTML: "<p>one</p>"}}},
		{archive.LogNoteChange{Page: page, Sort: "audio", From: other, Time: at, Status: "Ended", Duration: "PT42S"}},
		{archive.LogNoteChange{Page: page, Sort: "error", From: other, Time: at, Status: "Unknown"}},
		nil, nil,
	}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, d := range got {
		if diff := cmp.Diff(want[i], d.Changes); diff != "" || d.Event.Position != i+1 || (d.Event.Error != "") != (i == 6) {
			t.Errorf("entry %d: %s %+v", i, diff, d.Event)
		}
	}
}

// One entry comes bare, without a list.
func TestOneTranscript(t *testing.T) {
	got := read(logs+"/7/t", `{"rel":"conversationLogTranscripts","_links":{},"_embedded":{"conversationLogTranscript":`+
		entryOf(`"me":{"href":"/me"}`, said(`"plainMessage":{"href":"data:,Hi"}`))+`}}`)
	if len(got) != 2 || len(got[1].Changes) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestMissedItems(t *testing.T) {
	const counts = `{"rel":"missedItems","conversationLogsCount":12,"missedConversationsCount":3,"unreadMissedConversationsCount":2,"voiceMailsCount":1}`
	want := []archive.Change{archive.MissedItemsChange{Logs: 12, Missed: 3, Unread: 2, VoiceMails: 1}}
	if diff := cmp.Diff(want, read("/communication/missedItems", counts)[0].Changes); diff != "" {
		t.Error(diff)
	}
	embedded := observe("communication", app+"/communication",
		fmt.Sprintf(`{"type":"updated","link":{"rel":"missedItems","href":"/m"},"_embedded":{"missedItems":%s}}`, counts),
		`{"type":"updated","link":{"rel":"missedItems","href":"/m"}}`)
	if diff := cmp.Diff(want, embedded[0].Changes); diff != "" || embedded[1].Changes != nil || embedded[1].Event.Error != "" {
		t.Error(diff, embedded[1])
	}
}

// An answer that is an error, or leads to the history, says nothing of
// conversations.
func TestRefusedHistory(t *testing.T) {
	if got := read("/communication", `{"rel":"communication","_links":{}}`); got != nil {
		t.Errorf("%+v", got)
	}
	if got := decode.Observation(archive.Observation{ID: 1, Source: archive.SourceBackfill, Status: 502, Body: []byte("<html>")}); got != nil {
		t.Errorf("%+v", got)
	}
}
