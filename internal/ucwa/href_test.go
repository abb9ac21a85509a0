package ucwa_test

import (
	"testing"
	"time"

	"archiver/internal/ucwa"
)

func TestFold(t *testing.T) {
	tests := map[string]string{
		"/ucwa/v1/applications/1/communication/conversations/AbC":    "/ucwa/v1/applications/1/communication/conversations/AbC",
		"https://pool.contoso.example:443/ucwa/v1/applications/1/me": "/ucwa/v1/applications/1/me",
		"//ucwa/v1//applications/1/me":                               "/ucwa/v1/applications/1/me",
		"/c/1/participants/Bo.Lind@Contoso.example":                  "/c/1/participants/bo.lind@contoso.example",
		"/c/1/participants/bo%40contoso.example":                     "/c/1/participants/bo@contoso.example",
		"/communication/conversations?filter=active":                 "/communication/conversations",
		"https://pool.contoso.example":                               "/",
		"":                                                           "",
	}
	for in, want := range tests {
		if got := ucwa.Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
		if got := ucwa.Fold(ucwa.Fold(in)); got != want {
			t.Errorf("Fold twice of %q = %q, want %q", in, got, want)
		}
	}
}

func TestNormalizeURI(t *testing.T) {
	tests := map[string]string{
		"sip:Bo@Contoso.example":                  "sip:bo@contoso.example",
		"sip:+4912345@contoso.example;user=phone": "sip:+4912345@contoso.example",
		"bo@contoso.example":                      "sip:bo@contoso.example",
		"tel:+4912345":                            "tel:+4912345",
		"+49 123 45":                              "tel:+49 123 45",
		" ":                                       "",
	}
	for in, want := range tests {
		if got := ucwa.NormalizeURI(in); got != want {
			t.Errorf("NormalizeURI(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestURIFromHref(t *testing.T) {
	tests := map[string]string{
		"/c/1/participants/Bo@contoso.example": "sip:bo@contoso.example",
		"/people/bo%40contoso.example":         "sip:bo@contoso.example",
		"/c/1/participants/196":                "",
		"/c/1/participants/+4912345":           "tel:+4912345",
		"/c/1/participants('O''Bo@x.example')": "sip:o'bo@x.example",
		"":                                     "",
	}
	for in, want := range tests {
		if got := ucwa.URIFromHref(in); got != want {
			t.Errorf("URIFromHref(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestApplicationHref(t *testing.T) {
	tests := map[string]string{
		"/ucwa/oauth/v1/applications/105/events?ack=1":       "/ucwa/oauth/v1/applications/105",
		"https://x.contoso.example/ucwa/v1/applications/105": "/ucwa/v1/applications/105",
		"/elsewhere": "",
	}
	for in, want := range tests {
		if got := ucwa.ApplicationHref(in); got != want {
			t.Errorf("ApplicationHref(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestThreadTime(t *testing.T) {
	tests := []struct {
		name, thread, want string
	}{
		{"22 bytes", "Adpt8ao4AAECAwQFBgcICQoLDA0ODw==", "2024-03-04T05:06:07Z"},
		{"with replies", "Adpt8ao4AAECAwQFBgcICQoLDA0ODwAAAAAAAAAAAAA=", "2024-03-04T05:06:07Z"},
		{"32 hex digits", "8f14e45fceea167a5a36dedd4bea2543", "unknown"},
		{"absent", "", "unknown"},
		{"no time in it", "////////////////////////////AA==", "unknown"},
	}
	for _, tt := range tests {
		if got := ucwa.ThreadTime(tt.thread).String(); got != tt.want {
			t.Errorf("%s: ThreadTime(%q) = %s, want %s", tt.name, tt.thread, got, tt.want)
		}
	}
}

func TestDate(t *testing.T) {
	want := time.Date(2018, 3, 21, 12, 34, 57, 41e6, time.UTC)
	for in, ok := range map[string]bool{
		`"/Date(1521635697041)/"`: true, `"\/Date(1521635697041)\/"`: true, `"/Date(1521635697041+0100)/"`: true,
		`"2018-03-21T12:34:57.041Z"`: true, `"2018-03-21T13:34:57.041+01:00"`: true, `"2018-03-21T12:34:57.041"`: true,
		`"yesterday"`: false, `"/Date()/"`: false, `12`: false,
	} {
		var m ucwa.Message
		err := ucwa.Parse([]byte(`{"timeStamp":`+in+`}`), &m)
		if (err == nil) != ok || (ok && !m.TimeStamp.Equal(want)) {
			t.Errorf("timeStamp %s: %v, %v; want ok %v", in, m.TimeStamp, err, ok)
		}
	}
}
