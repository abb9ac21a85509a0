package store

import (
	"context"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// person is the row of a party, made when it is new. A party without address
// is told apart by its href; one with neither is nobody: 0.
func (a *applier) person(p archive.Party) (rowID, error) {
	key := p.URI
	if key == "" {
		if p.Href == "" {
			return 0, nil
		}
		key = "href:" + a.observation.Account + p.Href
	}
	n, err := a.personRow(archive.PersonID(key), p.URI)
	if err != nil || p.Name == "" {
		return n, err
	}
	err = exec(a.conn, `INSERT INTO person_name (person, name, last) VALUES (?, ?, ?)
		ON CONFLICT (person, name) DO UPDATE SET last = excluded.last`, n, p.Name, a.event)
	if err != nil {
		return n, err
	}
	return n, exec(a.conn, `UPDATE person SET name = ?1 WHERE n = ?2 AND name <> ?1`, p.Name, n)
}

func (a *applier) personRow(id, uri string) (n rowID, err error) {
	seen := a.observation.Received
	found, err := one(a.conn, `SELECT n FROM person WHERE id = ?`, func(r row) { n = rowID(r.int()) }, id)
	if err != nil {
		return 0, err
	}
	if !found {
		err = exec(a.conn, `INSERT INTO person (id, uri, name, first_time, last_time) VALUES (?, ?, '', ?, ?)`, id, uri, seen, seen)
		return rowID(a.conn.LastInsertRowID()), err
	}
	return n, a.sighted(n, seen)
}

// sighted widens the time in which a person was seen.
func (a *applier) sighted(n rowID, at archive.Time) error {
	if n == 0 || !at.Known() {
		return nil
	}
	return exec(a.conn, `UPDATE person SET first_time = min(ifnull(first_time, ?1), ?1), last_time = max(ifnull(last_time, ?1), ?1)
		WHERE n = ?2`, at, n)
}

const selectPerson = `SELECT p.id, p.uri, p.first_time, p.last_time,
	(SELECT count(DISTINCT conversation) FROM participant WHERE person = p.n),
	(SELECT count(*) FROM message WHERE author = p.n),
	(SELECT group_concat(name, char(31)) FROM (SELECT name FROM person_name WHERE person = p.n ORDER BY last DESC, name))
	FROM person p `

func scanPerson(r row) archive.Person {
	p := archive.Person{ID: r.text(), URI: r.text(), First: r.time(), Last: r.time(),
		Conversations: r.int(), Messages: r.int(), Names: []string{}, Addresses: []string{}}
	if names := r.text(); names != "" {
		p.Names = strings.Split(names, "\x1f")
	}
	if p.URI != "" {
		p.Addresses = append(p.Addresses, p.URI)
	}
	return p
}

// People lists everybody seen, in the order of first sight in the log.
func (s *Store) People(ctx context.Context) ([]archive.Person, error) {
	var out []archive.Person
	err := s.view(ctx, "list people", func(c *sqlite.Conn) error {
		return rows(c, selectPerson+`ORDER BY p.n`, func(r row) error { out = append(out, scanPerson(r)); return nil })
	})
	return out, err
}

// Person is one person; archive.ErrNotFound when nobody has that id.
func (s *Store) Person(ctx context.Context, id string) (archive.Person, error) {
	var p archive.Person
	err := s.view(ctx, fmt.Sprintf("person %q", id), func(c *sqlite.Conn) error {
		found, err := one(c, selectPerson+`WHERE p.id = ?`, func(r row) { p = scanPerson(r) }, id)
		if err == nil && !found {
			return archive.ErrNotFound
		}
		return err
	})
	return p, err
}

// FindPeople lists the ids of those whose id or address a text is, or whose
// name or address it is part of, whatever its case and accents. "me" is the
// people whose history is archived.
func (s *Store) FindPeople(ctx context.Context, text string) (ids []string, err error) {
	query, args := `SELECT id FROM person p WHERE p.id = ?1 OR instr(fold(p.uri), fold(?1))
		OR EXISTS (SELECT 1 FROM person_name WHERE person = p.n AND instr(fold(name), fold(?1))) ORDER BY p.n`, []any{text}
	if strings.EqualFold(text, "me") {
		query, args = `SELECT p.id FROM person p JOIN account a ON a.uri = p.uri ORDER BY p.n`, nil
	}
	err = s.view(ctx, "find people", func(c *sqlite.Conn) error {
		return rows(c, query, func(r row) error { ids = append(ids, r.text()); return nil }, args...)
	})
	return ids, err
}
