package web

import (
	"net/http"
	"slices"
	"strings"

	"archiver/internal/archive"
	"archiver/web/component"
)

// personConversations is how many conversations a person's page lists.
const personConversations = 20

// personView is somebody, in the list and on a page of one's own.
type personView struct {
	ID, Name      string
	Href          string
	OtherNames    []string
	Addresses     []string
	Conversations string
	Messages      string
	First, Last   component.Stamp
	Recent        []conversationRow
	All           string // the list of all conversations with this person
}

func (s *site) peoplePage(w http.ResponseWriter, r *http.Request) error {
	f := s.frame(r, "People", "people")
	f.Live = true
	people, err := s.Archive.People(r.Context())
	if err != nil {
		return err
	}
	views := make([]personView, len(people))
	for i, p := range people {
		views[i] = newPerson(f.Clock, p)
	}
	slices.SortStableFunc(views, func(a, b personView) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return s.show(w, r, f, peopleContent(views))
}

func (s *site) personPage(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Archive.Person(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	f := s.frame(r, nameOr(p.Name(), p.URI), "people")
	v := newPerson(f.Clock, p)
	v.Recent, err = s.conversationRows(r.Context(), f.Clock, archive.ConversationFilter{Person: p.ID, Limit: personConversations})
	if err != nil {
		return err
	}
	return s.show(w, r, f, personContent(v))
}

func newPerson(c component.Clock, p archive.Person) personView {
	v := personView{
		ID: p.ID, Name: nameOr(p.Name(), p.URI), Href: personHref(p.ID),
		Conversations: grouped(p.Conversations), Messages: grouped(p.Messages),
		First: c.Brief(p.First, ""), Last: c.Brief(p.Last, ""),
		All: "/conversations?with=" + p.ID,
	}
	if len(p.Names) > 1 {
		v.OtherNames = p.Names[1:]
	}
	for _, a := range p.Addresses {
		v.Addresses = append(v.Addresses, strings.TrimPrefix(a, "sip:"))
	}
	if len(v.Addresses) == 0 && p.URI != "" {
		v.Addresses = []string{strings.TrimPrefix(p.URI, "sip:")}
	}
	return v
}
