package index

import (
	"html"
	"slices"
	"strings"
	"unicode"
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
				out = append(out, marksIn(text, t, wanted)...)
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

// marksIn is what to mark of a token: the token, or of a run of CJK every place
// of what was looked for.
func marksIn(text string, t token, wanted [][]string) []span {
	if !t.cjk {
		return []span{{t.start, t.end}}
	}
	runes, at := foldedRunes(text[t.start:t.end])
	var out []span
	for i := 0; i < len(runes); {
		n := longestAt(runes[i:], wanted)
		if n == 0 {
			i++
			continue
		}
		out = append(out, span{t.start + at[i], t.start + at[i+n]})
		i += n
	}
	return out
}

// longestAt is how many runes of the longest term that the runes begin with.
func longestAt(runes []rune, wanted [][]string) (longest int) {
	for _, w := range wanted {
		for _, term := range w {
			want := []rune(term)
			if len(want) > longest && len(want) <= len(runes) && slices.Equal(runes[:len(want)], want) {
				longest = len(want)
			}
		}
	}
	return longest
}

// foldedRunes folds a run of CJK character by character. Rune i of the result
// came from the bytes at[i] to at[i+1].
func foldedRunes(s string) (runes []rune, at []int) {
	for start := 0; start < len(s); {
		end := characterEnd(s, start)
		for _, r := range string(fold([]byte(s[start:end]))) {
			runes, at = append(runes, r), append(at, start)
		}
		start = end
	}
	return runes, append(at, len(s))
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

// window is the part of a long text to show: the first match with a third of
// the room before it, cut between words where it can be and between characters
// where it cannot.
func window(text string, found []span) (from, to int) {
	var first span
	if len(found) > 0 {
		first = found[0]
	}
	from = back(text, first.start, snippetRunes/3)
	if from > 0 {
		if i := strings.IndexFunc(text[from:first.start], unicode.IsSpace); i >= 0 {
			_, size := utf8.DecodeRuneInString(text[from+i:])
			from += i + size
		}
	}
	to = from
	for n := 0; to < len(text) && (n < snippetRunes || to < first.end && n < 2*snippetRunes); n++ {
		to = characterEnd(text, to)
	}
	if keep := max(first.end, from); to < len(text) && keep < to {
		if i := strings.LastIndexFunc(text[keep:to], unicode.IsSpace); i > 0 {
			to = keep + i
		}
	}
	return from, to
}

// back is about n characters before a byte of a text.
func back(text string, at, n int) int {
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	for n := 0; n < maxParts && at > 0 && continues(text, at); n++ {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return at
}

// maxParts bounds a character, which could else go on for a whole message.
const maxParts = 16

// characterEnd is where the character that begins at a byte ends, as people see
// characters: with its accents, and with all that makes up an emoji.
func characterEnd(text string, at int) int {
	_, size := utf8.DecodeRuneInString(text[at:])
	at += size
	for n := 0; n < maxParts && at < len(text) && continues(text, at); n++ {
		_, size = utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// joiner makes one emoji of two.
const joiner = '\u200D'

// continues tells whether what stands at a byte belongs to the character before.
func continues(text string, at int) bool {
	r, _ := utf8.DecodeRuneInString(text[at:])
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	skin := 0x1F3FB <= r && r <= 0x1F3FF
	return skin || r == joiner || before == joiner || unicode.Is(unicode.M, r) || r == '\uFF9E' || r == '\uFF9F'
}
