package web

import (
	"context"
	"net/http"
	"net/url"

	"archiver/internal/archive"
	"archiver/web/component"
)

// conversationsPageSize is how many conversations a page lists.
const conversationsPageSize = 50

// conversationRow is one conversation in a list.
type conversationRow struct {
	Href, Title string
	Person      string // whose colour it has: the other person's, or its own
	People      string // who takes part, where the title does not say
	Kind        archive.ConversationKind
	Last        string
	LastTime    component.Stamp
	Span        string
	Messages    string
	Gaps        int64
	Open        bool
	Urgent      bool
	Outcome     string // how its invitation ended, when nothing else came of it
}

// conversationsView is the list of conversations.
type conversationsView struct {
	Rows       []conversationRow
	Text, Kind string
	With       string // person id
	WithName   string
	Older      string
	Newest     string // "" on the first page
}

// Filtered reports whether the list is narrowed down.
func (v conversationsView) Filtered() bool { return v.Text != "" || v.Kind != "" || v.With != "" }

func (s *site) conversationsPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	before, err := parsePosition(q.Get("before"))
	if err != nil {
		return err
	}
	v := conversationsView{Text: q.Get("q"), Kind: q.Get("kind"), With: q.Get("with")}
	if v.With != "" {
		p, err := s.Archive.Person(r.Context(), v.With)
		if err != nil {
			return err
		}
		v.WithName = nameOr(p.Name(), "")
	}
	f := s.frame(r, "Conversations", "conversations")
	f.Live = before == 0
	filter := archive.ConversationFilter{
		Person: v.With, Kind: archive.ConversationKind(v.Kind), Text: v.Text, Before: before, Limit: conversationsPageSize + 1,
	}
	list, err := s.Archive.Conversations(r.Context(), filter)
	if err != nil {
		return err
	}
	if len(list) > conversationsPageSize {
		list = list[:conversationsPageSize]
		v.Older = with(r.URL, "before", position(list[len(list)-1].Last))
	}
	if before != 0 {
		v.Newest = with(r.URL, "before", "")
	}
	if v.Rows, err = s.rowsOf(r.Context(), f.Clock, list); err != nil {
		return err
	}
	return s.show(w, r, f, conversationsContent(v))
}

// with is an address with one parameter changed, or removed when value is "".
func with(u *url.URL, key, value string) string {
	q := u.Query()
	q.Del(key)
	if value != "" {
		q.Set(key, value)
	}
	out := url.URL{Path: u.Path, RawQuery: q.Encode()}
	return out.String()
}

func (s *site) conversationRows(ctx context.Context, c component.Clock, f archive.ConversationFilter) ([]conversationRow, error) {
	list, err := s.Archive.Conversations(ctx, f)
	if err != nil {
		return nil, err
	}
	return s.rowsOf(ctx, c, list)
}

// rowsOf describes conversations. Of one without messages it tells how its
// invitation ended, which takes a further read.
func (s *site) rowsOf(ctx context.Context, c component.Clock, list []archive.Conversation) ([]conversationRow, error) {
	rows := make([]conversationRow, len(list))
	for i, conv := range list {
		rows[i] = newConversationRow(c, conv)
		if conv.Messages > 0 {
			continue
		}
		view, err := s.Archive.Conversation(ctx, conv.ID)
		if err != nil {
			return nil, err
		}
		if n := len(view.Invitations); n > 0 {
			rows[i].Outcome = tellInvitation(c, view.Invitations[n-1]).Text
		}
	}
	return rows, nil
}

func newConversationRow(c component.Clock, v archive.Conversation) conversationRow {
	row := conversationRow{
		Href: conversationHref(v.ID), Title: conversationTitle(v), Kind: v.Kind,
		Last: v.LastMessage, LastTime: c.Brief(v.LastTime, ""),
		Gaps: v.Gaps, Open: v.EndedSource == "", Urgent: v.Importance == "Urgent" || v.Importance == "Emergency",
	}
	if v.Subject != "" {
		row.People = joinNames(others(v.Participants), 3)
	}
	if v.Kind != archive.Direct {
		row.Person = v.ID
	}
	for _, m := range v.Participants {
		if !m.Local && row.Person == "" {
			row.Person = m.Person
		}
	}
	if !v.LastTime.Known() {
		row.LastTime = c.Brief(v.Started, v.StartedSource)
	}
	if v.Messages > 0 {
		row.Messages = count(v.Messages, "message", "messages")
	}
	row.Span = span(c, v)
	return row
}

// span is from when to when a conversation went on, by day.
func span(c component.Clock, v archive.Conversation) string {
	end := v.LastTime
	if !end.Known() {
		end = v.Ended
	}
	if !v.Started.Known() || !end.Known() || c.Date(v.Started) == c.Date(end) {
		return ""
	}
	return "since " + c.Brief(v.Started, "").Text
}
