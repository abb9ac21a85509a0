package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"archiver/internal/archive"
	"archiver/web/component"
)

const (
	// messagesPageSize is how many messages a page of a conversation shows.
	messagesPageSize = 100
	// messagesAround is how many of them come before the one asked for.
	messagesAround = 40
)

// conversationView is one page of one conversation.
type conversationView struct {
	ID, Title   string
	Kind        archive.ConversationKind
	State       string
	Urgent      bool
	Started     component.Stamp
	Ended       component.Stamp
	HasEnded    bool
	Messages    string
	People      []stayView
	Account     string
	Items       []item
	Hit         string // the anchor of the outlined message; "" for none
	Older       string
	Newer       string
	First, Last string // ends of the conversation; "" when already there
	Date        string // the day that the page begins with, for the jump
	Empty       string // why there is no message
	Follow      bool   // whether the page opens at its end, where it goes on
}

// stayView is somebody's time in a conversation.
type stayView struct {
	Person, Name string
	Href         string
	Role         string
	Joined, Left component.Stamp
	Present      bool
}

// messagePageOf is a page of messages with what lies around it.
type messagePageOf struct {
	Messages []archive.Message
	// After is the place of the message before the page, which bounds what is
	// drawn above it; 0 at the beginning of the conversation.
	After     archive.EventID
	HasOlder  bool
	HasNewer  bool
	Highlight archive.EventID
}

func (s *site) conversationPage(w http.ResponseWriter, r *http.Request) error {
	view, err := s.Archive.Conversation(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	f := s.frame(r, conversationTitle(view.Conversation), "conversations")
	page, err := s.messagePageFor(r, f.Clock.Zone, view.Conversation.ID)
	if err != nil {
		return err
	}
	f.Live = !page.HasNewer && r.URL.Query().Get("hit") == ""
	v := newConversation(f.Clock, view, page)
	v.addLinks(r.URL, page)
	v.Follow = f.Live && !v.HasEnded && r.URL.RawQuery == "" // who asked for a place wants to see it
	return s.show(w, r, f, conversationContent(v))
}

// messagePage leads from a message to its place in its conversation.
func (s *site) messagePage(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Archive.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	u := url.URL{Path: conversationHref(m.Conversation), RawQuery: url.Values{"hit": {m.ID}}.Encode(), Fragment: anchor(m.ID)}
	http.Redirect(w, r, u.String(), http.StatusFound)
	return nil
}

// messagePageFor reads the page that an address asks for: around a message,
// from a day on, before or after a place in the log, or else the newest.
func (s *site) messagePageFor(r *http.Request, zone *time.Location, conversation string) (messagePageOf, error) {
	q := r.URL.Query()
	if hit := q.Get("hit"); hit != "" {
		m, err := s.Archive.Message(r.Context(), hit)
		switch {
		case err == nil && m.Conversation == conversation:
			return s.around(r.Context(), conversation, m.Event)
		case err != nil && !errors.Is(err, archive.ErrNotFound):
			return messagePageOf{}, err
		}
	}
	if q.Get("at") != "" {
		return s.fromDay(r.Context(), conversation, q.Get("at"), zone)
	}
	if q.Has("after") {
		after, err := parsePosition(q.Get("after"))
		if err != nil {
			return messagePageOf{}, err
		}
		return s.pageAfter(r.Context(), conversation, after)
	}
	before, err := parsePosition(q.Get("before"))
	if err != nil {
		return messagePageOf{}, err
	}
	return s.pageBefore(r.Context(), conversation, before)
}

func (s *site) fromDay(ctx context.Context, conversation, day string, zone *time.Location) (messagePageOf, error) {
	at, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return messagePageOf{}, archive.ErrInvalid
	}
	id, err := s.Archive.MessageAt(ctx, conversation, archive.At(at))
	if err != nil {
		return messagePageOf{}, err
	}
	if id == 0 {
		return s.pageBefore(ctx, conversation, 0)
	}
	return s.pageFrom(ctx, conversation, id)
}

// pageFrom reads forwards from a message on.
func (s *site) pageFrom(ctx context.Context, conversation string, first archive.EventID) (messagePageOf, error) {
	before, err := s.Archive.Messages(ctx, archive.MessageFilter{Conversation: conversation, Before: first, Limit: 1})
	if err != nil {
		return messagePageOf{}, err
	}
	after := archive.EventID(0)
	if len(before) > 0 {
		after = before[0].Event
	}
	return s.pageAfter(ctx, conversation, after)
}

