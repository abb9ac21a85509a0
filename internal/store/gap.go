package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// AppendGap records an interval that was not captured; one without To is open.
// Its place is after the account's newest observation, unless After says where.
// The same gap again is the one already there, which it ends if it was open. One
// that has ended cannot go on: what lasts longer is recorded as another, from
// where the first ended.
func (s *Store) AppendGap(ctx context.Context, g archive.Gap) (archive.GapID, error) {
	var id archive.GapID
	err := s.tx(ctx, "append gap", func(c *sqlite.Conn) error {
		account, err := ensureAccount(c, g.Account, "")
		if err != nil {
			return err
		}
		if g.After == 0 {
			if _, err := one(c, `SELECT ifnull(max(id), 0) FROM observation WHERE account = ?`,
				func(r row) { g.After = archive.ObservationID(r.int()) }, account); err != nil {
				return err
			}
		}
		for {
			var ends archive.Time
			if id, ends, err = appendGap(c, account, g); err != nil || !ends.Known() || g.To.Known() && !g.To.After(ends.Time) {
				break
			}
			if !ends.After(g.From.Time) {
				ends = archive.At(g.From.Add(time.Nanosecond))
			}
			g.From = ends
		}
		if err != nil {
			return err
		}
		return markCovered(c, account)
	})
	return id, err
}

// appendGap records a gap and says when the one that is now there ends.
func appendGap(c *sqlite.Conn, account rowID, g archive.Gap) (id archive.GapID, ends archive.Time, err error) {
	if err := exec(c, `INSERT INTO gap (account, cause, starts, ends, backfilled, after, conversation)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, cause, starts, conversation) DO UPDATE SET ends = excluded.ends
			WHERE gap.ends IS NULL AND excluded.ends IS NOT NULL`,
		account, string(g.Cause), g.From, g.To, g.Backfilled, g.After, g.Conversation); err != nil {
		return 0, archive.Time{}, err
	}
	_, err = one(c, `SELECT id, ends FROM gap WHERE account = ? AND cause = ? AND starts = ? AND conversation = ?`,
		func(r row) { id, ends = archive.GapID(r.int()), r.time() }, account, string(g.Cause), g.From, g.Conversation)
	return id, ends, err
}

// CloseGap ends an open gap. Ending it again at the same time alters nothing,
// at another time is an error.
func (s *Store) CloseGap(ctx context.Context, id archive.GapID, to archive.Time) error {
	return s.tx(ctx, fmt.Sprintf("close gap %s", id), func(c *sqlite.Conn) error {
		if err := exec(c, `UPDATE gap SET ends = ? WHERE id = ?`, to, int64(id)); err != nil {
			return err
		}
		if c.Changes() == 0 {
			return archive.ErrNotFound
		}
		var account rowID
		if _, err := one(c, `SELECT account FROM gap WHERE id = ?`, func(r row) { account = rowID(r.int()) }, int64(id)); err != nil {
			return err
		}
		return markCovered(c, account)
	})
}

const gapColumns = `g.id, a.uri, g.cause, g.starts, g.ends, g.backfilled, g.after, g.conversation FROM gap g JOIN account a ON a.n = g.account `

func scanGap(r row) archive.Gap {
	g := archive.Gap{ID: archive.GapID(r.int()), Account: r.text(), Cause: archive.GapCause(r.text()),
		From: r.time(), To: r.time(), Backfilled: r.bool(), After: archive.ObservationID(r.int()), Conversation: r.text()}
	if g.To.Known() {
		g.Seconds = g.To.Sub(g.From.Time).Seconds()
	}
	g.AtRisk = g.Risk()
	return g
}

func gaps(c *sqlite.Conn, where string, args ...any) ([]archive.Gap, error) {
	var out []archive.Gap
	err := rows(c, `SELECT `+gapColumns+where, func(r row) error { out = append(out, scanGap(r)); return nil }, args...)
	return out, err
}

// Gaps lists the gaps of an account, or of all for "", in the order recorded.
func (s *Store) Gaps(ctx context.Context, account string) (out []archive.Gap, err error) {
	err = s.view(ctx, "list gaps", func(c *sqlite.Conn) (err error) {
		out, err = gaps(c, `WHERE ? IN ('', a.uri) ORDER BY g.id`, account)
		return err
	})
	return out, err
}

// OpenGaps lists the gaps of an account that have not ended.
func (s *Store) OpenGaps(ctx context.Context, account string) (out []archive.Gap, err error) {
	err = s.view(ctx, "list open gaps", func(c *sqlite.Conn) (err error) {
		out, err = gaps(c, `WHERE a.uri = ? AND g.ends IS NULL ORDER BY g.id`, account)
		return err
	})
	return out, err
}

// UncoveredSeconds is how much of a range was not captured. Gaps of several
// accounts that overlap count once, those in which capture went on not at all; a gap that lasts counts to the end of a
// closed range and not at all in an open one.
func (s *Store) UncoveredSeconds(ctx context.Context, rg archive.SearchRange) (float64, error) {
	all, err := s.Gaps(ctx, "")
	if err != nil {
		return 0, err
	}
	slices.SortFunc(all, func(a, b archive.Gap) int { return a.From.Compare(b.From.Time) })
	total, covered := 0.0, rg.After
	for _, g := range all {
		if !g.Cause.Interrupts() {
			continue
		}
		from, to := g.From, g.To
		if !to.Known() || (rg.Before.Known() && to.After(rg.Before.Time)) {
			to = rg.Before
		}
		if covered.Known() && from.Before(covered.Time) {
			from = covered
		}
		if to.Known() && to.After(from.Time) {
			total += to.Sub(from.Time).Seconds()
			covered = to
		}
	}
	return total, nil
}
