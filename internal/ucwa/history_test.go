package ucwa_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/ucwa"
)

func TestInApplication(t *testing.T) {
	for href, want := range map[string]string{
		"":                                 "",
		"/ucwa/oauth/v1/applications/105":  "",
		"/ucwa/oauth/v1/applications/7/me": "/me",
		"https://pool.contoso.example//ucwa/v1/applications/7/communication/conversationLogs/1?b=2&a=1": "/communication/conversationLogs/1?a=1&b=2",
		"/elsewhere/Bo@contoso.example?x": "/elsewhere/bo@contoso.example?x=",
	} {
		if got := ucwa.InApplication(href); got != want {
			t.Errorf("%q is at %q, want %q", href, got, want)
		}
	}
}

func TestWithLimit(t *testing.T) {
	for href, want := range map[string]string{
		"/logs":                         "/logs?limit=50",
		"/logs?limit=7":                 "/logs?limit=7",
		"https://pool/logs?a=%2f&b=c d": "https://pool/logs?a=%2F&b=c+d&limit=50",
	} {
		if got, err := ucwa.WithLimit(href, 50); err != nil || got != want {
			t.Errorf("%q becomes %q, %v; want %q", href, got, err, want)
		}
	}
	if _, err := ucwa.WithLimit("http://\x00", 1); err == nil {
		t.Error("what is no URL was given a limit")
	}
}

func TestConversationLogs(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want ucwa.ConversationLogs
	}{
		"none": {`{"rel":"conversationLogs","_links":{}}`, ucwa.ConversationLogs{}},
		"one":  {`{"_links":{"conversationLog":{"href":"/1"}}}`, ucwa.ConversationLogs{Logs: []string{"/1"}}},
		"many, some of them embedded, and more": {"\xef\xbb\xbf" + `{"_links":{"conversationLog":[{"href":"/1"},{"href":"/2"},{"href":"/1"}],"next":{"href":"/n"}},
			"_embedded":{"conversationLog":[{"_links":{"self":{"href":"/2"}}},{"_links":{"self":{"href":"/3"}}},{}]}}`,
			ucwa.ConversationLogs{Logs: []string{"/1", "/2", "/3"}, Next: "/n"}},
	} {
		got, err := ucwa.ParseConversationLogs([]byte(tt.body))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %s %v", name, diff, err)
		}
	}
	if _, err := ucwa.ParseConversationLogs([]byte(`{"_links":7}`)); err == nil {
		t.Error("an answer of another form was read")
	}
}
