package web

import (
	"context"
	"io"
	"time"

	"archiver/internal/archive"
	"archiver/web/component"
)

// What the tests outside the package look at.
type Invented = invented

var (
	Invent        = invent
	InventedNow   = inventedNow
	ContentPolicy = contentPolicy
	SnippetMarks  = snippetMarks
)

// Patterns lists the routes.
func Patterns() []string {
	var out []string
	for _, r := range (&site{}).routes() {
		out = append(out, r.pattern)
	}
	return out
}

// FlowOf is n invented messages as a page shows them.
func FlowOf(n int) []item {
	in := invent()
	return timeline(component.Clock{Zone: time.UTC, Now: inventedNow()},
		archive.ConversationView{}, messagePageOf{Messages: in.Messages[:n]})
}

// RenderFlow renders what FlowOf made.
func RenderFlow(ctx context.Context, w io.Writer, items []item) error {
	return flowList(items, true).Render(ctx, w)
}

// PlaceOf is where a message is drawn.
func PlaceOf(m *archive.Message, gaps []archive.Gap) archive.EventID { return placeOf(m, gaps) }
