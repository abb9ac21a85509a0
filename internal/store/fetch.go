package store

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// noteFetches brings the list of fetches up to an observation that was just
// appended. One that was there already has its entries since then.
func noteFetches(c *sqlite.Conn, account rowID, o archive.Observation, a archive.Appended) error {
	if o.Answers != 0 {
		if err := exec(c, `DELETE FROM fetch WHERE id = ? AND account = ?`, int64(o.Answers), account); err != nil {
			return err
		}
	}
	if !a.New {
		return nil
	}
	for _, l := range o.Wants {
		if err := exec(c, `INSERT INTO fetch (account, capture, rel, href, after) VALUES (?, ?, ?, ?, ?)`,
			account, o.Capture, l.Rel, l.Href, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// Fetches lists what is still to be fetched for an account, what was tried
// least first and else in the order of the log.
func (s *Store) Fetches(ctx context.Context, account string, limit int) ([]archive.Fetch, error) {
	var out []archive.Fetch
	err := s.view(ctx, "list fetches", func(c *sqlite.Conn) error {
		return rows(c, `SELECT f.id, a.uri, f.capture, f.rel, f.href, f.after, f.attempts
			FROM fetch f JOIN account a ON a.n = f.account WHERE a.uri = ? AND f.outcome = '' ORDER BY f.attempts, f.id LIMIT ?`,
			func(r row) error {
				out = append(out, archive.Fetch{ID: archive.FetchID(r.int()), Account: r.text(), Capture: r.text(),
					Rel: r.text(), Href: r.text(), After: archive.ObservationID(r.int()), Attempts: int(r.int())})
				return nil
			}, account, archive.ClampLimit(limit))
	})
	return out, err
}

// NoteFetch notes what came of an entry that brought nothing: archive.FetchAgain
// counts an attempt, anything else takes it off the list for good. An entry
// that is no longer there stays so.
func (s *Store) NoteFetch(ctx context.Context, id archive.FetchID, outcome archive.FetchOutcome) error {
	return s.tx(ctx, fmt.Sprintf("note fetch %d", id), func(c *sqlite.Conn) error {
		if outcome == archive.FetchAgain {
			return exec(c, `UPDATE fetch SET attempts = attempts + 1 WHERE id = ? AND outcome = ''`, int64(id))
		}
		return exec(c, `UPDATE fetch SET attempts = attempts + 1, outcome = ? WHERE id = ? AND outcome = ''`, string(outcome), int64(id))
	})
}

// MissedFetches counts the resources of an account, or of all for "", that were
// never fetched, by why.
func (s *Store) MissedFetches(ctx context.Context, account string) (map[archive.FetchOutcome]int64, error) {
	out := make(map[archive.FetchOutcome]int64)
	err := s.view(ctx, "count fetches", func(c *sqlite.Conn) error {
		return rows(c, `SELECT f.outcome, count(*) FROM fetch f JOIN account a ON a.n = f.account
			WHERE f.outcome <> '' AND ? IN ('', a.uri) GROUP BY f.outcome`,
			func(r row) error { out[archive.FetchOutcome(r.text())] = r.int(); return nil }, account)
	})
	return out, err
}
