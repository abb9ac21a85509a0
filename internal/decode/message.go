package decode

import (
	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// decodeMessage reads a message. Its text stands in data URIs; an outgoing one
// usually carries none.
func decodeMessage(e entry) ([]archive.Change, error) {
	if len(e.event.Embedded) == 0 {
		return nil, nil // named only: its content comes with a fetch
	}
	var r ucwa.Message
	if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
		return nil, err
	}
	text, err := messageText(r.Links)
	if err != nil {
		return nil, err
	}
	c := archive.MessageChange{
		Href:         ucwa.Fold(e.event.Link.Href),
		Conversation: messageConversation(e, r.Links),
		Direction:    r.Direction,
		Time:         archive.At(r.TimeStamp.Time),
		Text:         text,
		Status:       e.event.Status,
		Reason:       e.event.Reason,
	}
	if c.Status == "" {
		c.Status = r.Status
	}
	c.From = linked(r.Links.First("participant"))
	if c.From.URI == "" {
		c.From = linked(r.Links.First("contact"))
	}
	if c.From.URI == "" && r.Direction == archive.Outgoing {
		c.From = archive.Party{URI: e.account}
	}
	return []archive.Change{c}, nil
}

// messageConversation is the conversation of a message: its sender, or what
// its messaging link hangs under, since a message links to no conversation.
func messageConversation(e entry, links ucwa.Links) string {
	if href := e.conversation(links); href != "" {
		return href
	}
	return ucwa.Parent(ucwa.Fold(links.Href("messaging")))
}

// messageText reads the plain text and the HTML of a message; nil when it
// carries neither.
func messageText(links ucwa.Links) (*archive.Text, error) {
	plain, err := textOf(links.Href("plainMessage"))
	if err != nil {
		return nil, err
	}
	html, err := textOf(links.Href("htmlMessage"))
	if err != nil || html == nil {
		return plain, err
	}
	if plain != nil {
		html.Plain = plain.Plain
	}
	return html, nil
}
