package store

import (
	"context"
	"errors"
	"os"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// Status tells where capture stands for each account. LagSeconds and whether it
// is stale are left for the caller, who knows what time it is;
// Watermarks.Indexed is the index's.
func (s *Store) Status(ctx context.Context) ([]archive.Status, error) {
	marks, err := s.Watermarks(ctx)
	if err != nil {
		return nil, err
	}
	holder := HeldBy(s.dir)
	var out []archive.Status
	err = s.view(ctx, "status", func(c *sqlite.Conn) error {
		return rows(c, `SELECT a.uri, ifnull(k.next, ''), k.polled, k.account IS NOT NULL, (SELECT max(received) FROM observation WHERE account = a.n),
				(SELECT count(*) FROM gap WHERE account = a.n),
				(SELECT count(*) FROM event WHERE account = a.n AND decoded = 0),
				(SELECT count(*) FROM event WHERE account = a.n AND decoded = 0 AND error <> ''),
				EXISTS (SELECT 1 FROM gap WHERE account = a.n AND ends IS NULL AND cause NOT IN (`+asides+`))
			FROM account a LEFT JOIN cursor k ON k.account = a.n ORDER BY a.n`, func(r row) error {
			st := archive.Status{Account: r.text(), Cursor: r.text(), LastPoll: r.time(), Watermarks: marks}
			known := r.bool()
			st.History = archive.HistoryUnknown
			st.LastEvent, st.Gaps, st.Undecoded, st.Failed = r.time(), r.int(), r.int(), r.int()
			parked := st.LastPoll.Known() && !r.bool()
			st.State = stateOf(known, holder.capturing(st.Account), parked)
			out = append(out, st)
			return nil
		})
	})
	if err == nil {
		err = errors.Join(s.addPolicies(ctx, out), s.historyStatus(ctx, out))
	}
	disk := s.diskBytes()
	for i := range out {
		out[i].DiskBytes = disk
	}
	return out, err
}

func (s *Store) historyStatus(ctx context.Context, all []archive.Status) error {
	return s.view(ctx, "history status", func(c *sqlite.Conn) error {
		for i := range all {
			h, err := historyState(c, all[i].Account)
			if err != nil {
				return err
			}
			all[i].History, all[i].LastBackfill, all[i].BackfillTrouble = h.Availability, h.Finished, h.Trouble
			if all[i].Reconciled, err = historyCount(c, all[i].Account); err != nil {
				return err
			}
		}
		return nil
	})
}

// asides are the causes of gaps in which capture went on (GapCause.Interrupts).
const asides = `'` + string(archive.GapClock) + `', '` + string(archive.GapElsewhere) + `'`

// stateOf tells the state of an account that was ever to be captured, that a
// process captures, and for which a P-GET is parked as far as the log knows.
func stateOf(known, running, parked bool) archive.State {
	switch {
	case running && parked:
		return archive.StateCapturing
	case running:
		return archive.StateInterrupted
	case known:
		return archive.StateStopped
	}
	return archive.StateImported
}

// diskBytes is what the database takes on disk; the index is not counted.
func (s *Store) diskBytes() int64 {
	total := int64(0)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(s.path() + suffix); err == nil {
			total += info.Size()
		}
	}
	return total
}

// Totals counts the archive.
func (s *Store) Totals(ctx context.Context) (archive.Totals, error) {
	var t archive.Totals
	err := s.view(ctx, "count", func(c *sqlite.Conn) error {
		_, err := one(c, `SELECT (SELECT count(*) FROM observation), (SELECT count(*) FROM event),
				(SELECT count(*) FROM conversation), (SELECT count(*) FROM message), (SELECT count(*) FROM invitation),
				(SELECT count(*) FROM person), (SELECT count(*) FROM gap)`,
			func(r row) {
				t = archive.Totals{Observations: r.int(), Events: r.int(), Conversations: r.int(), Messages: r.int(),
					Invitations: r.int(), People: r.int(), Gaps: r.int()}
			})
		return err
	})
	return t, err
}
