package decode

import (
	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// decodeInvitation reads an invitation of a kind. All kinds share their
// members; only some carry a first text.
func decodeInvitation(kind string) func(entry) ([]archive.Change, error) {
	return func(e entry) ([]archive.Change, error) {
		var r ucwa.Invitation
		if len(e.event.Embedded) > 0 {
			if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
				return nil, err
			}
		}
		c := archive.InvitationChange{
			Href: ucwa.Fold(e.event.Link.Href), Kind: kind,
			Conversation: ucwa.Fold(r.Links.Href("conversation")), Thread: thread(r.ThreadID),
			Direction: r.Direction, Subject: r.Subject, Importance: r.Importance, State: r.State,
			Completed: e.event.Type == "completed", Status: e.event.Status, Reason: e.event.Reason,
		}
		c.From, c.To = parties(e, r)
		c.Outcome = outcome(c)
		text, err := firstText(r.Links)
		c.Text = text
		return []archive.Change{c}, err
	}
}

// parties are who invited whom. On an outgoing invitation the inviter is the
// account; on an incoming one he is embedded and the account is the link "to".
func parties(e entry, r ucwa.Invitation) (from, to archive.Party) {
	from, to = linked(r.Links.First("from")), linked(r.Links.First("to"))
	if r.Embedded.From != nil {
		from = party(*r.Embedded.From, ucwa.Link{})
	}
	local := archive.Party{URI: e.account}
	switch {
	case r.Direction == archive.Outgoing && from.URI == "":
		from.URI = local.URI
	case r.Direction == archive.Incoming && to.URI == "":
		to.URI = local.URI
	}
	if to.URI == "" {
		to.URI = ucwa.NormalizeURI(r.To)
	}
	return from, to
}

// firstText is the message that came with an invitation, nil when none did.
func firstText(links ucwa.Links) (*archive.Text, error) {
	return textOf(links.Href("message"))
}

// outcome tells how an invitation ended (Errors in the UCWA reference lists
// the subcodes). The status may be absent; the state then decides.
func outcome(c archive.InvitationChange) archive.Outcome {
	if !c.Completed {
		return archive.Pending
	}
	if c.Status == "Success" || (c.Status == "" && c.State == "Connected") {
		return archive.Accepted
	}
	if c.Reason != nil {
		switch c.Reason.Subcode {
		case "Declined":
			return archive.Declined
		case "Timeout", "Missed":
			return archive.Missed
		case "Canceled", "Cancelled":
			return archive.Cancelled
		case "ConnectedElsewhere":
			return archive.EndedElsewhere
		}
	}
	switch c.State {
	case "Declined":
		return archive.Declined
	case "Cancelled":
		return archive.Cancelled
	}
	return archive.Failed
}
