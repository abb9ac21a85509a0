package component

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Token is a piece of JSON text of one sort.
type Token struct {
	Class string // k key, s string, n number, l literal, "" the rest
	Text  string
}

// maxShown is how much JSON a page shows; the rest is in the download.
const maxShown = 256 << 10

// JSON is a document formatted for reading. The bytes as received are
// elsewhere: this is display only.
type JSON struct {
	Tokens []Token
	Cut    bool // whether only the beginning is shown
	Valid  bool // false: Tokens hold the text as it is
}

// Highlight formats a document and sorts its pieces.
func Highlight(raw []byte) JSON {
	var out bytes.Buffer
	valid := json.Indent(&out, raw, "", "  ") == nil
	text := out.String()
	if !valid {
		text = string(raw)
	}
	doc := JSON{Valid: valid, Cut: len(text) > maxShown}
	if doc.Cut {
		text = text[:maxShown]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !valid && text != "" {
		doc.Tokens = []Token{{Text: text}}
		return doc
	}
	for text != "" {
		t := nextToken(text)
		doc.Tokens, text = append(doc.Tokens, t), text[len(t.Text):]
	}
	return doc
}

// nextToken is the piece that a valid, indented document goes on with.
func nextToken(s string) Token {
	switch c := s[0]; {
	case c == '"':
		n := stringEnd(s)
		if strings.HasPrefix(s[n:], ":") {
			return Token{"k", s[:n]}
		}
		return Token{"s", s[:n]}
	case c == '-' || c >= '0' && c <= '9':
		return Token{"n", s[:span(s, "+-.eE0123456789")]}
	case c >= 'a' && c <= 'z':
		return Token{"l", s[:span(s, "aeflnrstu")]}
	}
	n := strings.IndexAny(s, `"-0123456789aeflnrstu`)
	if n < 0 {
		n = len(s)
	}
	return Token{"", s[:max(n, 1)]}
}

func span(s, set string) int {
	return len(s) - len(strings.TrimLeft(s, set))
}

// stringEnd is the length of the string literal that s begins with.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}
