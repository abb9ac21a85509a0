package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"archiver/internal/archive"
	"archiver/internal/query"
	"archiver/web/component"
)

const (
	hitsPageSize = 25
	// lastSearchPage bounds how deep one can page; a narrower query leads there.
	lastSearchPage = 400
)

// searchView is the search page.
type searchView struct {
	Query     string
	Asked     bool
	Mistake   *mistake
	Parsed    string
	Range     string
	Total     string
	Took      string
	Found     bool
	Hits      []hitView
	Sorts     []choice
	From, To  string // the hits shown, counted from 1
	Previous  string
	Next      string
	Uncovered string
	Behind    string
	Documents int64
	Help      string
}

// mistake is what is wrong with a query, and where.
type mistake struct {
	Text                 string
	Before, Wrong, After string // the query up to the place, the clause there, and the rest
}

// choice is a link to another order.
type choice struct {
	Title, Href string
	Chosen      bool
}

// hitView is one message that was found.
type hitView struct {
	Href         string
	Person, Name string
	Conversation string
	Time         component.Stamp
	Marks        []component.Mark
}

func (s *site) searchPage(w http.ResponseWriter, r *http.Request) error {
	f := s.frame(r, "Search", "search")
	q := r.URL.Query()
	request := archive.SearchRequest{
		Query: strings.TrimSpace(q.Get("q")), Sort: sortOf(q.Get("sort")), Limit: hitsPageSize,
		Zone: f.Clock.Zone, Now: f.Clock.Now,
	}
	page := pageNumber(q.Get("page"))
	request.Offset = (page - 1) * hitsPageSize
	v := searchView{Query: request.Query, Help: query.Help()}
	if request.Query == "" {
		return s.show(w, r, f, searchContent(v))
	}
	f.Title = request.Query + " · Search"
	f.Live = page == 1
	result, err := s.Search.Search(r.Context(), request)
	if err != nil {
		return s.searchFailed(w, r, f, v, err)
	}
	v = newSearch(f.Clock, v, result)
	v.addLinks(r, request, result.Total, page)
	return s.show(w, r, f, searchContent(v))
}

func sortOf(name string) archive.Sort {
	switch s := archive.Sort(name); s {
	case archive.SortOldest, archive.SortRelevance:
		return s
	}
	return archive.SortNewest
}

func pageNumber(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1
	}
	return min(max(n, 1), lastSearchPage)
}

// searchFailed shows what is wrong with a query beside the query.
func (s *site) searchFailed(w http.ResponseWriter, r *http.Request, f frame, v searchView, err error) error {
	if !errors.Is(err, archive.ErrInvalid) {
		return err
	}
	v.Mistake = &mistake{Text: err.Error(), Before: v.Query}
	var placed interface {
		error
		Position() int
	}
	if errors.As(err, &placed) {
		v.Mistake.Text = placed.Error()
		at := runeStart(v.Query, placed.Position())
		v.Mistake.Before, v.Mistake.Wrong = v.Query[:at], v.Query[at:]
		if end := strings.IndexByte(v.Mistake.Wrong, ' '); end > 0 {
			v.Mistake.Wrong, v.Mistake.After = v.Mistake.Wrong[:end], v.Mistake.Wrong[end:]
		}
	}
	return s.render(w, r, http.StatusBadRequest, f, searchContent(v))
}

// runeStart brings a byte offset to the beginning of a letter of s.
func runeStart(s string, at int) int {
	at = min(max(at, 0), len(s))
	for at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
		at--
	}
	return at
}

func newSearch(c component.Clock, v searchView, r archive.SearchResult) searchView {
	v.Asked, v.Found = true, r.Total > 0
	v.Parsed, v.Range = r.Parsed, rangeText(c, r.Range)
	v.Total = count(r.Total, "message", "messages")
	v.Took = strconv.FormatFloat(r.TookMS, 'f', 1, 64) + " ms"
	v.Documents = r.Index.Documents
	if r.UncoveredSeconds >= 1 {
		v.Uncovered = component.Span(time.Duration(r.UncoveredSeconds * float64(time.Second)))
	}
	if r.Index.Behind > 0 {
		v.Behind = count(r.Index.Behind, "response", "responses")
	}
	for _, h := range r.Hits {
		v.Hits = append(v.Hits, hitView{
			Href: messageHref(h.ID), Person: h.From, Name: nameOr(h.FromName, h.FromURI),
			Conversation: nameOr(h.ConversationTitle, "Conversation"),
			Time:         c.Moment(h.Time, h.TimeSource), Marks: snippetMarks(h.Snippet),
		})
	}
	return v
}

// rangeText says which days a search covers; "" when it covers all.
func rangeText(c component.Clock, r archive.SearchRange) string {
	const layout = "2 January 2006"
	after, before := r.After.In(c.Zone).Format(layout), r.Before.Add(-1).In(c.Zone).Format(layout)
	switch {
	case r.After.Known() && r.Before.Known() && after == before:
		return after
	case r.After.Known() && r.Before.Known():
		return after + " – " + before
	case r.After.Known():
		return "since " + after
	case r.Before.Known():
		return "until " + before
	}
	return ""
}

func (v *searchView) addLinks(r *http.Request, q archive.SearchRequest, total int64, page int) {
	for _, sort := range []archive.Sort{archive.SortNewest, archive.SortOldest, archive.SortRelevance} {
		u := *r.URL
		u.RawQuery = ""
		query := u.Query()
		query.Set("q", q.Query)
		if sort != archive.SortNewest {
			query.Set("sort", string(sort))
		}
		u.RawQuery = query.Encode()
		v.Sorts = append(v.Sorts, choice{sortName(sort), u.String(), sort == q.Sort})
	}
	first := int64(q.Offset) + 1
	last := int64(q.Offset + len(v.Hits))
	v.From, v.To = grouped(first), grouped(last)
	if page > 1 {
		v.Previous = with(r.URL, "page", strconv.Itoa(page-1))
	}
	if last < total && page < lastSearchPage {
		v.Next = with(r.URL, "page", strconv.Itoa(page+1))
	}
}

func sortName(s archive.Sort) string {
	switch s {
	case archive.SortOldest:
		return "Oldest first"
	case archive.SortRelevance:
		return "Best match"
	}
	return "Newest first"
}
