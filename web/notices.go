package web

import (
	"slices"

	"archiver/internal/archive"
	"archiver/web/component"
)

// noticeEntries are what happened beside the messages of a conversation.
func noticeEntries(c component.Clock, view archive.ConversationView) []entry {
	var out []entry
	for _, inv := range view.Invitations {
		n := tellInvitation(c, inv)
		at := inv.Started
		if !at.Known() {
			at = inv.Completed
		}
		out = append(out, entry{place: inv.StartedEvent, rank: rankNotice, at: at, item: item{Notice: &n}})
	}
	return append(out, moves(c, view.Participants)...)
}

// moves are those who came and went.
func moves(c component.Clock, ps []archive.Participant) []entry {
	var out []entry
	for _, p := range ps {
		name := nameOr(p.Name, p.URI)
		if p.Local {
			name = you
		}
		if p.JoinedEvent != 0 && p.JoinedSource != archive.FromOrder {
			n := noticeView{who: []string{name}, verb: "joined", Timed: true, Time: c.Minute(p.Joined, p.JoinedSource), Event: eventHref(p.JoinedEvent)}
			out = append(out, entry{place: p.JoinedEvent, rank: rankNotice, at: p.Joined, item: item{Notice: n.worded()}})
		}
		if p.LeftEvent != 0 {
			n := noticeView{who: []string{name}, verb: "left", Timed: true, Time: c.Minute(p.Left, p.LeftSource), Event: eventHref(p.LeftEvent)}
			out = append(out, entry{place: p.LeftEvent, rank: rankLeave, at: p.Left, item: item{Notice: n.worded()}})
		}
	}
	return out
}

// worded says who came or went, the account's own person first.
func (n noticeView) worded() *noticeView {
	if i := slices.Index(n.who, you); i > 0 {
		n.who = slices.Insert(slices.Delete(n.who, i, i+1), 0, you)
	}
	n.Text = joinNames(n.who, 6) + " " + n.verb
	return &n
}

// takes tells two moves in a row together when they happened in the same
// minute, and reports whether it did.
func (n *noticeView) takes(next *noticeView) bool {
	if n == nil || next == nil || n.verb == "" || n.verb != next.verb || n.Time.Text != next.Time.Text {
		return false
	}
	for _, name := range next.who {
		if !slices.Contains(n.who, name) {
			n.who = append(n.who, name)
		}
	}
	*n = *n.worded()
	return true
}

// tellInvitation says how an invitation went, as one tells it: "Bo Lindqvist
// invited you at 09:12; you declined".
func tellInvitation(c component.Clock, inv archive.Invitation) noticeView {
	incoming := inv.Direction != archive.Outgoing
	from, to := nameOr(inv.FromName, inv.FromURI), nameOr(inv.ToName, inv.ToURI)
	if incoming {
		to = you
	} else {
		from = you
	}
	n := noticeView{Event: eventHref(inv.StartedEvent), Time: c.Minute(inv.Started, inv.StartedSource)}
	n.Text = from + " " + invited(inv.Kind, inSentence(to))
	if !n.Time.Unknown() {
		n.Text += " at " + n.Time.Text
	}
	n.Title = n.Time.Title
	n.Text += "; " + ended(inv, from, to)
	n.Bad = inv.Outcome == archive.Failed || inv.Outcome == archive.Missed
	return n
}

// inSentence is a name within a sentence.
func inSentence(name string) string {
	if name == you {
		return "you"
	}
	return name
}

func invited(kind, whom string) string {
	switch kind {
	case "phoneAudio":
		return "called " + whom
	case "audioVideo":
		return "called " + whom + " with video"
	case "onlineMeeting":
		return "invited " + whom + " to a meeting"
	case "participant":
		return "asked " + whom + " to join"
	case "applicationSharing":
		return "offered to share a screen with " + whom
	}
	return "invited " + whom
}

// ended says how an invitation came out.
func ended(inv archive.Invitation, from, to string) string {
	switch inv.Outcome {
	case archive.Accepted:
		return inSentence(to) + " accepted"
	case archive.Declined:
		return inSentence(to) + " declined"
	case archive.Missed:
		return inSentence(to) + " did not answer"
	case archive.Cancelled:
		return inSentence(from) + " took it back"
	case archive.EndedElsewhere:
		return "answered on another device"
	case archive.Pending:
		return "no answer yet"
	}
	why := reasonText(&archive.Reason{Code: inv.Code, Subcode: inv.Subcode, Message: inv.Reason})
	if why == "" {
		return "it failed"
	}
	return "it failed: " + why
}
