package decode

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// textOf reads a data URI; nil for "".
func textOf(uri string) (*archive.Text, error) {
	if uri == "" {
		return nil, nil
	}
	mediaType, s, err := ucwa.ParseDataURI(uri)
	if err != nil {
		return nil, err
	}
	switch mediaType {
	case "text/html":
		return &archive.Text{Plain: plainText(s), HTML: s}, nil
	case "text/plain":
		return &archive.Text{Plain: trimLineBreak(s)}, nil
	}
	return nil, fmt.Errorf("decode: a message of type %q: %w", mediaType, archive.ErrInvalid)
}

// trimLineBreak takes off the one line break that desktop clients append.
func trimLineBreak(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	return strings.TrimSuffix(s, "\n")
}

// plainText is what an HTML message says: block elements and line breaks end a
// line, and what is not text to read (script, style, title) is left out.
func plainText(fragment string) string {
	z := html.NewTokenizer(strings.NewReader(fragment))
	var b strings.Builder
	hidden := 0
	for {
		token := z.Next()
		switch token {
		case html.ErrorToken:
			return strings.TrimSpace(b.String())
		case html.TextToken:
			if hidden == 0 {
				b.WriteString(strings.ReplaceAll(string(z.Text()), "\u00a0", " "))
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			hidden = max(0, hidden+hides(string(name), token))
			if breaksLine(string(name)) && b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
				b.WriteByte('\n')
			}
		}
	}
}

// hides is how an element whose content is not text to read changes the depth
// of such elements.
func hides(name string, token html.TokenType) int {
	switch name {
	case "script", "style", "title", "head":
		if token == html.StartTagToken {
			return 1
		}
		if token == html.EndTagToken {
			return -1
		}
	}
	return 0
}

// breaksLine tells the elements that stand on lines of their own.
func breaksLine(name string) bool {
	switch name {
	case "br", "p", "div", "li", "ul", "ol", "tr", "table", "blockquote", "pre",
		"h1", "h2", "h3", "h4", "h5", "h6":
		return true
	}
	return false
}
