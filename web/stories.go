package web

import (
	"context"
	"io"
	"time"

	"github.com/a-h/templ"

	"archiver/internal/archive"
	"archiver/web/component"
	"archiver/web/static"
)

// Story is a page in one of its states, made of invented data: what tests,
// accessibility checks and screenshots look at.
type Story struct {
	Name string
	page func(frame) templ.Component
	// section is the rail's entry that is lit.
	section string
}

// Render writes the whole page.
func (s Story) Render(ctx context.Context, w io.Writer) error {
	assets, err := static.New()
	if err != nil {
		return err
	}
	f := frame{
		Title: s.Name, Section: s.section, Clock: component.Clock{Zone: time.UTC, Now: inventedNow()},
		Zones: zoneChoices("UTC"), Address: "/", Version: "0.0",
		Style: assets.Path("app.css"), Script: assets.Path("app.js"), Icon: assets.Path("icon.svg"),
	}
	return layout(f).Render(templ.WithChildren(ctx, s.page(f)), w)
}

// Stories lists every state of every page.
func Stories() []Story {
	in := invent()
	return []Story{
		{"home", func(f frame) templ.Component { return homeContent(in.home(f.Clock)) }, "home"},
		{"home: stopped", func(f frame) templ.Component { return homeContent(in.stopped().home(f.Clock)) }, "home"},
		{"home: nothing yet", func(frame) templ.Component { return homeContent(homeView{}) }, "home"},
		{"conversations", func(f frame) templ.Component {
			return conversationsContent(conversationsView{Rows: in.rows(f.Clock), Older: "/conversations?before=1.1"})
		}, "conversations"},
		{"conversations: none fits", func(frame) templ.Component { return conversationsContent(conversationsView{Text: "zebra"}) }, "conversations"},
		{"conversations: none", func(frame) templ.Component { return conversationsContent(conversationsView{}) }, "conversations"},
		{"conversation: group with gaps", in.conversation(0), "conversations"},
		{"conversation: meeting", in.conversation(1), "conversations"},
		{"conversation: direct", in.conversation(2), "conversations"},
		{"conversation: declined call", in.conversation(3), "conversations"},
		{"conversation: long", in.conversation(4), "conversations"},
		{"search", func(frame) templ.Component { return searchContent(searchView{Help: "word"}) }, "search"},
		{"search: hits", func(f frame) templ.Component { return searchContent(in.found(f.Clock)) }, "search"},
		{"search: no hit", func(f frame) templ.Component {
			return searchContent(newSearch(f.Clock, searchView{Query: "zebra"}, archive.SearchResult{Index: archive.IndexState{Documents: 265}}))
		}, "search"},
		{"search: empty index", func(f frame) templ.Component {
			return searchContent(newSearch(f.Clock, searchView{Query: "zebra"}, archive.SearchResult{}))
		}, "search"},
		{"search: mistake", func(frame) templ.Component {
			return searchContent(searchView{Query: "after:soon", Mistake: &mistake{"after: takes a date", "after:", "soon", ""}})
		}, "search"},
		{"people", func(f frame) templ.Component { return peopleContent(in.people(f.Clock)) }, "people"},
		{"people: nobody", func(frame) templ.Component { return peopleContent(nil) }, "people"},
		{"person", func(f frame) templ.Component { return personContent(in.person(f.Clock)) }, "people"},
		{"events", func(frame) templ.Component {
			return eventsContent(eventsView{Rows: eventRows(in.Events[:40]), Older: "/events?before=1.1"})
		}, "events"},
		{"events: all understood", func(frame) templ.Component { return eventsContent(eventsView{Undecoded: true}) }, "events"},
		{"events: no such resource", func(frame) templ.Component { return eventsContent(eventsView{Rel: "zebra"}) }, "events"},
		{"events: none", func(frame) templ.Component { return eventsContent(eventsView{}) }, "events"},
		{"event", func(f frame) templ.Component { return eventContent(newEvent(f.Clock, in.Inspections[in.Events[0].ID])) }, "events"},
		{"event: not understood", func(f frame) templ.Component { return eventContent(newEvent(f.Clock, in.undecoded())) }, "events"},
		{"status", func(f frame) templ.Component { return statusContent(in.status(f.Clock)) }, "status"},
		{"status: behind", func(f frame) templ.Component { return statusContent(in.stopped().status(f.Clock)) }, "status"},
		{"status: nothing yet", func(frame) templ.Component { return statusContent(statusView{}) }, "status"},
		{"problem: not here", func(frame) templ.Component { return problemView(problems[1].problem, "") }, ""},
		{"problem: ours", func(frame) templ.Component { return problemView(ours(), "K7Q2M4XA") }, ""},
	}
}

