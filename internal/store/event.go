package store

import (
	"context"
	"strings"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// entry lists one event.
func (a *applier) entry(e archive.Event) error {
	var code, subcode, reason any
	if e.Reason != nil {
		code, subcode, reason = e.Reason.Code, e.Reason.Subcode, e.Reason.Message
	}
	return exec(a.conn, `INSERT OR REPLACE INTO event (id, account, sender, sender_href, type, rel, href, title, in_rel, in_href,
			status, code, subcode, reason, embedded, decoded, kind, error)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, a.account, e.Sender, e.SenderHref, e.Type, e.Rel, e.Href, e.Title, e.In, e.InHref,
		e.Status, code, subcode, reason, e.Embedded, e.Decoded, e.Kind, e.Error)
}

const eventColumns = `e.id, e.sender, e.sender_href, e.type, e.rel, e.href, e.title, e.in_rel, e.in_href,
	e.status, e.code, e.subcode, e.reason, e.embedded, e.decoded, e.kind, e.error`

func scanEvent(r row) archive.Event {
	id := archive.EventID(r.int())
	return archive.Event{
		ID: id, Observation: id.Observation(), Position: id.Position(),
		Sender: r.text(), SenderHref: r.text(), Type: r.text(), Rel: r.text(), Href: r.text(), Title: r.text(),
		In: r.text(), InHref: r.text(), Status: r.text(), Reason: r.reason(),
		Embedded: r.bool(), Decoded: r.bool(), Kind: r.text(), Error: r.text(),
	}
}

// Events lists events, newest first.
func (s *Store) Events(ctx context.Context, f archive.EventFilter) ([]archive.Event, error) {
	var w where
	w.ifSet("e.account = (SELECT n FROM account WHERE uri = ?)", f.Account)
	w.ifSet("e.rel = ?", f.Rel)
	if f.Undecoded {
		w.add("e.decoded = 0")
	}
	if f.Before != 0 {
		w.add("e.id < ?", f.Before)
	}
	var out []archive.Event
	err := s.view(ctx, "list events", func(c *sqlite.Conn) error {
		return rows(c, `SELECT `+eventColumns+` FROM event e`+w.sql()+` ORDER BY e.id DESC LIMIT ?`,
			func(r row) error { out = append(out, scanEvent(r)); return nil },
			append(w.args, archive.ClampLimit(f.Limit))...)
	})
	return out, err
}

// EventsAfter lists events in the order of the log, from after the given one.
func (s *Store) EventsAfter(ctx context.Context, f archive.EventFilter, after archive.EventID) ([]archive.Event, error) {
	var w where
	w.ifSet("e.account = (SELECT n FROM account WHERE uri = ?)", f.Account)
	w.ifSet("e.rel = ?", f.Rel)
	if f.Undecoded {
		w.add("e.decoded = 0")
	}
	w.add("e.id > ?", int64(after))
	var out []archive.Event
	err := s.view(ctx, "list events", func(c *sqlite.Conn) error {
		return rows(c, `SELECT `+eventColumns+` FROM event e`+w.sql()+` ORDER BY e.id LIMIT ?`,
			func(r row) error { out = append(out, scanEvent(r)); return nil },
			append(w.args, archive.ClampLimit(f.Limit))...)
	})
	return out, err
}

// Event is one event; archive.ErrNotFound when there is none of that id.
func (s *Store) Event(ctx context.Context, id archive.EventID) (archive.Event, error) {
	var e archive.Event
	err := s.view(ctx, "event "+id.String(), func(c *sqlite.Conn) error {
		found, err := one(c, `SELECT `+eventColumns+` FROM event e WHERE e.id = ?`,
			func(r row) { e = scanEvent(r) }, id)
		if err == nil && !found {
			return archive.ErrNotFound
		}
		return err
	})
	return e, err
}

// EventNeighbours are the events before and after one in the log.
func (s *Store) EventNeighbours(ctx context.Context, id archive.EventID) (archive.Neighbours, error) {
	var n archive.Neighbours
	err := s.view(ctx, "neighbours of "+id.String(), func(c *sqlite.Conn) error {
		_, err := one(c, `SELECT ifnull((SELECT max(id) FROM event WHERE id < ?1), 0),
				ifnull((SELECT min(id) FROM event WHERE id > ?1), 0)`,
			func(r row) { n.Previous, n.Next = archive.EventID(r.int()), archive.EventID(r.int()) }, id)
		return err
	})
	return n, err
}

// where builds a WHERE clause of conditions that must all hold.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// ifSet adds a condition upon a value, unless the value is "".
func (w *where) ifSet(condition, value string) {
	if value != "" {
		w.add(condition, value)
	}
}

func (w *where) sql() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}
