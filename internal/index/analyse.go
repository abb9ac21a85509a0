package index

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

// token is one searchable piece of a text, with where it stands.
type token struct {
	term       string
	start, end int  // bytes
	cjk        bool // a run of Chinese, Japanese or Korean, cut up later
}

// tokenize cuts a text into words of letters and digits, runs of CJK, and
// single symbols such as emoji. Everything else separates, so an address, a
// file name or a ticket number is found by its parts, and whole as a phrase.
func tokenize(s string) []token {
	b := []byte(s)
	var out []token
	for at := 0; at < len(b); {
		end, kind := next(b, at)
		if kind == separator {
			at = end
			continue
		}
		if term := fold(b[at:end]); searchable(kind, term) {
			out = append(out, token{term: string(term), start: at, end: end, cjk: kind == cjk})
		}
		at = end
	}
	return out
}

// maxTerm is the longest word that is indexed, in bytes: no query can hold a
// longer one.
const maxTerm = 1024

// searchable holds for pieces that are worth a position. A lone accent folds to
// nothing, and a run of CJK is cut up later.
func searchable(kind runeKind, term []byte) bool {
	return len(term) > 0 && (kind == cjk || len(term) <= maxTerm)
}

// next is the end and the kind of the piece that begins at a byte of a text.
func next(b []byte, at int) (end int, kind runeKind) {
	r, size := utf8.DecodeRune(b[at:])
	kind, end = kindOf(r), at+size
	if kind != word && kind != cjk {
		return end, kind
	}
	for end < len(b) {
		r, size := utf8.DecodeRune(b[end:])
		if kindOf(r) != kind && !unicode.Is(unicode.M, r) {
			break
		}
		end += size
	}
	return end, kind
}

type runeKind int

const (
	separator runeKind = iota
	word
	cjk
	symbol
)

func kindOf(r rune) runeKind {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return word
		}
		return separator
	case r < 0x2E80: // before all CJK
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), isKanaMark(r):
		return cjk
	}
	switch {
	case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.M, r):
		return word
	case unicode.Is(unicode.So, r):
		return symbol
	}
	return separator
}

// isKanaMark holds for the marks that lengthen or voice kana and belong to no
// script of their own: the long-vowel mark and the voicing marks, wide and half
// as wide.
func isKanaMark(r rune) bool {
	switch r {
	case 'ー', '\uFF70', '\u3099', '\u309A', '\uFF9E', '\uFF9F':
		return true
	}
	return false
}

// words analyses a text for the field text: everything but CJK.
type words struct{}

// Analyze implements analysis.Analyzer. A run of CJK takes up a position, so
// that what stands around it is no phrase.
func (words) Analyze(b []byte) analysis.TokenStream {
	tokens := make([]analysis.Token, 0, len(b)/6+1)
	out := make(analysis.TokenStream, 0, cap(tokens))
	position := 0
	for at := 0; at < len(b); {
		end, kind := next(b, at)
		if kind == separator {
			at = end
			continue
		}
		if term := fold(b[at:end]); searchable(kind, term) {
			position++
			if kind != cjk {
				tokens = append(tokens, analysis.Token{Term: term, Start: at, End: end, Position: position})
				out = append(out, &tokens[len(tokens)-1])
			}
		}
		at = end
	}
	return out
}

// bigrams analyses a text for the field cjk: every character of a run, and
// every pair of neighbours.
type bigrams struct{}

// Analyze implements analysis.Analyzer.
func (bigrams) Analyze(b []byte) analysis.TokenStream {
	var out analysis.TokenStream
	position := 0
	for at := 0; at < len(b); {
		end, kind := next(b, at)
		if kind == cjk {
			runes := bytes.Runes(fold(b[at:end]))
			for i := range runes {
				position++
				out = append(out, &analysis.Token{Term: []byte(string(runes[i])), Position: position})
				if i+1 < len(runes) {
					out = append(out, &analysis.Token{Term: []byte(string(runes[i : i+2])), Position: position})
				}
			}
		}
		position++ // no pair goes over what separates runs
		at = end
	}
	return out
}

// hasCJK tells whether a text has anything for the field cjk.
func hasCJK(b []byte) bool {
	for at := 0; at < len(b); {
		if b[at] < utf8.RuneSelf {
			at++
			continue
		}
		r, size := utf8.DecodeRune(b[at:])
		if kindOf(r) == cjk {
			return true
		}
		at += size
	}
	return false
}
