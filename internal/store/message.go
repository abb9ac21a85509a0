package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// newMessage is a message about to be added with the event at hand.
type newMessage struct {
	id, href     string
	conversation rowID
	author       rowID
	authorName   string
	direction    string
	at           archive.Dated
	text         *archive.Text
	status       string
	reason       *archive.Reason
}

func (a *applier) messageChange(ch archive.MessageChange) error {
	conv, err := a.conversation(ch.Conversation, archive.Thread{})
	if err != nil || conv == 0 {
		return err
	}
	author, err := a.person(ch.From)
	if err != nil {
		return err
	}
	if err := a.sighted(author, ch.Time); err != nil {
		return err
	}
	known, err := a.knownMessage(ch, author)
	if err != nil {
		return err
	}
	if known != 0 {
		return a.updateMessage(known, ch)
	}
	_, err = a.addMessage(newMessage{
		id: archive.MessageID(a.observation.Account, ch.Href), href: ch.Href, conversation: conv,
		author: author, authorName: ch.From.Name, direction: ch.Direction, at: a.when(ch.Time),
		text: ch.Text, status: ch.Status, reason: ch.Reason,
	})
	return err
}

// knownMessage is the message that an event shows again: the one of its href,
// or the first text of an invitation into the same conversation resource, by
// the same author in the same words, that no message event has shown yet. A
// server repeats an invitation's text as a message once it was accepted
// (ReceiveAnIM.md).
func (a *applier) knownMessage(ch archive.MessageChange, author rowID) (known archive.EventID, err error) {
	scan := func(r row) { known = archive.EventID(r.int()) }
	found, err := one(a.conn, `SELECT event FROM message WHERE account = ? AND href = ? AND href <> ''`, scan, a.account, ch.Href)
	if err != nil || found || ch.Text == nil {
		return known, err
	}
	_, err = one(a.conn, `SELECT m.event FROM invitation i JOIN message m ON m.event = i.message
		WHERE i.account = ? AND i.conversation_href = ? AND m.href = '' AND m.author IS ? AND m.text = ? ORDER BY m.event`,
		scan, a.account, ch.Conversation, author, ch.Text.Plain)
	return known, err
}

// addMessage adds a message that the event channel shows first, and says which
// row it is: one that the history has shown already becomes that message.
func (a *applier) addMessage(m newMessage) (archive.EventID, error) {
	// Most conversations have nothing of the history alone, and one look tells.
	mixed, err := one(a.conn, `SELECT 1 FROM message WHERE conversation = ? AND live = 0 LIMIT 1`, func(row) {}, m.conversation)
	if err != nil || !mixed {
		return a.event, errors.Join(err, a.insertMessage(m, a.event, 0))
	}
	known, err := a.logged(m)
	if err != nil {
		return 0, err
	}
	if known != 0 {
		err = a.adopt(known, m)
	} else {
		known = a.event
		err = a.insertMessage(m, a.event, 0)
	}
	if err != nil {
		return 0, err
	}
	return known, a.reorder(m.conversation, m.at.Time)
}