func (in invented) rows(c component.Clock) []conversationRow {
	var rows []conversationRow
	for _, v := range in.Conversations {
		row := newConversationRow(c, v.Conversation)
		if v.Conversation.Messages == 0 {
			row.Outcome = tellInvitation(c, v.Invitations[0]).Text
		}
		rows = append(rows, row)
	}
	return rows
}

func (in invented) home(c component.Clock) homeView {
	return newHome(c, newAccounts(c, in.Accounts, in.Status), in.rows(c), in.Gaps, in.Totals)
}

func (in invented) status(c component.Clock) statusView {
	return statusView{newAccounts(c, in.Accounts, in.Status), newestGaps(c, in.Gaps)}
}

// stopped is the archive while nothing captures: its last gap is open and the
// index has not caught up.
func (in invented) stopped() invented {
	out := invent()
	out.Status[0].State, out.Status[0].Watermarks.Indexed, out.Status[0].Failed = "stopped", 931, 1
	out.Gaps = append(out.Gaps, archive.Gap{ID: 3, Account: annURI, Cause: archive.GapStopped, From: october(26, 12, 0, 0), AtRisk: true, After: 940})
	return out
}

func (in invented) conversation(n int) func(frame) templ.Component {
	return func(f frame) templ.Component {
		view, page := in.Conversations[n], messagePageOf{}
		for _, m := range in.Messages {
			if m.Conversation == view.Conversation.ID {
				page.Messages = append(page.Messages, m)
			}
		}
		if len(page.Messages) > messagesPageSize {
			page.Messages, page.HasNewer = page.Messages[:messagesPageSize], true
		}
		return conversationContent(newConversation(f.Clock, view, page))
	}
}

func (in invented) found(c component.Clock) searchView {
	hit := archive.Hit{Message: in.Messages[len(in.Messages)-1], ConversationTitle: "Launch plan", Snippet: "👍 Perfect. &lt;b&gt;<mark>Thank</mark> you&lt;/b&gt; all!"}
	v := newSearch(c, searchView{Query: "thank after:2026-10"}, archive.SearchResult{
		Parsed: "thank after:2026-10-01", Range: archive.SearchRange{After: october(1, 0, 0, 0)}, Total: 26, TookMS: 1.2,
		Index: archive.IndexState{Documents: 265, Behind: 3}, UncoveredSeconds: 9342, Hits: []archive.Hit{hit},
	})
	v.From, v.To, v.Next = "1", "25", "/search?q=thank&page=2"
	return v
}

func (in invented) people(c component.Clock) []personView {
	views := make([]personView, len(in.People))
	for i, p := range in.People {
		views[i] = newPerson(c, p)
	}
	return views
}

func (in invented) person(c component.Clock) personView {
	v := newPerson(c, in.People[1])
	v.Recent = in.rows(c)
	return v
}

// undecoded is an event that no decoder knows, with bytes that are no JSON.
func (in invented) undecoded() archive.Inspection {
	out := in.Inspections[in.Events[1].ID]
	out.Raw, out.Changes, out.Event.Error = []byte("<html>502 Bad Gateway</html>"), nil, "not JSON"
	return out
}
