package store

import (
	"context"
	"os"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// States of an account's capture.
const (
	stateCapturing = "capturing"
	stateStopped   = "stopped"
	stateImported  = "imported"
)

// Status tells where capture stands for each account. LagSeconds is left for
// the caller, who knows what time it is; Watermarks.Indexed is the index's.
func (s *Store) Status(ctx context.Context) ([]archive.Status, error) {
	marks, err := s.Watermarks(ctx)
	if err != nil {
		return nil, err
	}
	holder := HeldBy(s.dir)
	captures := holder != nil && holder.Captures
	var out []archive.Status
	err = s.view(ctx, "status", func(c *sqlite.Conn) error {
		return rows(c, `SELECT a.uri, ifnull(k.next, ''), k.updated, (SELECT max(received) FROM observation WHERE account = a.n),
				(SELECT count(*) FROM gap WHERE account = a.n),
				(SELECT count(*) FROM event WHERE account = a.n AND decoded = 0),
				(SELECT count(*) FROM event WHERE account = a.n AND decoded = 0 AND error <> ''),
				EXISTS (SELECT 1 FROM gap WHERE account = a.n AND ends IS NULL)
			FROM account a LEFT JOIN cursor k ON k.account = a.n ORDER BY a.n`, func(r row) error {
			st := archive.Status{Account: r.text(), Cursor: r.text(), LastPoll: r.time(), LastEvent: r.time(),
				Gaps: r.int(), Undecoded: r.int(), Failed: r.int(), Watermarks: marks}
			st.History = archive.HistoryUnknown
			st.State = stateOf(st.Cursor != "", captures && !r.bool())
			out = append(out, st)
			return nil
		})
	})
	if err == nil {
		err = s.historyStatus(ctx, out)
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

func stateOf(captured, running bool) string {
	switch {
	case !captured:
		return stateImported
	case running:
		return stateCapturing
	}
	return stateStopped
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
