package check

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// vocabulary makes words of syllables: latin ones for the most part, then
// cyrillic and east asian ones in the last tenth.
func vocabulary(rnd *rand.Rand) []string {
	latin := strings.Fields("ba be bi bo bu da de di do du fa fe ga go ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu pa pe pi po ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo za ze zo schön über né ção")
	words := make([]string, wordCount)
	for i := range words {
		var w strings.Builder
		for range 1 + rnd.IntN(4) + i/(wordCount/2) {
			w.WriteString(latin[rnd.IntN(len(latin))])
		}
		words[i] = w.String()
	}
	return words
}

// latin is n words.
func (g *generator) latin(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch g.rnd.IntN(60) {
		case 0:
			fmt.Fprintf(&b, "PROJ-%d", g.rnd.IntN(100_000))
		case 1:
			fmt.Fprintf(&b, "https://wiki.contoso.example/p/%x", g.rnd.Uint32())
		case 2:
			b.WriteString([]string{"👍", "😀", "🎉", ":-)"}[g.rnd.IntN(4)])
		default:
			b.WriteString(g.words[g.zipf.Uint64()])
		}
	}
	return b.String()
}

// of makes n words of letters in a range of characters.
func (g *generator) of(n int, first, last rune, space string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(space)
		}
		// A power law here too: few letters make most words.
		for range 1 + g.rnd.IntN(5) {
			f := g.rnd.Float64()
			b.WriteRune(first + rune(f*f*float64(last-first)))
		}
	}
	return b.String()
}

// text is what a person writes, who has one script.
func (g *generator) text(person int) string {
	n := 1 + int(g.rnd.ExpFloat64()*11)
	switch person % 33 {
	case 1:
		return g.of(n, 'а', 'я', " ")
	case 2:
		return g.of(n, '一', '\u6fff', "")
	case 3:
		return g.of(n, 'ぁ', 'ゖ', "")
	}
	return g.latin(n)
}

// markup is a text as the desktop client formats it.
func markup(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(text)
	return `<div style="font-size:10pt;font-family:'Segoe UI',Tahoma,sans-serif;color:#000000;"><p style="margin:0in;margin-bottom:.0001pt;">` + text + `</p></div>` + "\r\n"
}

// escape is a text as servers write it in a data URI.
func escape(text string) string { return url.QueryEscape(text) }

func firstNames() []string {
	return []string{"Ana", "Bo", "Chiara", "Dmitri", "Eva", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kaya", "Liam", "Mina", "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tara"}
}

func lastNames() []string {
	return []string{"Abel", "Berg", "Cruz", "Dahl", "Eriksen", "Falk", "Grau", "Holm", "Ito", "Jansen", "Kowal", "Lind", "Moreau", "Novak", "Okoye", "Petrov", "Quist", "Rossi", "Sato", "Toth"}
}
