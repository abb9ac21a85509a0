package web

import (
	"html"
	"strings"

	"archiver/web/component"
)

const (
	markOpen  = "<mark>"
	markClose = "</mark>"
)

// snippetMarks takes a snippet apart: escaped text in which only <mark> is
// markup. Whatever else looks like markup stays the text that it is, and is
// escaped again when it is shown.
func snippetMarks(s string) []component.Mark {
	var out []component.Mark
	add := func(text string, hit bool) {
		if text != "" {
			out = append(out, component.Mark{Text: html.UnescapeString(text), Hit: hit})
		}
	}
	for {
		before, rest, found := strings.Cut(s, markOpen)
		add(before, false)
		if !found {
			return out
		}
		hit, after, _ := strings.Cut(rest, markClose)
		add(hit, true)
		s = after
	}
}
