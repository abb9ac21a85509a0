package decode

import (
	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// decodeParticipant reads a participant, local or remote. Remote ones usually
// come without the resource: the link then gives address and name.
func decodeParticipant(e entry) ([]archive.Change, error) {
	var r ucwa.Participant
	if len(e.event.Embedded) > 0 {
		if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
			return nil, err
		}
	}
	return []archive.Change{archive.ParticipantChange{
		Conversation:  e.conversation(r.Links),
		Party:         party(r, e.event.Link),
		Local:         e.event.Link.Rel == "localParticipant" || r.Links.Href("me") != "",
		Anonymous:     r.Anonymous,
		Role:          r.Role,
		SourceNetwork: r.SourceNetwork,
		Left:          e.event.Type == "deleted",
		Describes:     e.event.Type == "updated" || e.event.Type == fetched,
	}}, nil
}

// decodeRole reads a participant in the collection of a role. Being taken out
// of it is a change of role, not leaving.
func decodeRole(role string) func(entry) ([]archive.Change, error) {
	return func(e entry) ([]archive.Change, error) {
		if e.event.Type == "deleted" {
			return nil, nil
		}
		changes, err := decodeParticipant(e)
		if err != nil {
			return nil, err
		}
		p := changes[0].(archive.ParticipantChange)
		if p.Role == "" {
			p.Role = role
		}
		return []archive.Change{p}, nil
	}
}

// decodeTyping understands somebody starting or ceasing to write. It says
// nothing about who is there, and nothing is kept of it but the event.
func decodeTyping(entry) ([]archive.Change, error) { return nil, nil }

// party joins what a participant resource and the link to it say.
func party(r ucwa.Participant, link ucwa.Link) archive.Party {
	self := link.Href
	if self == "" {
		self = r.Links.Href("self")
	}
	p := archive.Party{URI: ucwa.NormalizeURI(r.URI), Href: ucwa.Fold(self), Name: r.Name}
	if p.URI == "" {
		p.URI = ucwa.URIFromHref(self)
	}
	if p.Name == "" {
		p.Name = link.Title
	}
	return p
}

// linked is the party that a link to a participant or contact names.
func linked(link ucwa.Link) archive.Party {
	if link.Href == "" {
		return archive.Party{}
	}
	return party(ucwa.Participant{}, link)
}
