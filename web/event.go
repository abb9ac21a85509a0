package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"archiver/internal/archive"
	"archiver/web/component"
)

// eventView is one event with its bytes and what came of them.
type eventView struct {
	ID             string
	Type, Rel, In  string
	Observation    string
	Raw            string // where the bytes are
	Facts          []fact
	JSON           component.JSON
	Changes        []changeView
	Failed         string
	Links          []choice
	Previous, Next string
}

// fact is a name with a value; Code when it is meant for machines.
type fact struct {
	Name, Value string
	Code        bool
}

// changeView is something that decoding concluded.
type changeView struct {
	Title string
	Facts []fact
}

func (s *site) eventPage(w http.ResponseWriter, r *http.Request) error {
	id, err := parsePosition(r.PathValue("id"))
	if err != nil {
		return err
	}
	in, err := s.Inspect.Inspect(r.Context(), id)
	if err != nil {
		return err
	}
	f := s.frame(r, "Event "+position(id), "events")
	v := newEvent(f.Clock, in)
	if v.Links, err = s.resultsOf(r.Context(), in); err != nil {
		return err
	}
	return s.show(w, r, f, eventContent(v))
}

func newEvent(c component.Clock, in archive.Inspection) eventView {
	e := in.Event
	v := eventView{
		ID: position(e.ID), Type: e.Type, Rel: e.Rel, In: e.In, Failed: e.Error,
		Observation: in.Observation.ID.String(), Raw: rawHref(in.Observation.ID),
		Facts: eventFacts(c, in), JSON: component.Highlight(in.Raw),
	}
	for _, ch := range in.Changes {
		v.Changes = append(v.Changes, describeChange(c, ch))
	}
	if n := in.Neighbours.Previous; n != 0 {
		v.Previous = eventHref(n)
	}
	if n := in.Neighbours.Next; n != 0 {
		v.Next = eventHref(n)
	}
	return v
}

func eventFacts(c component.Clock, in archive.Inspection) []fact {
	e, o := in.Event, in.Observation
	facts := []fact{
		{"Sender", e.Sender, false},
		{"Resource", e.Href, true},
		{"Title", e.Title, false},
		{"Status", e.Status, false},
		{"Reason", reasonText(e.Reason), false},
		{"Account", o.Account, false},
		{"Came by", sourceName(o.Source), false},
		{"Request", nonEmpty(o.Method, " ") + o.URL, true},
		{"Answer", statusText(o.Status), false},
		{"Received", known(c.Full(o.Received, archive.FromServer)), false},
		{"Server's date", known(c.Full(o.Date, archive.FromServer)), false},
		{"Bytes", grouped(o.Bytes), false},
		{"SHA-256", o.SHA256, true},
	}
	return said(facts)
}

// said leaves out what was not said.
func said(facts []fact) []fact {
	out := facts[:0]
	for _, f := range facts {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

func nonEmpty(s, suffix string) string {
	if s == "" {
		return ""
	}
	return s + suffix
}

func known(s component.Stamp) string {
	if s.Unknown() {
		return ""
	}
	return s.Text
}

func statusText(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code) + " " + http.StatusText(code)
}

func sourceName(s archive.Source) string {
	switch s {
	case archive.SourceCapture:
		return "the event channel"
	case archive.SourceFetch:
		return "a fetch of what an event named"
	case archive.SourceBackfill:
		return "the server's conversation history"
	case archive.SourceImport:
		return "an imported file"
	}
	return string(s)
}

// resultsOf links to what the archive made of an event.
func (s *site) resultsOf(ctx context.Context, in archive.Inspection) ([]choice, error) {
	messages, err := s.Archive.MessagesByEvent(ctx, []archive.EventID{in.Event.ID})
	if err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		messages, err = s.messagesOf(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	var links []choice
	for _, m := range messages {
		links = append(links, choice{Title: "Message in its conversation", Href: messageHref(m.ID)})
	}
	if len(links) > 0 {
		return links, nil
	}
	return s.conversationsOf(ctx, in)
}

// messagesOf finds the message that an event shows again.
func (s *site) messagesOf(ctx context.Context, in archive.Inspection) ([]archive.Message, error) {
	for _, ch := range in.Changes {
		href := ""
		switch ch := ch.(type) {
		case archive.MessageChange:
			href = ch.Href
		case archive.InvitationChange:
			href = ch.Href
		default:
			continue
		}
		m, err := s.Archive.Message(ctx, archive.MessageID(in.Observation.Account, href))
		switch {
		case err == nil:
			return []archive.Message{m}, nil
		case !errors.Is(err, archive.ErrNotFound):
			return nil, err
		}
	}
	return nil, nil
}

// conversationsOf finds the conversation that an event concerns, where the
// event itself says which.
func (s *site) conversationsOf(ctx context.Context, in archive.Inspection) ([]choice, error) {
	for _, ch := range in.Changes {
		thread, href := "", ""
		switch ch := ch.(type) {
		case archive.ConversationChange:
			thread, href = ch.Thread.ID, ch.Href
		case archive.InvitationChange:
			thread, href = ch.Thread.ID, ch.Conversation
		default:
			continue
		}
		view, err := s.Archive.Conversation(ctx, archive.ConversationID(in.Observation.Account, thread, href))
		switch {
		case err == nil:
			return []choice{{Title: "Conversation", Href: conversationHref(view.Conversation.ID)}}, nil
		case !errors.Is(err, archive.ErrNotFound):
			return nil, err
		}
	}
	return nil, nil
}

func rawHref(id archive.ObservationID) string { return fmt.Sprintf("/observations/%d/raw", id) }

// rawObservation hands out the bytes of a response exactly as they came. They
// are somebody else's, so no browser is to take them for a page.
func (s *site) rawObservation(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		return archive.ErrInvalid
	}
	o, err := s.Archive.Observation(r.Context(), archive.ObservationID(n))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="observation-%d.bin"`, n))
	w.Header().Set("Content-Length", strconv.Itoa(len(o.Body)))
	_, _ = w.Write(o.Body) // a reader that went away is no error of ours
	return nil
}
