// Package decode turns observations into changes. It is pure: it looks at the
// bytes of one observation and nothing else, so it can be run again over the
// whole log at any time and concludes the same.
//
// kinds.go is the table of what is understood; each resource has a file of its
// own. What the table does not know stays in the log, verbatim, and is listed
// as undecoded until a decoder for it exists.
package decode

import (
	"net/http"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// unknown is the kind of an entry that the table does not name.
const unknown = "unknown"

// fetched is the type of the one entry of an observation that is a resource
// rather than a P-GET response.
const fetched = "fetched"

// entry is what a decoder sees: one event with its surroundings.
type entry struct {
	account string // URI of the account whose channel carried it
	url     string // that was asked for
	sender  ucwa.Sender
	event   ucwa.Event
}

// Observation decodes every event of an observation, in order. A body or an
// event that cannot be read becomes an entry that carries the error; nothing
// else is affected.
func Observation(o archive.Observation) []archive.Decoded {
	if o.Source == archive.SourceBackfill && o.Status >= http.StatusBadRequest {
		return nil // kept for what it says of the server, not of conversations
	}
	entries, err := split(o)
	if err != nil {
		return []archive.Decoded{{Event: archive.Event{
			ID: archive.NewEventID(o.ID, 1), Observation: o.ID, Position: 1,
			Kind: unknown, Error: err.Error(),
		}}}
	}
	return entries
}

func split(o archive.Observation) ([]archive.Decoded, error) {
	env, err := ucwa.ParseEnvelope(o.Body)
	if err != nil {
		return nil, err
	}
	if len(env.Senders) == 0 && env.Next == "" && env.Resume == "" && env.Resync == "" {
		return resource(o)
	}
	var out []archive.Decoded
	for _, sender := range env.Senders {
		for _, raw := range sender.Events {
			event, err := ucwa.ParseEvent(raw)
			e := entry{account: o.Account, url: o.URL, sender: sender, event: event}
			out = append(out, decodeEntry(o.ID, len(out)+1, e, err))
		}
	}
	return out, nil
}

// resource decodes a body that is a resource of its own, as fetched ones are.
func resource(o archive.Observation) ([]archive.Decoded, error) {
	head, err := ucwa.ParseHead(o.Body)
	if err != nil {
		return nil, err
	}
	if head.Rel == "" || o.Source == archive.SourceBackfill && !ofHistory(head.Rel) {
		return nil, nil // an answer that says nothing, or only where the history is
	}
	e := entry{account: o.Account, url: o.URL, event: ucwa.Event{
		Type:     fetched,
		Link:     ucwa.Link{Rel: head.Rel, Href: head.Links.Href("self")},
		Embedded: ucwa.TrimBOM(o.Body),
	}}
	out := []archive.Decoded{decodeEntry(o.ID, 1, e, nil)}
	if head.Rel == ucwa.RelTranscripts {
		out = append(out, logEntries(o, e)...)
	}
	return out, nil
}

func decodeEntry(o archive.ObservationID, position int, e entry, err error) archive.Decoded {
	ev := e.event
	d := archive.Decoded{Event: archive.Event{
		ID: archive.NewEventID(o, position), Observation: o, Position: position,
		Sender: e.sender.Rel, SenderHref: e.sender.Href,
		Type: ev.Type, Rel: ev.Link.Rel, Href: ev.Link.Href, Title: ev.Link.Title,
		In: ev.In.Rel, InHref: ev.In.Href, Status: ev.Status, Reason: ev.Reason,
		Embedded: len(ev.Embedded) > 0 && ev.Type != fetched,
		Kind:     unknown,
	}}
	k, known := find(ev.Link.Rel, ev.In.Rel)
	if known {
		d.Event.Kind = k.name
	}
	if err != nil {
		d.Event.Error = err.Error()
		return d
	}
	if !known || k.decode == nil {
		return d
	}
	changes, err := k.decode(e)
	if err != nil {
		d.Event.Error = err.Error()
		return d
	}
	d.Event.Decoded = true
	d.Changes = changes
	return d
}

// conversation is the href of the conversation that the entry belongs to: its
// sender's, or the one the resource links to.
func (e entry) conversation(links ucwa.Links) string {
	if e.sender.Rel == "conversation" {
		return ucwa.Fold(e.sender.Href)
	}
	return ucwa.Fold(links.Href("conversation"))
}
