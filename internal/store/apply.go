package store

import (
	"context"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

const decodedStage = "decoded"

// Apply writes what decoding concluded from observations, and the watermark of
// the last of them, in one transaction. Observations that the watermark has
// passed are passed over, so applying the same again alters nothing.
func (s *Store) Apply(ctx context.Context, batches []archive.Batch) error {
	return s.derive(ctx, "apply", func(c *sqlite.Conn) error {
		passed, err := decodedMark(c)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if b.Observation.ID <= passed {
				continue
			}
			if err := applyBatch(c, b); err != nil {
				return err
			}
			passed = b.Observation.ID
		}
		return exec(c, `INSERT INTO watermark (stage, observation) VALUES (?, ?)
			ON CONFLICT (stage) DO UPDATE SET observation = excluded.observation`,
			decodedStage, passed)
	})
}

func decodedMark(c *sqlite.Conn) (mark archive.ObservationID, err error) {
	_, err = one(c, `SELECT observation FROM watermark WHERE stage = ?`,
		func(r row) { mark = archive.ObservationID(r.int()) }, decodedStage)
	return mark, err
}

func applyBatch(c *sqlite.Conn, b archive.Batch) error {
	account, err := ensureAccount(c, b.Observation.Account, "")
	if err != nil {
		return err
	}
	a := applier{conn: c, account: account, observation: b.Observation}
	if err := a.outlive(); err != nil {
		return err
	}
	for _, d := range b.Events {
		a.event = d.Event.ID
		if err := a.entry(d.Event); err != nil {
			return err
		}
		for _, change := range d.Changes {
			if err := a.change(change); err != nil {
				return err
			}
		}
	}
	return nil
}

// applier applies the changes of one observation. It lives within one
// transaction.
type applier struct {
	conn        *sqlite.Conn
	account     rowID
	observation archive.Observation
	event       archive.EventID
}

func (a *applier) change(change archive.Change) error {
	switch ch := change.(type) {
	case archive.ConversationChange:
		return a.conversationChange(ch)
	case archive.ParticipantChange:
		return a.participantChange(ch)
	case archive.InvitationChange:
		return a.invitationChange(ch)
	case archive.MessageChange:
		return a.messageChange(ch)
	case archive.ModalityChange:
		return a.touch(ch.Conversation)
	case archive.LogChange:
		return a.logChange(ch)
	case archive.LogPageChange:
		return a.logPageChange(ch)
	case archive.LogMessageChange:
		return a.logMessageChange(ch)
	case archive.LogNoteChange:
		return nil // listed as an event; nothing is made of it yet
	case archive.MissedItemsChange:
		return a.missedItemsChange(ch)
	}
	panic("store: a change of unknown type")
}

// when dates what happened: by the payload where it says, else by our clock
// when it arrived; a body that came without either has its place in the order.
func (a *applier) when(server archive.Time) archive.Dated {
	switch {
	case server.Known():
		return archive.Dated{Time: server, Source: archive.FromServer}
	case a.observation.Received.Known():
		return archive.Dated{Time: a.observation.Received, Source: archive.FromReceipt}
	}
	return archive.Dated{Source: archive.FromOrder}
}

// derived are the tables that a rebuild empties, those that refer first.
var derived = []string{
	"missed_items", "log_page", "conversation_log", "sighting",
	"invitation", "evidence", "message", "participant", "sitting", "conversation",
	"person_name", "person", "event", "watermark",
}

// ClearDerived drops everything that was decoded. Reading the log through the
// decoder again makes the same tables anew.
func (s *Store) ClearDerived(ctx context.Context) error {
	return s.derive(ctx, "clear decoded tables", func(c *sqlite.Conn) error {
		for _, table := range derived {
			if err := exec(c, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		return nil
	})
}

// Watermarks are the newest observation stored and the newest decoded. Indexed
// is the index's to say.
func (s *Store) Watermarks(ctx context.Context) (archive.Watermarks, error) {
	var w archive.Watermarks
	err := s.view(ctx, "read watermarks", func(c *sqlite.Conn) (err error) {
		if w.Decoded, err = decodedMark(c); err != nil {
			return err
		}
		_, err = one(c, `SELECT ifnull(max(id), 0) FROM observation`,
			func(r row) { w.Stored = archive.ObservationID(r.int()) })
		return err
	})
	return w, err
}
