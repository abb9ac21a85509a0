package store

import (
	"context"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

func (a *applier) participantChange(ch archive.ParticipantChange) error {
	conv, err := a.conversation(ch.Conversation, archive.Thread{})
	if err != nil || conv == 0 {
		return err
	}
	person, err := a.person(ch.Party)
	if err != nil || person == 0 {
		return err
	}
	stay, err := a.openStay(conv, person)
	if err == nil && stay == 0 && ch.Describes {
		stay, err = a.lastStay(conv, person)
	}
	if err != nil {
		return err
	}
	switch {
	case ch.Left && stay != 0:
		return a.leave(stay)
	case ch.Left:
		return a.leftUnseen(conv, person, ch)
	case stay != 0:
		if err := a.arrive(stay); err != nil {
			return err
		}
		return a.describe(stay, ch)
	}
	if _, err := a.join(conv, person, ch, a.when(archive.Time{})); err != nil {
		return err
	}
	return a.recount(conv)
}

// openStay is the stay of a person who is in a conversation now, 0 for none.
func (a *applier) openStay(conv, person rowID) (n rowID, err error) {
	_, err = one(a.conn, `SELECT n FROM participant WHERE conversation = ? AND person = ? AND left_event IS NULL`,
		func(r row) { n = rowID(r.int()) }, conv, person)
	return n, err
}

// lastStay is the newest stay of a person, 0 for none.
func (a *applier) lastStay(conv, person rowID) (n rowID, err error) {
	_, err = one(a.conn, `SELECT ifnull(max(n), 0) FROM participant WHERE conversation = ? AND person = ?`,
		func(r row) { n = rowID(r.int()) }, conv, person)
	return n, err
}

func (a *applier) join(conv, person rowID, ch archive.ParticipantChange, at archive.Dated) (rowID, error) {
	err := exec(a.conn, `INSERT INTO participant (conversation, person, name, local, anonymous, role, source_network,
			joined, joined_source, joined_event, left_source)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`,
		conv, person, ch.Party.Name, ch.Local, ch.Anonymous, ch.Role, ch.SourceNetwork, at.Time, string(at.Source), a.event)
	return rowID(a.conn.LastInsertRowID()), err
}

func (a *applier) leave(stay rowID) error {
	at := a.when(archive.Time{})
	return exec(a.conn, `UPDATE participant SET "left" = ?, left_source = ?, left_event = ? WHERE n = ?`,
		at.Time, string(at.Source), a.event, stay)
}

// arrive makes a stay that only the history told of one that the event channel
// shows: he is there now, and since the event at hand.
func (a *applier) arrive(stay rowID) error {
	at := a.when(archive.Time{})
	return exec(a.conn, `UPDATE participant SET joined = ?, joined_source = ?, joined_event = ?, left_source = ''
		WHERE n = ? AND left_event IS NULL AND left_source <> ''`, at.Time, string(at.Source), a.event, stay)
}

// leftUnseen records somebody leaving whose coming no event showed. One who
// has left already does not leave again.
func (a *applier) leftUnseen(conv, person rowID, ch archive.ParticipantChange) error {
	seen, err := one(a.conn, `SELECT 1 FROM participant WHERE conversation = ? AND person = ?`, func(row) {}, conv, person)
	if err != nil || seen {
		return err
	}
	stay, err := a.join(conv, person, ch, archive.Dated{Source: archive.FromOrder})
	if err != nil {
		return err
	}
	if err := a.leave(stay); err != nil {
		return err
	}
	return a.recount(conv)
}

// describe adds what an event says of somebody who is there.
func (a *applier) describe(stay rowID, ch archive.ParticipantChange) error {
	return exec(a.conn, `UPDATE participant SET name = iif(?1 <> '', ?1, name), local = local OR ?2, anonymous = anonymous OR ?3,
			role = iif(?4 <> '', ?4, role), source_network = iif(?5 <> '', ?5, source_network)
		WHERE n = ?6`, ch.Party.Name, ch.Local, ch.Anonymous, ch.Role, ch.SourceNetwork, stay)
}

// recount makes a direct conversation of more than two people a group.
func (a *applier) recount(conv rowID) error {
	return exec(a.conn, `UPDATE conversation SET kind = 'group' WHERE n = ?1 AND kind = 'direct'
		AND (SELECT count(DISTINCT person) FROM participant WHERE conversation = ?1) > 2`, conv)
}

// membersOf lists who took part, each once, in the order of coming.
func membersOf(c *sqlite.Conn, conv rowID) ([]archive.Member, error) {
	out := []archive.Member{}
	err := rows(c, `SELECT p.id, iif(p.name <> '', p.name, p.uri), max(t.local), max(t.role)
		FROM participant t JOIN person p ON p.n = t.person WHERE t.conversation = ? GROUP BY p.n ORDER BY min(t.n)`,
		func(r row) error {
			out = append(out, archive.Member{Person: r.text(), Name: r.text(), Local: r.bool(), Role: r.text()})
			return nil
		}, conv)
	return out, err
}

func participants(c *sqlite.Conn, clause string, args ...any) ([]archive.Participant, error) {
	var out []archive.Participant
	err := rows(c, `SELECT v.id, p.id, p.uri, iif(t.name <> '', t.name, p.name), t.local, t.anonymous, t.role, t.source_network,
			t.joined, t.joined_source, t."left", t.left_source, t.joined_event, t.left_event
		FROM participant t JOIN person p ON p.n = t.person JOIN conversation v ON v.n = t.conversation `+clause,
		func(r row) error {
			out = append(out, archive.Participant{
				Conversation: r.text(), Person: r.text(), URI: r.text(), Name: r.text(),
				Local: r.bool(), Anonymous: r.bool(), Role: r.text(), SourceNetwork: r.text(),
				Joined: r.time(), JoinedSource: archive.TimeSource(r.text()),
				Left: r.time(), LeftSource: archive.TimeSource(r.text()),
				JoinedEvent: archive.EventID(r.int()), LeftEvent: archive.EventID(r.int()),
			})
			return nil
		}, args...)
	return out, err
}

// Participants lists the stays in all conversations in the order in which they
// began in the log, from after the one that began with the given event.
func (s *Store) Participants(ctx context.Context, after archive.EventID, limit int) ([]archive.Participant, error) {
	var out []archive.Participant
	err := s.view(ctx, "list participants", func(c *sqlite.Conn) (err error) {
		out, err = participants(c, `WHERE t.joined_event > ? ORDER BY t.joined_event, t.n LIMIT ?`, int64(after), archive.ClampLimit(limit))
		return err
	})
	return out, err
}