// pageAfter reads forwards from behind a place in the log.
func (s *site) pageAfter(ctx context.Context, conversation string, after archive.EventID) (messagePageOf, error) {
	var p messagePageOf
	messages, err := s.Archive.Messages(ctx, archive.MessageFilter{Conversation: conversation, After: after, Limit: messagesPageSize + 1})
	if err != nil {
		return p, err
	}
	if p.HasNewer = len(messages) > messagesPageSize; p.HasNewer {
		messages = messages[:messagesPageSize]
	}
	p.Messages = messages
	switch {
	case after == 0:
		return p, nil
	case len(messages) == 0: // nothing is newer: show what is newest
		return s.pageBefore(ctx, conversation, 0)
	}
	before, err := s.Archive.Messages(ctx, archive.MessageFilter{Conversation: conversation, Before: messages[0].Event, Limit: 1})
	if err != nil {
		return p, err
	}
	if p.HasOlder = len(before) > 0; p.HasOlder {
		p.After = before[0].Place
	}
	return p, nil
}

// pageBefore reads what comes just before a place in the log, or the newest
// when that is 0.
func (s *site) pageBefore(ctx context.Context, conversation string, before archive.EventID) (messagePageOf, error) {
	p := messagePageOf{HasNewer: before != 0}
	if before == 0 {
		before = math.MaxInt64
	}
	messages, err := s.Archive.Messages(ctx, archive.MessageFilter{Conversation: conversation, Before: before, Limit: messagesPageSize + 1})
	if err != nil {
		return p, err
	}
	if len(messages) == 0 && p.HasNewer { // nothing is older: show what is oldest
		return s.pageAfter(ctx, conversation, 0)
	}
	if p.HasOlder = len(messages) > messagesPageSize; p.HasOlder {
		p.After, messages = messages[0].Place, messages[1:]
	}
	p.Messages = messages
	return p, nil
}

// around reads the page that shows a message with some of what led to it.
func (s *site) around(ctx context.Context, conversation string, at archive.EventID) (messagePageOf, error) {
	lead, err := s.Archive.Messages(ctx, archive.MessageFilter{Conversation: conversation, Before: at, Limit: messagesAround + 1})
	if err != nil {
		return messagePageOf{}, err
	}
	var after archive.EventID
	if len(lead) > messagesAround {
		after = lead[0].Event
	}
	p, err := s.pageAfter(ctx, conversation, after)
	p.Highlight = at
	return p, err
}

func newConversation(c component.Clock, view archive.ConversationView, page messagePageOf) conversationView {
	conv := view.Conversation
	v := conversationView{
		ID: conv.ID, Title: conversationTitle(conv), Kind: conv.Kind, State: conv.State,
		Urgent:  conv.Importance == "Urgent" || conv.Importance == "Emergency",
		Started: c.Moment(conv.Started, conv.StartedSource), Ended: c.Moment(conv.Ended, conv.EndedSource),
		HasEnded: conv.EndedSource != "", Messages: count(conv.Messages, "message", "messages"), Account: conv.Account,
		People: stays(c, view.Participants), Items: timeline(c, view, page),
	}
	if len(page.Messages) == 0 {
		v.Empty = "No message was captured in this conversation."
	}
	for _, m := range page.Messages {
		if v.Date == "" {
			v.Date = c.Date(m.Time)
		}
		if m.Event == page.Highlight {
			v.Hit = anchor(m.ID)
		}
	}
	return v
}

func (v *conversationView) addLinks(u *url.URL, p messagePageOf) {
	if len(p.Messages) == 0 {
		return
	}
	bare := &url.URL{Path: u.Path}
	if p.HasOlder {
		v.Older = with(bare, "before", position(p.Messages[0].Event))
		v.First = with(bare, "after", "0")
	}
	if p.HasNewer {
		v.Newer = with(bare, "after", position(p.Messages[len(p.Messages)-1].Event))
		v.Last = bare.Path
	}
}

// Everybody is who took part, each once, however often they came and went.
func (v conversationView) Everybody() []stayView {
	seen := make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(v.People), func(s stayView) bool {
		before := seen[s.Person]
		seen[s.Person] = true
		return before
	})
}

func stays(c component.Clock, ps []archive.Participant) []stayView {
	out := make([]stayView, len(ps))
	for i, p := range ps {
		out[i] = stayView{
			Person: p.Person, Name: nameOr(p.Name, p.URI), Href: personHref(p.Person), Role: role(p),
			Joined: c.Moment(p.Joined, p.JoinedSource), Left: c.Moment(p.Left, p.LeftSource), Present: p.LeftSource == "",
		}
	}
	return out
}

func role(p archive.Participant) string {
	switch {
	case p.Local:
		return "you"
	case p.Anonymous:
		return "guest"
	case p.Role == "Leader":
		return "leader"
	case p.SourceNetwork != "" && p.SourceNetwork != "SameEnterprise":
		return "outside"
	}
	return ""
}

// kindName is what a kind of conversation is called.
func kindName(k archive.ConversationKind) string {
	switch k {
	case archive.Direct:
		return "two people"
	case archive.Group:
		return "group"
	case archive.Meeting:
		return "meeting"
	}
	return string(k)
}
