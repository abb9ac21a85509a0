package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// AppendObservations puts observations into the log, and the cursor with them
// when it is not nil, in one transaction that is durable on return. The same
// bytes for the same account, capture and URL are one observation: it is not
// added again, and Appended.New is false. What a new observation wants fetched
// enters the list of fetches, and the entry that one answers leaves it, in the
// same transaction.
//
// Capture may request a response's next link only after this has returned nil:
// that request is the acknowledgement upon which the server forgets.
func (s *Store) AppendObservations(ctx context.Context, obs []archive.Observation, cur *archive.Cursor) ([]archive.Appended, error) {
	out := make([]archive.Appended, len(obs))
	err := s.tx(ctx, "append observations", func(c *sqlite.Conn) error {
		accounts := make(map[string]rowID)
		for i, o := range obs {
			account, known := accounts[o.Account]
			if !known {
				var err error
				if account, err = ensureAccount(c, o.Account, ""); err != nil {
					return err
				}
				accounts[o.Account] = account
			}
			a, err := appendObservation(c, account, o)
			if err != nil {
				return err
			}
			if err := noteFetches(c, account, o, a); err != nil {
				return err
			}
			out[i] = a
		}
		if cur == nil {
			return nil
		}
		return putCursor(c, *cur)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func appendObservation(c *sqlite.Conn, account rowID, o archive.Observation) (archive.Appended, error) {
	sum := sha256.Sum256(o.Body)
	once := onceKey(o, sum)
	if err := exec(c, `INSERT INTO observation (account, source, method, url, status, requested, received, date,
			content_type, capture, once, sha256, bytes, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (once) DO NOTHING`,
		account, string(o.Source), o.Method, o.URL, o.Status, o.Requested, o.Received, o.Date,
		o.ContentType, o.Capture, once, sum[:], len(o.Body), o.Body); err != nil {
		return archive.Appended{}, err
	}
	if c.Changes() > 0 {
		return archive.Appended{ID: archive.ObservationID(c.LastInsertRowID()), New: true}, nil
	}
	var there archive.ObservationID
	_, err := one(c, `SELECT id FROM observation WHERE once = ?`, func(r row) { there = archive.ObservationID(r.int()) }, once)
	return archive.Appended{ID: there}, err
}

// onceKey is what makes a second copy the same observation. A resource that
// was fetched twice was seen at two times; a batch of the event channel is the
// same however often the server sends it.
func onceKey(o archive.Observation, sum [sha256.Size]byte) []byte {
	when := ""
	if o.Source == archive.SourceFetch || o.Source == archive.SourceBackfill {
		when = strconv.FormatInt(o.Received.Nanos(), 10)
	}
	h := sha256.New()
	for _, part := range []string{o.Account, o.Capture, o.URL, when} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	h.Write(sum[:])
	return h.Sum(nil)[:16]
}

const observationColumns = `o.id, a.uri, o.source, o.method, o.url, o.status, o.requested, o.received, o.date,
	o.content_type, o.capture, o.sha256, o.bytes`

const fromObservation = ` FROM observation o JOIN account a ON a.n = o.account `

func scanObservation(r row) archive.Observation {
	return archive.Observation{
		ID: archive.ObservationID(r.int()), Account: r.text(), Source: archive.Source(r.text()),
		Method: r.text(), URL: r.text(), Status: int(r.int()),
		Requested: r.time(), Received: r.time(), Date: r.time(),
		ContentType: r.text(), Capture: r.text(), SHA256: hex.EncodeToString(r.bytes()), Bytes: r.int(),
	}
}

// Observation is one observation with its body; archive.ErrNotFound when there
// is none of that id.
func (s *Store) Observation(ctx context.Context, id archive.ObservationID) (archive.Observation, error) {
	var o archive.Observation
	err := s.view(ctx, fmt.Sprintf("observation %s", id), func(c *sqlite.Conn) error {
		found, err := one(c, `SELECT `+observationColumns+`, o.body`+fromObservation+`WHERE o.id = ?`,
			func(r row) { o = scanObservation(r); o.Body = r.bytes() }, id)
		if err == nil && !found {
			return archive.ErrNotFound
		}
		return err
	})
	return o, err
}

// pageBytes bounds how much of bodies one read holds in memory.
const pageBytes = 16 << 20

// ObservationsAfter reads the log of all accounts in order, with bodies: at
// most limit observations, and fewer where bodies are large, but at least one
// while there is one.
func (s *Store) ObservationsAfter(ctx context.Context, after archive.ObservationID, limit int) ([]archive.Observation, error) {
	var out []archive.Observation
	size := int64(0)
	err := s.view(ctx, "read observations", func(c *sqlite.Conn) error {
		err := rows(c, `SELECT `+observationColumns+`, o.body`+fromObservation+`WHERE o.id > ? ORDER BY o.id LIMIT ?`,
			func(r row) error {
				o := scanObservation(r)
				if size += o.Bytes; size > pageBytes && len(out) > 0 {
					return errEnough
				}
				o.Body = r.bytes()
				out = append(out, o)
				return nil
			}, after, archive.ClampLimit(limit))
		return ignoreEnough(err)
	})
	return out, err
}

// Observations lists the log without bodies, in order from after the given one.
func (s *Store) Observations(ctx context.Context, after archive.ObservationID, limit int) ([]archive.Observation, error) {
	var out []archive.Observation
	err := s.view(ctx, "list observations", func(c *sqlite.Conn) error {
		return rows(c, `SELECT `+observationColumns+fromObservation+`WHERE o.id > ? ORDER BY o.id LIMIT ?`,
			func(r row) error { out = append(out, scanObservation(r)); return nil }, after, archive.ClampLimit(limit))
	})
	return out, err
}

// LastObservation is an account's newest observation, without its body;
// archive.ErrNotFound when it has none.
func (s *Store) LastObservation(ctx context.Context, account string) (archive.Observation, error) {
	var o archive.Observation
	err := s.view(ctx, "last observation", func(c *sqlite.Conn) error {
		found, err := one(c, `SELECT `+observationColumns+fromObservation+
			`WHERE o.id = (SELECT max(x.id) FROM observation x JOIN account b ON b.n = x.account WHERE b.uri = ?)`,
			func(r row) { o = scanObservation(r) }, account)
		if err == nil && !found {
			return archive.ErrNotFound
		}
		return err
	})
	return o, err
}
