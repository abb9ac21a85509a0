package capture

import (
	"context"
	"slices"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// elsewhere notes conversations that go on in another client of the user, where
// no other client sees them: each is a gap of that conversation from its
// invitation to its end. It belongs to the loop's goroutine.
type elsewhere struct {
	coverage *coverage
	// invited is when an invitation that is open was first seen. It is bounded:
	// what a server forgets to complete is forgotten here too.
	invited []sighting
	open    []*interval // gaps that are going on, by Gap.Conversation
}

type sighting struct {
	invitation string // href
	at         archive.Time
}

// maxInvited bounds the invitations that are remembered as open.
const maxInvited = 256

// connectedElsewhere is the subcode which tells that another endpoint of the
// user has answered (Errors in the UCWA reference).
const connectedElsewhere = "ConnectedElsewhere"

// load takes over what an earlier run has left open.
func (e *elsewhere) load(gaps []archive.Gap) {
	for _, g := range gaps {
		if g.Cause == archive.GapElsewhere {
			e.open = append(e.open, &interval{Gap: g, from: earlier(g.From, e.coverage.clock.now())})
		}
	}
}

// see brings the log up to what an envelope tells that arrived at this time,
// before the envelope is committed. It can be repeated. began reports whether a
// conversation has newly gone elsewhere.
func (e *elsewhere) see(ctx context.Context, events []ucwa.Event, at archive.Time) (began bool, err error) {
	for _, ev := range events {
		id := ucwa.Fold(ev.Link.Href)
		switch {
		case ev.Link.Rel == "conversation" && ev.Type == "deleted":
			err = e.ended(ctx, id, at)
		case ev.Type == "started":
			e.sighted(id, at)
		case ev.Reason != nil && ev.Reason.Subcode == connectedElsewhere:
			var fresh bool
			fresh, err = e.began(ctx, ev, at)
			began = began || fresh
		}
		if err != nil {
			return began, err
		}
	}
	return began, nil
}

func (e *elsewhere) sighted(invitation string, at archive.Time) {
	if slices.ContainsFunc(e.invited, func(s sighting) bool { return s.invitation == invitation }) {
		return
	}
	if len(e.invited) >= maxInvited {
		e.invited = e.invited[1:]
	}
	e.invited = append(e.invited, sighting{invitation, at})
}

// began opens the gap of a conversation.
func (e *elsewhere) began(ctx context.Context, ev ucwa.Event, at archive.Time) (fresh bool, err error) {
	conversation := conversationOf(ev)
	if conversation == "" || slices.ContainsFunc(e.open, func(i *interval) bool { return i.Conversation == conversation }) {
		return false, nil
	}
	invitation := ucwa.Fold(ev.Link.Href)
	from := at
	for _, s := range e.invited {
		if s.invitation == invitation {
			from = s.at
		}
	}
	i := e.coverage.interval(archive.GapElsewhere, from)
	i.Conversation, i.AtRisk = conversation, true
	if i.ID, err = e.coverage.log.AppendGap(ctx, i.Gap); err != nil {
		return false, err
	}
	e.open = append(e.open, i)
	e.invited = slices.DeleteFunc(e.invited, func(s sighting) bool { return s.invitation == invitation })
	return true, nil
}

// conversationOf is the href of the conversation that an invitation or a
// modality belongs to, "" when it does not say.
func conversationOf(ev ucwa.Event) string {
	head, err := ucwa.ParseHead(ev.Embedded)
	if err != nil {
		return ""
	}
	return ucwa.Fold(head.Links.Href("conversation"))
}

// ended closes the gap of a conversation that is over.
func (e *elsewhere) ended(ctx context.Context, conversation string, at archive.Time) error {
	for n, i := range e.open {
		if i.Conversation == conversation {
			i.to = archive.At(later(at.Time, i.from.Time))
			if err := e.coverage.close(ctx, i); err != nil {
				return err
			}
			e.open = slices.Delete(e.open, n, n+1)
			return nil
		}
	}
	return nil
}

// forget closes all gaps: their conversations are over with the application, or
// with the place in its channel.
func (e *elsewhere) forget(ctx context.Context, at archive.Time) error {
	for len(e.open) > 0 {
		if err := e.ended(ctx, e.open[0].Conversation, at); err != nil {
			return err
		}
	}
	e.invited = nil
	return nil
}
