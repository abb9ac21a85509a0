package ucwa_test

import (
	"errors"
	"testing"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

func TestParseDataURI(t *testing.T) {
	tests := []struct {
		name, uri, mediaType, text string
	}{
		{"plus is a space", "data:text/plain;charset=utf-8,Hello..+Bo+here..", "text/plain", "Hello.. Bo here.."},
		{"both layers", "data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1", "text/plain", "café 100% +1"},
		{"line break of the desktop", "data:text/plain;charset=utf-8,Hi+Ana%0d%0a", "text/plain", "Hi Ana\r\n"},
		{"without charset", "data:text/plain,Hi", "text/plain", "Hi"},
		{"utf8 without hyphen", "data:text/plain;charset=utf8,%c3%a9", "text/plain", "é"},
		{"base64", "data:text/plain;base64,SGkgQW5hISArMQ==", "text/plain", "Hi Ana! +1"},
		{"base64 keeps its plus", "data:text/plain;charset=utf-8;base64,Pj4+", "text/plain", ">>>"},
		{"base64 escaped", "data:text/plain;base64,Pj4%2b", "text/plain", ">>>"},
		{"latin-1", "data:text/plain;charset=iso-8859-1,caf%e9", "text/plain", "café"},
		{"html", "data:text/html;charset=utf-8,%3cb%3eHi%3c%2fb%3e", "text/html", "<b>Hi</b>"},
		{"malformed escape is kept", "data:text/plain,100%+sure", "text/plain", "100%+sure"},
		{"comma in the text", "data:text/plain,a,b", "text/plain", "a,b"},
		{"no type", "data:,Hi", "text/plain", "Hi"},
		{"case of the scheme", "DATA:Text/Plain,Hi", "text/plain", "Hi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mediaType, text, err := ucwa.ParseDataURI(tt.uri)
			if err != nil || mediaType != tt.mediaType || text != tt.text {
				t.Errorf("ParseDataURI(%q) = %q, %q, %v; want %q, %q", tt.uri, mediaType, text, err, tt.mediaType, tt.text)
			}
		})
	}
}

func TestParseDataURIRefuses(t *testing.T) {
	for _, uri := range []string{"", "text", "data:text/plain", "http://contoso.example/,x",
		"data:text/plain;charset=x-none,a", "data:text/plain;charset=utf-8,%ff", "data:text/plain;base64,*"} {
		if _, _, err := ucwa.ParseDataURI(uri); !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("ParseDataURI(%q): error %v, want ErrInvalid", uri, err)
		}
	}
}

func FuzzParseDataURI(f *testing.F) {
	for _, s := range []string{"data:,", "data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1", "data:text/html;base64,PGI+", "data:;base64;,%"} {
		f.Add(s)
	}
	for _, seed := range []string{
		"data:text/plain;charset=utf-8,hi%21+there%0d%0a", "data:text/html;charset=utf8;base64,PGI+aGk8L2I+", "DATA:TEXT/PLAIN;CHARSET=ISO-8859-1,%e9",
		"data:,", "data:;base64,", "data:;charset=,x", "data:text/plain;charset=utf-16le;base64,aABpAA==", "data:text/plain;charset=gb18030,%81%30", "data:text/plain,%zz%",
		"data:text/plain;base64,aGk", "data:text/plain;base64,a-_G k=", "data:text/plain;base64,%61%47%6b%3d", "data:text/plain;charset=x-user-defined,%ff", "data:a;b;c;d=\"e,f\",g", "data:text/plain;base64", "javascript:x,y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, text, err := ucwa.ParseDataURI(s)
		if err != nil && text != "" {
			t.Errorf("ParseDataURI(%q) gave both a text and an error", s)
		}
	})
}
