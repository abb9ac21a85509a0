package web_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"archiver/internal/archive"
	"archiver/web"
)

// fake is an archive in memory that behaves like the store. fail, when set, is
// what every read answers.
type fake struct {
	web.Invented
	fail error
	// search, when set, answers searches.
	search func(archive.SearchRequest) (archive.SearchResult, error)
}

func newFake() *fake { return &fake{Invented: web.Invent()} }

func missing(what, id string) error {
	return fmt.Errorf("fake: %s %q: %w", what, id, archive.ErrNotFound)
}

func (f *fake) Conversations(_ context.Context, q archive.ConversationFilter) ([]archive.Conversation, error) {
	var out []archive.Conversation
	for _, v := range f.Invented.Conversations {
		c := v.Conversation
		in := func(m archive.Member) bool { return m.Person == q.Person }
		switch {
		case q.Before != 0 && c.Last >= q.Before, q.Kind != "" && c.Kind != q.Kind,
			q.Person != "" && !slices.ContainsFunc(c.Participants, in),
			q.Text != "" && !strings.Contains(strings.ToLower(c.Subject), strings.ToLower(q.Text)):
			continue
		}
		out = append(out, c)
	}
	return out[:min(len(out), archive.ClampLimit(q.Limit))], f.fail
}

func (f *fake) Conversation(_ context.Context, id string) (archive.ConversationView, error) {
	for _, v := range f.Invented.Conversations {
		if v.Conversation.ID == id {
			return v, f.fail
		}
	}
	return archive.ConversationView{}, missing("conversation", id)
}

func (f *fake) Messages(_ context.Context, q archive.MessageFilter) ([]archive.Message, error) {
	var out []archive.Message
	for _, m := range f.Invented.Messages {
		if m.Conversation == q.Conversation && m.Event > q.After && (q.Before == 0 || m.Event < q.Before) {
			out = append(out, m)
		}
	}
	limit := archive.ClampLimit(q.Limit)
	if q.Before != 0 && q.After == 0 && len(out) > limit {
		return out[len(out)-limit:], f.fail
	}
	return out[:min(len(out), limit)], f.fail
}

func (f *fake) Message(_ context.Context, id string) (archive.Message, error) {
	for _, m := range f.Invented.Messages {
		if m.ID == id {
			return m, f.fail
		}
	}
	return archive.Message{}, missing("message", id)
}

func (f *fake) MessageAt(_ context.Context, conversation string, at archive.Time) (archive.EventID, error) {
	for _, m := range f.Invented.Messages {
		if m.Conversation == conversation && m.Time.Known() && !m.Time.Before(at.Time) {
			return m.Event, f.fail
		}
	}
	return 0, f.fail
}

func (f *fake) MessagesByEvent(_ context.Context, ids []archive.EventID) ([]archive.Message, error) {
	var out []archive.Message
	for _, m := range f.Invented.Messages {
		if slices.Contains(ids, m.Event) {
			out = append(out, m)
		}
	}
	return out, f.fail
}

func (f *fake) Events(_ context.Context, q archive.EventFilter) ([]archive.Event, error) {
	var out []archive.Event
	for _, e := range f.Invented.Events {
		if (q.Before == 0 || e.ID < q.Before) && (q.Rel == "" || e.Rel == q.Rel) && !(q.Undecoded && e.Decoded) {
			out = append(out, e)
		}
	}
	return out[:min(len(out), archive.ClampLimit(q.Limit))], f.fail
}

func (f *fake) Inspect(_ context.Context, id archive.EventID) (archive.Inspection, error) {
	in, ok := f.Inspections[id]
	if !ok {
		return in, missing("event", id.String())
	}
	return in, f.fail
}

func (f *fake) Observation(_ context.Context, id archive.ObservationID) (archive.Observation, error) {
	for _, in := range f.Inspections {
		if in.Observation.ID == id {
			return in.Observation, f.fail
		}
	}
	return archive.Observation{}, missing("observation", id.String())
}

func (f *fake) People(context.Context) ([]archive.Person, error) { return f.Invented.People, f.fail }

func (f *fake) Person(_ context.Context, id string) (archive.Person, error) {
	for _, p := range f.Invented.People {
		if p.ID == id {
			return p, f.fail
		}
	}
	return archive.Person{}, missing("person", id)
}

func (f *fake) Gaps(context.Context, string) ([]archive.Gap, error) { return f.Invented.Gaps, f.fail }

func (f *fake) Accounts(context.Context) ([]archive.Account, error) {
	return f.Invented.Accounts, f.fail
}

func (f *fake) Status(context.Context) ([]archive.Status, error) { return f.Invented.Status, f.fail }

func (f *fake) Totals(context.Context) (archive.Totals, error) { return f.Invented.Totals, f.fail }

func (f *fake) Watermarks(context.Context) (archive.Watermarks, error) {
	if len(f.Invented.Status) == 0 {
		return archive.Watermarks{}, f.fail
	}
	return f.Invented.Status[0].Watermarks, f.fail
}

// Search finds messages that contain the query, without an index.
func (f *fake) Search(_ context.Context, r archive.SearchRequest) (archive.SearchResult, error) {
	if f.search != nil {
		return f.search(r)
	}
	out := archive.SearchResult{Query: r.Query, Parsed: r.Query, TookMS: 0.4, Index: archive.IndexState{Documents: int64(len(f.Invented.Messages))}}
	needle := strings.ToLower(r.Query)
	for _, m := range f.Invented.Messages {
		if at := strings.Index(strings.ToLower(m.Text), needle); at >= 0 {
			out.Total++
			out.Hits = append(out.Hits, archive.Hit{Message: m, ConversationTitle: "Launch plan", Snippet: html.EscapeString(m.Text[:at]) +
				"<mark>" + html.EscapeString(m.Text[at:at+len(needle)]) + "</mark>" + html.EscapeString(m.Text[at+len(needle):])})
		}
	}
	if r.Sort != archive.SortOldest {
		slices.Reverse(out.Hits)
	}
	out.Hits = out.Hits[min(r.Offset, len(out.Hits)):]
	out.Hits = out.Hits[:min(r.Limit, len(out.Hits))]
	return out, f.fail
}

const testHost = "127.0.0.1:8787"

// browser asks a handler for pages as one reader in one time zone does.
type browser struct {
	testing.TB
	handler http.Handler
	zone    string
}

func open(t testing.TB, f *fake, logs io.Writer) *browser {
	logger := slog.New(slog.DiscardHandler)
	if logs != nil {
		logger = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return &browser{t, web.New(web.Config{
		Archive: f, Search: f, Inspect: f, Logger: logger, Hosts: []string{testHost}, Version: "1.0",
		Now: func() time.Time { return web.InventedNow() },
	}), "Europe/Berlin"}
}

func (b *browser) request(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = testHost
	r.AddCookie(&http.Cookie{Name: "tz", Value: b.zone})
	return r
}

func (b *browser) do(r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	b.handler.ServeHTTP(rec, r)
	return rec.Result()
}

// get reads a page that must answer with a status.
func (b *browser) get(target string, status int) *goquery.Document {
	b.Helper()
	res := b.do(b.request("GET", target))
	if res.StatusCode != status {
		b.Fatalf("GET %s: status %d, want %d", target, res.StatusCode, status)
	}
	doc, err := goquery.NewDocumentFromReader(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return doc
}
