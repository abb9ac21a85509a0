package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"golang.org/x/text/unicode/norm"
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
	var out []token
	for at := 0; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		kind := kindOf(r)
		end := at + size
		if kind == word || kind == cjk {
			for end < len(s) {
				next, n := utf8.DecodeRuneInString(s[end:])
				if k := kindOf(next); k != kind && !unicode.Is(unicode.Mn, next) {
					break
				}
				end += n
			}
		}
		if kind != separator {
			out = append(out, token{term: fold(s[at:end]), start: at, end: end, cjk: kind == cjk})
		}
		at = end
	}
	return out
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
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 'ー':
		return cjk
	case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r):
		return word
	case unicode.Is(unicode.So, r):
		return symbol
	}
	return separator
}

// fold makes words equal that differ in case, accents or width.
func fold(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if !unicode.Is(unicode.Mn, r) || unicode.In(r, unicode.Hiragana, unicode.Katakana) {
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String())
}

// words analyses a text for the field text: everything but CJK.
type words struct{}

// Analyze implements analysis.Analyzer.
func (words) Analyze(b []byte) analysis.TokenStream {
	var out analysis.TokenStream
	position := 0
	for _, t := range tokenize(string(b)) {
		position++
		if !t.cjk {
			out = append(out, &analysis.Token{Term: []byte(t.term), Start: t.start, End: t.end, Position: position})
		}
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
	for _, t := range tokenize(string(b)) {
		position++
		if !t.cjk {
			continue
		}
		runes := []rune(t.term)
		for i := range runes {
			position++
			out = append(out, &analysis.Token{Term: []byte(string(runes[i])), Position: position})
			if i+1 < len(runes) {
				out = append(out, &analysis.Token{Term: []byte(string(runes[i : i+2])), Position: position})
			}
		}
		position++
	}
	return out
}
