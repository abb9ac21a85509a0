package web

import (
	"strconv"
	"strings"

	"archiver/internal/archive"
	"archiver/web/component"
)

// describeChange lists what a change says.
func describeChange(c component.Clock, ch archive.Change) changeView {
	switch ch := ch.(type) {
	case archive.ConversationChange:
		return changeView{"Conversation", said([]fact{
			{"Subject", ch.Subject, false},
			{"State", ch.State, false},
			{"Importance", ch.Importance, false},
			{"Thread", ch.Thread.ID, true},
			{"Created", known(c.Full(ch.Created, archive.FromServer)), false},
			{"Ended", yes(ch.Deleted), false},
			{"Resource", ch.Href, true},
		})}
	case archive.ParticipantChange:
		return changeView{"Participant", said([]fact{
			{"Who", partyText(ch.Party), false},
			{"Left", yes(ch.Left), false},
			{"You", yes(ch.Local), false},
			{"Anonymous", yes(ch.Anonymous), false},
			{"Role", ch.Role, false},
			{"Network", ch.SourceNetwork, false},
			{"Conversation", ch.Conversation, true},
		})}
	case archive.ModalityChange:
		return changeView{"Modality", said([]fact{
			{"Which", ch.Modality, false},
			{"State", ch.State, false},
			{"Reason", reasonText(ch.Reason), false},
			{"Conversation", ch.Conversation, true},
		})}
	case archive.InvitationChange:
		return describeInvitation(ch)
	case archive.MessageChange:
		return changeView{"Message", said([]fact{
			{"From", partyText(ch.From), false},
			{"Direction", ch.Direction, false},
			{"Time", known(c.Full(ch.Time, archive.FromServer)), false},
			{"Text", plain(ch.Text), false},
			{"Status", ch.Status, false},
			{"Reason", reasonText(ch.Reason), false},
			{"Conversation", ch.Conversation, true},
			{"Resource", ch.Href, true},
		})}
	}
	return changeView{Title: "Change"}
}

func describeInvitation(ch archive.InvitationChange) changeView {
	return changeView{"Invitation", said([]fact{
		{"Kind", ch.Kind, false},
		{"Direction", ch.Direction, false},
		{"From", partyText(ch.From), false},
		{"To", partyText(ch.To), false},
		{"Subject", ch.Subject, false},
		{"First text", plain(ch.Text), false},
		{"State", ch.State, false},
		{"Outcome", string(ch.Outcome), false},
		{"Status", ch.Status, false},
		{"Reason", reasonText(ch.Reason), false},
		{"Thread", ch.Thread.ID, true},
		{"Conversation", ch.Conversation, true},
		{"Resource", ch.Href, true},
	})}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func plain(t *archive.Text) string {
	switch {
	case t == nil:
		return ""
	case t.Plain == "":
		return "(empty, " + strconv.Itoa(len(t.HTML)) + " bytes of HTML)"
	}
	return t.Plain
}

func partyText(p archive.Party) string {
	parts := []string{}
	for _, s := range []string{p.Name, p.URI} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return p.Href
	}
	return strings.Join(parts, " · ")
}
