package index

import (
	"html"
	"strings"
	"unicode/utf8"

	"archiver/internal/query"
)

// snippetRunes is about how much of a message a snippet shows.
const snippetRunes = 160

// termsOf are the sequences of terms that a query looks for.
func termsOf(n query.Node) (out [][]string) {
	switch n := n.(type) {
	case query.And:
		for _, c := range n.Nodes {
			out = append(out, termsOf(c)...)
		}
	case query.Word:
		out = append(out, terms(n.Text))
	case query.Phrase:
		out = append(out, terms(n.Text))
	}
	return out
}

func terms(text string) (out []string) {
	for _, t := range tokenize(text) {
		out = append(out, t.term)
	}
	return out
}

// span is a piece of a text to be marked, in bytes.
type span struct{ start, end int }

// marks finds what to mark: the sequences of terms among the text's own tokens.
func marks(text string, wanted [][]string) []span {
	tokens := tokenize(text)
	var out []span
	for i := 0; i < len(tokens); i++ {
		best := 0
		for _, w := range wanted {
			if len(w) > best && matchesAt(tokens[i:], w) {
				best = len(w)
			}
		}
		if best > 0 {
			for _, t := range tokens[i : i+best] {
				out = append(out, within1(text, t, wanted)...)
			}
			i += best - 1
		}
	}
	return out
}

// matchesAt tells whether tokens begin with the terms. In a run of CJK the term
// may stand anywhere.
func matchesAt(tokens []token, wanted []string) bool {
	if len(wanted) == 0 || len(tokens) < len(wanted) {
		return false
	}
	for i, w := range wanted {
		if tokens[i].cjk && strings.Contains(tokens[i].term, w) {
			continue
		}
		if tokens[i].term != w {
			return false
		}
	}
	return true
}

// within1 is the part of a token to mark: of a run of CJK what was looked for,
// else the token.
func within1(text string, t token, wanted [][]string) []span {
	if !t.cjk {
		return []span{{t.start, t.end}}
	}
	whole := text[t.start:t.end]
	for _, w := range wanted {
		for _, s := range w {
			if at := strings.Index(whole, s); at >= 0 {
				return []span{{t.start + at, t.start + at + len(s)}}
			}
		}
	}
	return []span{{t.start, t.end}}
}

// snippet shows a message around its first match, as escaped HTML in which the
// matches are marked.
func snippet(text string, wanted [][]string) string {
	found := marks(text, wanted)
	from, to := 0, len(text)
	if utf8.RuneCountInString(text) > snippetRunes {
		from, to = window(text, found)
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
	}
	at := from
	for _, s := range found {
		if s.start < at || s.end > to {
			continue
		}
		b.WriteString(html.EscapeString(text[at:s.start]))
		b.WriteString("<mark>" + html.EscapeString(text[s.start:s.end]) + "</mark>")
		at = s.end
	}
	b.WriteString(html.EscapeString(text[at:to]))
	if to < len(text) {
		b.WriteString("…")
	}
	return b.String()
}

// window is the part of a long text to show, cut between words where it can be.
func window(text string, found []span) (from, to int) {
	if len(found) > 0 {
		from = back(text, found[0].start, snippetRunes/3)
	}
	if from > 0 {
		if i := strings.IndexByte(text[from:], ' '); i >= 0 && (len(found) == 0 || from+i < found[0].start) {
			from += i + 1
		}
	}
	to = from
	for n := 0; n < snippetRunes && to < len(text); n++ {
		_, size := utf8.DecodeRuneInString(text[to:])
		to += size
	}
	if to < len(text) {
		if i := strings.LastIndexByte(text[from:to], ' '); i > 0 {
			to = from + i
		}
	}
	return from, to
}

// back is n runes before a byte of a text.
func back(text string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return at
}
