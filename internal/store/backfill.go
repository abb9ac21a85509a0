package store

import (
	"bytes"
	"context"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// History is how far reading an account's history has come. One that was never
// asked for is archive.HistoryUnknown and not an error.
func (s *Store) History(ctx context.Context, account string) (archive.History, error) {
	var h archive.History
	err := s.view(ctx, "read history state", func(c *sqlite.Conn) (err error) {
		h, err = historyState(c, account)
		return err
	})
	return h, err
}

func historyState(c *sqlite.Conn, account string) (archive.History, error) {
	h := archive.History{Availability: archive.HistoryUnknown}
	_, err := one(c, `SELECT h.availability, h.checked, h.begun, h.whole, h.round, h.finished, h.trouble, h.trouble_at
		FROM history h JOIN account a ON a.n = h.account WHERE a.uri = ?`, func(r row) {
		h = archive.History{Availability: archive.Availability(r.text()), Checked: r.time(), Begun: r.time(), Whole: r.bool(),
			Round: r.time(), Finished: r.time(), Trouble: r.text(), TroubleAt: r.time()}
	}, account)
	return h, err
}

// HistoryTasks lists what an unfinished round has still to read, what was said
// in a conversation before the next conversation, and counts what it has found
// so far.
func (s *Store) HistoryTasks(ctx context.Context, account string, limit int) (tasks []archive.HistoryTask, found int64, err error) {
	err = s.view(ctx, "list history tasks", func(c *sqlite.Conn) error {
		if _, err := one(c, `SELECT count(*) FROM history_task t JOIN account a ON a.n = t.account WHERE a.uri = ?`,
			func(r row) { found = r.int() }, account); err != nil {
			return err
		}
		return rows(c, `SELECT t.rel, t.url FROM history_task t JOIN account a ON a.n = t.account
			WHERE a.uri = ? AND t.done = 0 ORDER BY t.rel = 'conversationLog', t.id LIMIT ?`, func(r row) error {
			tasks = append(tasks, archive.HistoryTask{Rel: r.text(), URL: r.text()})
			return nil
		}, account, archive.ClampLimit(limit))
	})
	return tasks, found, err
}

// AppendHistory makes one step of a round durable, in one transaction.
// Appended.New is false when there was nothing to add to the log; doing a step
// again alters nothing.
func (s *Store) AppendHistory(ctx context.Context, step archive.HistoryStep) (archive.Appended, error) {
	var out archive.Appended
	err := s.tx(ctx, "append history", func(c *sqlite.Conn) error {
		account, err := ensureAccount(c, step.Account, "")
		if err != nil {
			return err
		}
		if step.Observation != nil {
			if out, err = appendVersion(c, account, step); err != nil {
				return err
			}
		}
		if err := putTasks(c, account, step); err != nil {
			return err
		}
		if step.State != nil {
			if err := putHistory(c, account, *step.State); err != nil {
				return err
			}
		}
		if step.Covers {
			if err := exec(c, `UPDATE history SET covered = ? WHERE account = ?`, step.State.Round, account); err != nil {
				return err
			}
		}
		return markCovered(c, account)
	})
	return out, err
}

// markCovered marks the gaps that the last round covers which read everything.
// A gap may be ended only after a round that began later is over: its P-GET is
// answered long after it was parked. What went on in another client may be
// filed at any time after, so its own log has to show it: see coverElsewhere.
func markCovered(c *sqlite.Conn, account rowID) error {
	return exec(c, `UPDATE gap SET backfilled = 1 WHERE account = ?1 AND NOT backfilled AND cause <> ?2
		AND ends <= (SELECT covered FROM history WHERE account = ?1)`, account, string(archive.GapElsewhere))
}

// coverElsewhere marks the gaps of a conversation that went on in another
// client once a log of it has been read to its end that was filed after.
func (a *applier) coverElsewhere(log string) error {
	return exec(a.conn, `UPDATE gap SET backfilled = 1 WHERE account = ?1 AND NOT backfilled AND cause = ?2
		AND EXISTS (SELECT 1 FROM conversation_log l JOIN sitting s ON s.conversation = l.conversation
			WHERE l.account = ?1 AND l.href = ?3 AND l.created >= gap.starts AND s.account = ?1 AND s.href = gap.conversation)`,
		a.account, string(archive.GapElsewhere), log)
}

// appendVersion appends what was read, unless it is as it was last time.
func appendVersion(c *sqlite.Conn, account rowID, step archive.HistoryStep) (archive.Appended, error) {
	var there archive.ObservationID
	var digest []byte
	if _, err := one(c, `SELECT observation, sha256 FROM history_version WHERE account = ? AND resource = ?`, func(r row) {
		there, digest = archive.ObservationID(r.int()), r.bytes()
	}, account, step.Resource); err != nil {
		return archive.Appended{}, err
	}
	if bytes.Equal(digest, step.Digest) {
		return archive.Appended{ID: there}, nil
	}
	a, err := appendObservation(c, account, *step.Observation)
	if err != nil {
		return a, err
	}
	return a, exec(c, `INSERT OR REPLACE INTO history_version (account, resource, sha256, observation) VALUES (?, ?, ?, ?)`,
		account, step.Resource, step.Digest, a.ID)
}

func putTasks(c *sqlite.Conn, account rowID, step archive.HistoryStep) error {
	if step.Restart {
		if err := exec(c, `DELETE FROM history_task WHERE account = ?`, account); err != nil {
			return err
		}
	}
	if step.Done != "" {
		if err := exec(c, `UPDATE history_task SET done = 1 WHERE account = ? AND url = ?`, account, step.Done); err != nil {
			return err
		}
	}
	for _, t := range step.Next {
		if err := exec(c, `INSERT OR IGNORE INTO history_task (account, rel, url) VALUES (?, ?, ?)`, account, t.Rel, t.URL); err != nil {
			return err
		}
	}
	return nil
}

func putHistory(c *sqlite.Conn, account rowID, h archive.History) error {
	return exec(c, `INSERT INTO history (account, availability, checked, begun, whole, round, finished, trouble, trouble_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (account) DO UPDATE SET availability = ?2, checked = ?3,
			begun = ?4, whole = ?5, round = ?6, finished = ?7, trouble = ?8, trouble_at = ?9`,
		account, string(h.Availability), h.Checked, h.Begun, h.Whole, h.Round, h.Finished, h.Trouble, h.TroubleAt)
}

// historyCount compares what the server counts with what the archive holds; nil
// when the server has never said.
func historyCount(c *sqlite.Conn, account string) (*archive.HistoryCount, error) {
	var n *archive.HistoryCount
	_, err := one(c, `SELECT m.logs, (SELECT count(*) FROM conversation_log l WHERE l.account = a.n),
			m.missed, (SELECT count(*) FROM conversation_log l WHERE l.account = a.n AND l.status = 'Missed')
		FROM missed_items m JOIN account a ON a.n = m.account WHERE a.uri = ?`, func(r row) {
		n = &archive.HistoryCount{ServerLogs: r.int(), ArchiveLogs: r.int(), ServerMissed: r.int(), ArchiveMissed: r.int()}
	}, account)
	return n, err
}
