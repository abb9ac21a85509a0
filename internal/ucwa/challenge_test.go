package ucwa_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/ucwa"
)

const tokenURL = "https://web.contoso.example/WebTicket/oauthtoken"

func TestOAuthChallenge(t *testing.T) {
	grants := []string{"urn:microsoft.rtc:windows", "urn:microsoft.rtc:anonmeeting", "password"}
	list := strings.Join(grants, ",")
	bearer := `Bearer trusted_issuers="00000002-0000@contoso.example", client_id="00000004-0000"`
	tests := []struct {
		name   string
		lines  []string
		href   string
		grants []string
		ok     bool
	}{
		{"two lines", []string{bearer, `MsRtcOAuth href="` + tokenURL + `",grant_type="` + list + `"`}, tokenURL, grants, true},
		{"joined", []string{bearer + `, MsRtcOAuth href="` + tokenURL + `",grant_type="` + list + `"`}, tokenURL, grants, true},
		{"first", []string{`MsRtcOAuth href="` + tokenURL + `",grant_type="` + list + `", ` + bearer}, tokenURL, grants, true},
		{"bare href", []string{`MsRtcOAuth href=` + tokenURL + `,grant_type="` + list + `"`}, tokenURL, grants, true},
		{"bare href with query", []string{`MsRtcOAuth href=` + tokenURL + `?a=1&b=2,grant_type="password"`}, tokenURL + "?a=1&b=2", []string{"password"}, true},
		{"spaces, case, order", []string{`msrtcoauth  GRANT_TYPE = "password" ,  Href = "` + tokenURL + `"`}, tokenURL, []string{"password"}, true},
		{"after a token68", []string{`Negotiate YIIabc==, MsRtcOAuth href="` + tokenURL + `",grant_type="password"`}, tokenURL, []string{"password"}, true},
		{"escapes", []string{`MsRtcOAuth href="https://web.contoso.example/a\"b",grant_type="pass\word"`}, `https://web.contoso.example/a"b`, []string{"password"}, true},
		{"scheme named in a value", []string{`Bearer realm="MsRtcOAuth href=https://evil.example/", MsRtcOAuth href="` + tokenURL + `",grant_type="password"`}, tokenURL, []string{"password"}, true},
		{"second href", []string{`MsRtcOAuth href="` + tokenURL + `",grant_type="password",href="https://evil.example/"`}, tokenURL, []string{"password"}, true},
		{"no grants", []string{`MsRtcOAuth href="` + tokenURL + `"`}, tokenURL, nil, true},
		{"unclosed quote", []string{`MsRtcOAuth grant_type="password",href="` + tokenURL}, tokenURL, []string{"password"}, true},
		{"href of another scheme", []string{`Bearer href="` + tokenURL + `"`, `MsRtcOAuth grant_type="password"`}, "", nil, false},
		{"none", []string{`Negotiate`, `NTLM`, ``}, "", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			href, grants, ok := ucwa.OAuthChallenge(http.Header{"Www-Authenticate": tt.lines})
			if href != tt.href || ok != tt.ok {
				t.Errorf("href %q, %v; want %q, %v", href, ok, tt.href, tt.ok)
			}
			if d := cmp.Diff(tt.grants, grants); d != "" && len(grants)+len(tt.grants) > 0 {
				t.Error(d)
			}
		})
	}
}

// What was found, written in the canonical form, is found again.
func FuzzOAuthChallenge(f *testing.F) {
	f.Add(`MsRtcOAuth href="`+tokenURL+`",grant_type="password,urn:a"`, "")
	f.Add(`Bearer a="b", MsRtcOAuth href=`+tokenURL+`,grant_type="password"`, `Negotiate x==`)
	f.Add(`MsRtcOAuth href="a\"b\\`, `,,=,"`)
	f.Add(`Bearer authorization_uri="https://login.fabrikam.example/a",client_id="x"`, `MsRtcOAuth href=`+tokenURL)
	f.Add(`NTLM TlRMTVNTUAAC==, MsRtcOAuth grant_type=password,href="//evil.example/"`, "\x00\t=\"")
	f.Add(`msrtcoauth href = "a" "b" , href="c"`, `MsRtcOAuth="x",href=y`)
	f.Add("MsRtcOAuth href=\"\xff\",grant_type=\"\u2028\"", `MsRtcOAuth href="unclosed\`)
	f.Fuzz(func(t *testing.T, a, b string) {
		href, grants, ok := ucwa.OAuthChallenge(http.Header{"Www-Authenticate": {a, b}})
		if !ok {
			if href != "" || grants != nil {
				t.Fatal("a challenge that is not one has content")
			}
			return
		}
		quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		again := `MsRtcOAuth href="` + quote.Replace(href) + `",grant_type="` + quote.Replace(strings.Join(grants, ",")) + `"`
		href2, grants2, ok2 := ucwa.OAuthChallenge(http.Header{"Www-Authenticate": {again}})
		if !ok2 || href2 != href || !cmp.Equal(append([]string{}, grants...), append([]string{}, grants2...)) {
			t.Fatalf("%q %q became %q %q", href, grants, href2, grants2)
		}
	})
}
