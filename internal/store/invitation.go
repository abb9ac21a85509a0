package store

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

func (a *applier) invitationChange(ch archive.InvitationChange) error {
	conv, err := a.conversation(ch.Conversation, ch.Thread)
	if err != nil {
		return err
	}
	from, err := a.person(ch.From)
	if err != nil {
		return err
	}
	to, err := a.person(ch.To)
	if err != nil {
		return err
	}
	n, err := a.invitation(ch, conv, from, to)
	if err != nil {
		return err
	}
	if ch.Text != nil && conv != 0 {
		if err := a.firstText(n, ch, conv, from); err != nil {
			return err
		}
	}
	if ch.Kind == "onlineMeeting" && conv != 0 {
		if err := exec(a.conn, `UPDATE conversation SET kind = 'meeting' WHERE n = ?`, conv); err != nil {
			return err
		}
	}
	if ch.Completed {
		return a.complete(n, ch)
	}
	return nil
}

// invitation is the row of an invitation, made when it is new and otherwise
// brought up to date with what the event says.
func (a *applier) invitation(ch archive.InvitationChange, conv, from, to rowID) (n rowID, err error) {
	id := archive.InvitationID(a.observation.Account, ch.Href)
	found, err := one(a.conn, `SELECT n FROM invitation WHERE id = ?`, func(r row) { n = rowID(r.int()) }, id)
	if err != nil {
		return 0, err
	}
	if found {
		return n, exec(a.conn, `UPDATE invitation SET conversation = ifnull(conversation, ?1),
				conversation_href = iif(conversation_href = '', ?2, conversation_href), direction = iif(?3 <> '', ?3, direction),
				author = ifnull(author, ?4), recipient = ifnull(recipient, ?5), subject = iif(?6 <> '', ?6, subject),
				importance = iif(?7 <> '', ?7, importance), state = iif(?8 <> '' AND completed_event IS NULL, ?8, state)
			WHERE n = ?9`, conv, ch.Conversation, ch.Direction, from, to, ch.Subject, ch.Importance, ch.State, n)
	}
	started := a.when(archive.Time{})
	if ch.Completed { // quick operations may show only their end
		started = archive.Dated{Source: archive.FromOrder}
	}
	err = exec(a.conn, `INSERT INTO invitation (id, account, conversation, conversation_href, kind, direction, author, recipient,
			subject, importance, state, outcome, status, code, subcode, reason, started, started_source, started_event, completed_source)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', '', '', ?, ?, ?, '')`,
		id, a.account, conv, ch.Conversation, ch.Kind, ch.Direction, from, to, ch.Subject, ch.Importance, ch.State,
		string(archive.Pending), started.Time, string(started.Source), a.event)
	return rowID(a.conn.LastInsertRowID()), err
}

// complete records how an invitation ended. The first end stands.
func (a *applier) complete(n rowID, ch archive.InvitationChange) error {
	at := a.when(archive.Time{})
	var reason archive.Reason
	if ch.Reason != nil {
		reason = *ch.Reason
	}
	return exec(a.conn, `UPDATE invitation SET state = iif(?1 <> '', ?1, state), outcome = ?2, status = ?3,
			code = ?4, subcode = ?5, reason = ?6, completed = ?7, completed_source = ?8, completed_event = ?9
		WHERE n = ?10 AND completed_event IS NULL`,
		ch.State, string(ch.Outcome), ch.Status, reason.Code, reason.Subcode, reason.Message,
		at.Time, string(at.Source), a.event, n)
}

// firstText makes the text of an invitation a message of its conversation, or
// adds the event to the message that it is already.
func (a *applier) firstText(n rowID, ch archive.InvitationChange, conv, from rowID) error {
	var message archive.EventID
	if _, err := one(a.conn, `SELECT ifnull(message, 0) FROM invitation WHERE n = ?`,
		func(r row) { message = archive.EventID(r.int()) }, n); err != nil {
		return err
	}
	if message != 0 {
		return a.evidence(message, "")
	}
	at := a.when(archive.Time{})
	message, err := a.addMessage(newMessage{
		id: archive.MessageID(a.observation.Account, ch.Href), conversation: conv,
		author: from, authorName: ch.From.Name, direction: ch.Direction, at: at, text: ch.Text,
	})
	if err != nil {
		return err
	}
	return exec(a.conn, `UPDATE invitation SET message = ? WHERE n = ?`, message, n)
}

const selectInvitation = `SELECT i.id, ifnull(v.id, ''), i.kind, i.direction,
	ifnull(f.id, ''), ifnull(f.uri, ''), ifnull(f.name, ''), ifnull(t.id, ''), ifnull(t.uri, ''), ifnull(t.name, ''),
	i.subject, i.importance, ifnull(m.text, ''), ifnull(m.id, ''), i.state, i.outcome, i.status, i.code, i.subcode, i.reason,
	i.started, i.started_source, i.completed, i.completed_source, i.started_event, i.completed_event
	FROM invitation i LEFT JOIN conversation v ON v.n = i.conversation LEFT JOIN person f ON f.n = i.author
	LEFT JOIN person t ON t.n = i.recipient LEFT JOIN message m ON m.event = i.message `

func invitations(c *sqlite.Conn, clause string, args ...any) ([]archive.Invitation, error) {
	var out []archive.Invitation
	err := rows(c, selectInvitation+clause, func(r row) error {
		out = append(out, archive.Invitation{
			ID: r.text(), Conversation: r.text(), Kind: r.text(), Direction: r.text(),
			From: r.text(), FromURI: r.text(), FromName: r.text(), To: r.text(), ToURI: r.text(), ToName: r.text(),
			Subject: r.text(), Importance: r.text(), Message: r.text(), MessageID: r.text(),
			State: r.text(), Outcome: archive.Outcome(r.text()), Status: r.text(),
			Code: r.text(), Subcode: r.text(), Reason: r.text(),
			Started: r.time(), StartedSource: archive.TimeSource(r.text()),
			Completed: r.time(), CompletedSource: archive.TimeSource(r.text()),
			StartedEvent: archive.EventID(r.int()), CompletedEvent: archive.EventID(r.int()),
		})
		return nil
	}, args...)
	return out, err
}

// Invitations lists invitations in the order of the log, from after the one
// that the given event began.
func (s *Store) Invitations(ctx context.Context, after archive.EventID, limit int) (out []archive.Invitation, err error) {
	err = s.view(ctx, "list invitations", func(c *sqlite.Conn) (err error) {
		out, err = invitations(c, `WHERE i.started_event > ? ORDER BY i.started_event LIMIT ?`, int64(after), archive.ClampLimit(limit))
		return err
	})
	return out, err
}

// Invitation is one invitation; archive.ErrNotFound when none has that id.
func (s *Store) Invitation(ctx context.Context, id string) (inv archive.Invitation, err error) {
	err = s.view(ctx, fmt.Sprintf("invitation %q", id), func(c *sqlite.Conn) error {
		found, err := invitations(c, `WHERE i.id = ?`, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return archive.ErrNotFound
		}
		inv = found[0]
		return nil
	})
	return inv, err
}
