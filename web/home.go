package web

import (
	"net/http"

	"archiver/internal/archive"
	"archiver/web/component"
)

const (
	recentConversations = 12
	recentGaps          = 5
)

// homeView is the page that opens first.
type homeView struct {
	Accounts      []accountView
	Conversations []conversationRow
	Gaps          []component.Gap
	MoreGaps      int
	Figures       []figure
}

// figure is a number with what it counts.
type figure struct{ Number, Noun, Href string }

func (s *site) homePage(w http.ResponseWriter, r *http.Request) error {
	f := s.frame(r, "Home", "home")
	f.Live = true
	ctx := r.Context()
	accounts, err := s.accounts(ctx, f.Clock)
	if err != nil {
		return err
	}
	rows, err := s.conversationRows(ctx, f.Clock, archive.ConversationFilter{Limit: recentConversations})
	if err != nil {
		return err
	}
	gaps, err := s.Archive.Gaps(ctx, "")
	if err != nil {
		return err
	}
	totals, err := s.Archive.Totals(ctx)
	if err != nil {
		return err
	}
	return s.show(w, r, f, homeContent(newHome(f.Clock, accounts, rows, gaps, totals)))
}

func newHome(c component.Clock, accounts []accountView, rows []conversationRow, gaps []archive.Gap, t archive.Totals) homeView {
	v := homeView{Accounts: accounts, Conversations: rows, Gaps: newestGaps(c, gaps)}
	if v.MoreGaps = len(v.Gaps) - recentGaps; v.MoreGaps > 0 {
		v.Gaps = v.Gaps[:recentGaps]
	}
	v.Figures = []figure{
		{grouped(t.Messages), plural(t.Messages, "message", "messages"), "/search"},
		{grouped(t.Conversations), plural(t.Conversations, "conversation", "conversations"), "/conversations"},
		{grouped(t.People), plural(t.People, "person", "people"), "/people"},
		{grouped(t.Events), plural(t.Events, "event", "events"), "/events"},
		{grouped(t.Gaps), plural(t.Gaps, "gap", "gaps"), "/status#gaps"},
	}
	return v
}

// newestGaps tells gaps, the newest first.
func newestGaps(c component.Clock, gaps []archive.Gap) []component.Gap {
	out := make([]component.Gap, 0, len(gaps))
	for i := len(gaps) - 1; i >= 0; i-- {
		out = append(out, c.Gap(gaps[i]))
	}
	return out
}
