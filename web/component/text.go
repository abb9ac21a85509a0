package component

import "strings"

// segment is a piece of a text; a link when it is a web address.
type segment struct {
	text string
	link bool
}

// segments finds the web addresses in a text.
func segments(s string) []segment {
	var out []segment
	for s != "" {
		at := linkStart(s)
		if at < 0 {
			break
		}
		n := linkLength(s[at:])
		if at > 0 {
			out = append(out, segment{text: s[:at]})
		}
		out = append(out, segment{text: s[at : at+n], link: true})
		s = s[at+n:]
	}
	if s != "" {
		out = append(out, segment{text: s})
	}
	return out
}

func linkStart(s string) int {
	at := strings.Index(s, "https://")
	if plain := strings.Index(s, "http://"); plain >= 0 && (at < 0 || plain < at) {
		at = plain
	}
	return at
}

// linkLength leaves out the punctuation that a sentence puts behind an address.
func linkLength(s string) int {
	if end := strings.IndexAny(s, " \t\r\n<>\"'\u00a0\u3000「」。、"); end >= 0 {
		s = s[:end]
	}
	return len(strings.TrimRight(s, ".,;:!?)]}"))
}

// Mark is a piece of a snippet; Hit where the search found it.
type Mark struct {
	Text string
	Hit  bool
}