// insertMessage adds a row; a place other than the event at hand is that of a
// message of the history.
func (a *applier) insertMessage(m newMessage, place archive.EventID, placeTime int64) error {
	text := archive.Text{}
	if m.text != nil {
		text = *m.text
	}
	live := place == a.event
	var code, subcode, reason any
	if m.reason != nil {
		code, subcode, reason = m.reason.Code, m.reason.Subcode, m.reason.Message
	}
	if err := exec(a.conn, `INSERT INTO message (event, id, account, conversation, href, author, author_name, direction,
			time, time_source, format, text, html, text_known, status, code, subcode, reason, changed, live, place, place_time, text_log)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.event, m.id, a.account, m.conversation, m.href, m.author, m.authorName, m.direction,
		m.at.Time, string(m.at.Source), format(m.text), text.Plain, text.HTML, m.text != nil,
		m.status, code, subcode, reason, a.observation.ID, live, int64(place), placeTime, !live); err != nil {
		return err
	}
	return exec(a.conn, `UPDATE conversation SET messages = messages + 1, last_message = iif(?3, ?1, last_message) WHERE n = ?2`,
		a.event, m.conversation, live)
}

func format(t *archive.Text) string {
	switch {
	case t == nil:
		return ""
	case t.HTML != "":
		return "html"
	}
	return "plain"
}

// updateMessage adds what another event says of a message. A time that the
// server gives replaces one of ours; text that is there stays, unless it is
// the history's.
func (a *applier) updateMessage(known archive.EventID, ch archive.MessageChange) error {
	if err := a.evidence(known, ""); err != nil {
		return err
	}
	if ch.Text != nil {
		if err := exec(a.conn, `UPDATE message SET text_known = 0, text_log = 0, text = '', html = '', format = ''
			WHERE event = ? AND text_log`, known); err != nil {
			return err
		}
	}
	text := archive.Text{}
	if ch.Text != nil {
		text = *ch.Text
	}
	if err := exec(a.conn, `UPDATE message SET href = iif(href = '', ?1, href), changed = ?2,
			time = iif(time_source <> 'server' AND ?3 IS NOT NULL, ?3, time),
			time_source = iif(?3 IS NOT NULL, 'server', time_source),
			text = iif(text_known, text, ?4), html = iif(html = '', ?5, html),
			format = iif(html <> '' OR ?5 = '', iif(format = '', ?6, format), 'html'), text_known = text_known OR ?7,
			status = iif(?8 <> '', ?8, status)
		WHERE event = ?9`,
		ch.Href, a.observation.ID, ch.Time, text.Plain, text.HTML, format(ch.Text), ch.Text != nil, ch.Status, known); err != nil {
		return err
	}
	if err := a.reorderAround(known, ch.Time); err != nil || ch.Reason == nil {
		return nil
	}
	return exec(a.conn, `UPDATE message SET code = ?, subcode = ?, reason = ? WHERE event = ?`,
		ch.Reason.Code, ch.Reason.Subcode, ch.Reason.Message, known)
}

const selectMessage = `SELECT m.event, m.id, v.id, ifnull(p.id, ''), ifnull(p.uri, ''),
	iif(m.author_name <> '', m.author_name, ifnull(p.name, '')), m.direction, m.time, m.time_source, m.format, m.text, m.html,
	m.text_known, m.status, m.code, m.subcode, m.reason, m.place, m.live,
	(SELECT group_concat(iif(log = '', event, -event)) FROM evidence WHERE message = m.event)
	FROM message m JOIN conversation v ON v.n = m.conversation LEFT JOIN person p ON p.n = m.author `

func scanMessage(r row) archive.Message {
	e := archive.EventID(r.int())
	m := archive.Message{
		Event: e, ID: r.text(), Conversation: r.text(),
		From: r.text(), FromURI: r.text(), FromName: r.text(), Direction: r.text(),
		Time: r.time(), TimeSource: archive.TimeSource(r.text()), Format: r.text(), Text: r.text(), HTML: r.text(),
		TextKnown: r.bool(), Status: r.text(), Reason: r.reason(), Place: archive.EventID(r.int()),
	}
	m.Evidence = r.evidence(e, r.bool() && m.Place == e)
	for _, e := range m.Evidence {
		m.Events = append(m.Events, e.Event)
		if m.Provenance == "" {
			m.Provenance = e.Provenance
		} else if m.Provenance != e.Provenance {
			m.Provenance = archive.ProvenanceBoth
		}
	}
	return m
}

func messages(c *sqlite.Conn, clause string, args ...any) ([]archive.Message, error) {
	var out []archive.Message
	err := rows(c, selectMessage+clause, func(r row) error { out = append(out, scanMessage(r)); return nil }, args...)
	return out, err
}

// Messages reads a page of a conversation in the order in which it was
// written: that of the log, with what only the history shows in between. When
// no conversation is named it is a page of the whole archive in the order of
// the log.
func (s *Store) Messages(ctx context.Context, f archive.MessageFilter) (out []archive.Message, err error) {
	var w where
	order, direction := "m.event", ""
	if f.Conversation != "" {
		order = "m.place, m.place_time, m.event"
		w.add("m.conversation = (SELECT n FROM conversation WHERE id = ?)", f.Conversation)
	}
	if f.Before != 0 && f.After == 0 {
		direction = " DESC"
	}
	err = s.view(ctx, "list messages", func(c *sqlite.Conn) error {
		if f.After != 0 {
			if err := w.beyond(c, order, ">", f.After); err != nil {
				return err
			}
		}
		if f.Before != 0 {
			if err := w.beyond(c, order, "<", f.Before); err != nil {
				return err
			}
		}
		out, err = messages(c, w.sql()+` ORDER BY `+strings.ReplaceAll(order, ",", direction+",")+direction+` LIMIT ?`,
			append(w.args, archive.ClampLimit(f.Limit))...)
		return err
	})
	if direction != "" {
		slices.Reverse(out)
	}
	return out, err
}

// beyond adds the condition to come after (>) or before (<) an event in an
// order of messages. One that is no message stands behind the message before it.
func (w *where) beyond(c *sqlite.Conn, order, than string, e archive.EventID) error {
	if order == "m.event" {
		w.add("m.event "+than+" ?", e)
		return nil
	}
	place := []any{int64(e), int64(math.MaxInt64), int64(math.MaxInt64)}
	if than == "<" {
		place = []any{int64(e), int64(math.MinInt64), int64(0)}
	}
	_, err := one(c, `SELECT place, place_time, event FROM message WHERE event = ?`,
		func(r row) { place = []any{r.int(), r.int(), r.int()} }, e)
	w.add("("+order+") "+than+" (?, ?, ?)", place...)
	return err
}

// Message is one message; archive.ErrNotFound when none has that id.
func (s *Store) Message(ctx context.Context, id string) (m archive.Message, err error) {
	err = s.view(ctx, fmt.Sprintf("message %q", id), func(c *sqlite.Conn) error {
		found, err := messages(c, `WHERE m.id = ?`, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return archive.ErrNotFound
		}
		m = found[0]
		return nil
	})
	return m, err
}

// MessagesByEvent reads the messages with these places; missing ones are left
// out.
func (s *Store) MessagesByEvent(ctx context.Context, ids []archive.EventID) (out []archive.Message, err error) {
	err = s.view(ctx, "read messages", func(c *sqlite.Conn) error {
		for _, id := range ids {
			found, err := messages(c, `WHERE m.event = ?`, id)
			if err != nil {
				return err
			}
			out = append(out, found...)
		}
		return nil
	})
	return out, err
}

// MessageAt is the first message of a conversation, in the order of Messages,
// that is of a time or later; the zero id when there is none.
func (s *Store) MessageAt(ctx context.Context, conversation string, at archive.Time) (id archive.EventID, err error) {
	err = s.view(ctx, "message at a time", func(c *sqlite.Conn) error {
		_, err := one(c, `SELECT event FROM message
			WHERE conversation = (SELECT n FROM conversation WHERE id = ?) AND time >= ? ORDER BY place, place_time, event LIMIT 1`,
			func(r row) { id = archive.EventID(r.int()) }, conversation, at)
		return err
	})
	return id, err
}

// MessagesChangedAfter reads what the index has to take up, in the order of
// change: whole observations, as many as hold about limit messages.
func (s *Store) MessagesChangedAfter(ctx context.Context, after archive.ObservationID, limit int) (out []archive.Indexable, err error) {
	err = s.view(ctx, "read changed messages", func(c *sqlite.Conn) error {
		return rows(c, `SELECT m.event, v.id, ifnull(p.id, ''), m.time, m.text, m.changed
			FROM message m JOIN conversation v ON v.n = m.conversation LEFT JOIN person p ON p.n = m.author
			WHERE m.changed > ?1 AND m.changed <= (SELECT max(changed) FROM
				(SELECT changed FROM message WHERE changed > ?1 ORDER BY changed LIMIT ?2))
			ORDER BY m.changed, m.event`, func(r row) error {
			out = append(out, archive.Indexable{
				Document: scanDocument(r), Text: r.text(), Changed: archive.ObservationID(r.int()),
			})
			return nil
		}, after, archive.ClampLimit(limit))
	})
	return out, err
}

func scanDocument(r row) archive.Document {
	return archive.Document{Event: archive.EventID(r.int()), Conversation: r.text(), From: r.text(), Time: r.time()}
}

// Documents calls fn for every message in the order of the log, in one
// snapshot.
func (s *Store) Documents(ctx context.Context, fn func(archive.Document) error) error {
	return s.view(ctx, "read documents", func(c *sqlite.Conn) error {
		return rows(c, `SELECT m.event, v.id, ifnull(p.id, ''), m.time FROM message m
			JOIN conversation v ON v.n = m.conversation LEFT JOIN person p ON p.n = m.author ORDER BY m.event`,
			func(r row) error { return fn(scanDocument(r)) })
	})
}
