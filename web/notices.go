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

// move is somebody coming or going.
type move struct {
	place archive.EventID
	at    archive.Time
	src   archive.TimeSource
	name  string
	verb  string
	rank  int
}

// moves are those who came and went, told together when they did so in the
// same response.
func moves(c component.Clock, ps []archive.Participant) []entry {
	var all []move
	for _, p := range ps {
		name := nameOr(p.Name, p.URI)
		if p.Local {
			name = you
		}
		if p.JoinedEvent != 0 && p.JoinedSource != archive.FromOrder {
			all = append(all, move{p.JoinedEvent, p.Joined, p.JoinedSource, name, "joined", rankNotice})
		}
		if p.LeftEvent != 0 {
			all = append(all, move{p.LeftEvent, p.Left, p.LeftSource, name, "left", rankLeave})
		}
	}
	slices.SortStableFunc(all, func(a, b move) int { return int(a.place - b.place) })
	var out []entry
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].verb == all[0].verb && all[n].place.Observation() == all[0].place.Observation() {
			n++
		}
		out = append(out, told(c, all[:n]))
		all = all[n:]
	}
	return out
}

func told(c component.Clock, group []move) entry {
	first := group[0]
	var names []string
	for _, m := range group {
		if !slices.Contains(names, m.name) {
			names = append(names, m.name)
		}
	}
	if i := slices.Index(names, you); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, you)
	}
	n := &noticeView{
		Text: joinNames(names, 6) + " " + first.verb, Time: c.Minute(first.at, first.src), Timed: true, Event: eventHref(first.place),
	}
	return entry{place: first.place, rank: first.rank, at: first.at, item: item{Notice: n}}
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
	n.Text = from + " " + invited(inv.Kind, objectOf(to))
	if !n.Time.Unknown() {
		n.Text += " at " + n.Time.Text
	}
	n.Text += "; " + ended(inv, from, to)
	n.Bad = inv.Outcome == archive.Failed || inv.Outcome == archive.Missed
	return n
}

func objectOf(name string) string {
	if name == you {
		return "you"
	}
	return name
}

func subjectOf(name string) string { return objectOf(name) }

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
		return subjectOf(to) + " accepted"
	case archive.Declined:
		return subjectOf(to) + " declined"
	case archive.Missed:
		return subjectOf(to) + " did not answer"
	case archive.Cancelled:
		return subjectOf(from) + " took it back"
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
