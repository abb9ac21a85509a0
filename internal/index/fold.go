package index

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold makes words equal that differ in case, accents or width. The result does
// not share memory with b.
func fold(b []byte) []byte {
	for i := range b {
		if b[i] >= utf8.RuneSelf {
			return foldUnicode(b)
		}
	}
	out := make([]byte, len(b))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

func foldUnicode(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(norm.NFKD.Bytes(b)) {
		if r = unicode.ToLower(r); isAccent(r) {
			continue
		}
		if plain, ok := plainLetters[r]; ok {
			out = append(out, plain...)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return norm.NFC.Bytes(out)
}

// isAccent holds for the marks without which a word is still the same to
// search for: those over Latin, Greek and Cyrillic letters, Hebrew points,
// Arabic vowel signs and what chooses between forms of an emoji. The marks of
// other scripts are letters in all but name: without them ga is ka in Japanese,
// and the vowels of Hindi and Thai are gone.
func isAccent(r rune) bool {
	return unicode.Is(unicode.Mn, r) && unicode.In(r, unicode.Inherited, unicode.Hebrew, unicode.Arabic) && !isKanaMark(r)
}

// plainLetters are the letters that people type without having them on their
// keyboard, and that do not fall into a letter and an accent.
var plainLetters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ς': "σ",
}
