package web

import (
	"net/http"

	"archiver/internal/archive"
)

// eventsPageSize is how many events a page lists.
const eventsPageSize = 100

// eventRow is one event in a list.
type eventRow struct {
	ID, Href    string
	Type, Rel   string
	In, Title   string
	Sender      string
	Kind        string
	Decoded     bool
	Failed      bool
	NewResponse bool // whether it is the first of its response in the list
}

// eventsView is the list of events.
type eventsView struct {
	Rows      []eventRow
	Rel       string
	Undecoded bool
	Older     string
	Newest    string
}

func (s *site) eventsPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	before, err := parsePosition(q.Get("before"))
	if err != nil {
		return err
	}
	f := s.frame(r, "Events", "events")
	f.Live = before == 0
	v := eventsView{Rel: q.Get("rel"), Undecoded: q.Get("undecoded") != ""}
	list, err := s.Archive.Events(r.Context(), archive.EventFilter{
		Rel: v.Rel, Undecoded: v.Undecoded, Before: before, Limit: eventsPageSize + 1,
	})
	if err != nil {
		return err
	}
	if len(list) > eventsPageSize {
		list = list[:eventsPageSize]
		v.Older = with(r.URL, "before", position(list[len(list)-1].ID))
	}
	if before != 0 {
		v.Newest = with(r.URL, "before", "")
	}
	v.Rows = eventRows(list)
	return s.show(w, r, f, eventsContent(v))
}

func eventRows(list []archive.Event) []eventRow {
	rows := make([]eventRow, len(list))
	for i, e := range list {
		rows[i] = eventRow{
			ID: position(e.ID), Href: eventHref(e.ID), Type: e.Type, Rel: e.Rel, In: e.In, Title: e.Title,
			Sender: e.Sender, Kind: e.Kind, Decoded: e.Decoded, Failed: e.Error != "",
			NewResponse: i > 0 && list[i-1].Observation != e.Observation,
		}
	}
	return rows
}
