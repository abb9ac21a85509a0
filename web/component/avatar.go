package component

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
)

// hues is how many colours app.css has for people (.hue-0 …).
const hues = 12

// hue is a person's colour class: the same on every page and machine.
func hue(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return fmt.Sprintf("hue-%d", h.Sum32()%hues)
}

// initials are at most two letters that stand for a name or an address.
func initials(name string) string {
	name = strings.TrimPrefix(strings.ToLower(name), "sip:")
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if at := strings.IndexByte(name, '@'); at > 0 {
		words = strings.FieldsFunc(name[:at], func(r rune) bool { return !unicode.IsLetter(r) })
	}
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])[0]
	if len(words) == 1 || unicode.Is(unicode.Han, first) {
		return string(unicode.ToUpper(first))
	}
	last := []rune(words[len(words)-1])[0]
	return string([]rune{unicode.ToUpper(first), unicode.ToUpper(last)})
}
