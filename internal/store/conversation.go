package store

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// Disconnected is the state of a conversation whose resource was deleted.
const disconnected = "Disconnected"

// conversation is the row that an href belongs to: the one it was seen with
// before, else the one of its thread, else a new one.
func (a *applier) conversation(href string, thread archive.Thread) (rowID, error) {
	if href == "" {
		return 0, nil
	}
	var n rowID
	found, err := one(a.conn, `SELECT conversation FROM sitting WHERE account = ? AND href = ?`,
		func(r row) { n = rowID(r.int()) }, a.account, href)
	if err != nil {
		return 0, err
	}
	if found {
		return n, a.placed(n, thread.ID)
	}
	id := archive.ConversationID(a.observation.Account, thread.ID, href)
	if n, err = a.findOrMakeConversation(id, thread); err != nil {
		return 0, err
	}
	return n, exec(a.conn, `INSERT INTO sitting (account, href, conversation) VALUES (?, ?, ?)`, a.account, href, n)
}

// placed notes that an event touched a conversation.
func (a *applier) placed(n rowID, thread string) error {
	if thread != "" {
		if err := exec(a.conn, `UPDATE conversation SET thread = ? WHERE n = ? AND thread = ''`, thread, n); err != nil {
			return err
		}
	}
	return exec(a.conn, `UPDATE conversation SET last = max(last, ?1), place = max(place, ?1) WHERE n = ?2`, a.event, n)
}

// outlive closes what the application before this one left open: its resources
// died with it, at a time that nobody knows.
func (a *applier) outlive() error {
	if a.observation.Capture == "" {
		return nil
	}
	before := a.observation.Capture
	// The plus keeps SQLite from sorting all of the account's log by its index.
	if _, err := one(a.conn, `SELECT capture FROM observation WHERE id < ? AND +account = ? AND capture <> '' ORDER BY id DESC LIMIT 1`,
		func(r row) { before = r.text() }, a.observation.ID, a.account); err != nil || before == a.observation.Capture {
		return err
	}
	a.event = archive.NewEventID(a.observation.ID, 1)
	for _, statement := range []string{
		`UPDATE participant SET left_source = ?1, left_event = ?2 WHERE left_event IS NULL AND left_source = ''
			AND conversation IN (SELECT conversation FROM sitting WHERE account = ?3 AND closed IS NULL)`,
		`UPDATE conversation SET ended_source = ?1 WHERE ended_source = '' AND ?2
			AND n IN (SELECT conversation FROM sitting WHERE account = ?3 AND closed IS NULL)`,
		`UPDATE sitting SET closed = ?2 WHERE ?1 <> '' AND account = ?3 AND closed IS NULL`,
	} {
		if err := exec(a.conn, statement, string(archive.FromOrder), a.event, a.account); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) findOrMakeConversation(id string, thread archive.Thread) (n rowID, err error) {
	found, err := one(a.conn, `SELECT n FROM conversation WHERE id = ?`, func(r row) { n = rowID(r.int()) }, id)
	if err != nil {
		return 0, err
	}
	if found { // it comes back under another href
		if err := exec(a.conn, `UPDATE conversation SET ended = NULL, ended_source = '' WHERE n = ?`, n); err != nil {
			return 0, err
		}
		if err := a.revive(n, thread); err != nil {
			return 0, err
		}
		return n, a.placed(n, "")
	}
	started := a.startOf(thread)
	err = exec(a.conn, `INSERT INTO conversation (id, account, thread, subject, kind, importance, state,
			started, started_source, ended_source, first, last, place)
		VALUES (?1, ?2, ?3, '', ?4, '', '', ?5, ?6, '', ?7, ?7, ?7)`,
		id, a.account, thread.ID, string(archive.Direct), started.Time, string(started.Source), a.event)
	return rowID(a.conn.LastInsertRowID()), err
}

// startOf dates the beginning of a conversation that is new: by our clock, or
// where that is unknown by its threadId.
func (a *applier) startOf(thread archive.Thread) archive.Dated {
	d := a.when(archive.Time{})
	if d.Source == archive.FromOrder && thread.Began.Known() {
		return archive.Dated{Time: thread.Began, Source: archive.FromThread}
	}
	return d
}

func (a *applier) touch(href string) error {
	_, err := a.conversation(href, archive.Thread{})
	return err
}

func (a *applier) conversationChange(ch archive.ConversationChange) error {
	n, err := a.conversation(ch.Href, ch.Thread)
	if err != nil || n == 0 {
		return err
	}
	// What was fetched may arrive after the end and speak of the time before.
	if err := exec(a.conn, `UPDATE conversation SET
			subject = iif(?1 <> '', ?1, subject), importance = iif(?2 <> '', ?2, importance),
			state = iif(?3 <> '' AND EXISTS (SELECT 1 FROM sitting WHERE account = ?5 AND href = ?6 AND closed IS NULL), ?3, state),
			kind = iif(kind = 'direct' AND ?3 IN ('Conferencing', 'Conferenced', 'InLobby'), 'group', kind)
		WHERE n = ?4`, ch.Subject, ch.Importance, ch.State, n, a.account, ch.Href); err != nil {
		return err
	}
	if ch.Created.Known() {
		if err := exec(a.conn, `UPDATE conversation SET started = ?1, started_source = 'server'
			WHERE n = ?2 AND (started_source <> 'server' OR started > ?1)`, ch.Created, n); err != nil {
			return err
		}
	}
	if ch.Deleted {
		return a.endSitting(n, ch.Href)
	}
	return nil
}

// endSitting closes a conversation resource, and the conversation with all who
// are still in it when that was the last one open: servers leave out some of
// the notices that people left.
func (a *applier) endSitting(n rowID, href string) error {
	if err := exec(a.conn, `UPDATE sitting SET closed = ? WHERE account = ? AND href = ?`, a.event, a.account, href); err != nil {
		return err
	}
	open, err := one(a.conn, `SELECT 1 FROM sitting WHERE conversation = ? AND closed IS NULL`, func(row) {}, n)
	if err != nil || open {
		return err
	}
	at := a.when(archive.Time{})
	if err := exec(a.conn, `UPDATE conversation SET state = ?, ended = ?, ended_source = ? WHERE n = ?`,
		disconnected, at.Time, string(at.Source), n); err != nil {
		return err
	}
	return exec(a.conn, `UPDATE participant SET "left" = ?, left_source = ?, left_event = ? WHERE conversation = ? AND left_event IS NULL AND left_source = ''`,
		at.Time, string(at.Source), a.event, n)
}

// gapOf holds for the gaps of a conversation: those between its first and last
// event, and where its end was not seen the next one, in which that may lie; of
// those that concern one conversation alone its own. What only the history shows has
// no place between gaps.
const gapOf = `v.live AND g.account = v.account AND iif(g.conversation <> '',
	EXISTS (SELECT 1 FROM sitting WHERE account = v.account AND href = g.conversation AND conversation = v.n),
	g.after >= v.first >> 20 AND (g.after < v.last >> 20 OR v.state <> '` + disconnected + `'
		AND g.id = (SELECT min(id) FROM gap WHERE account = v.account AND conversation = '' AND after >= v.last >> 20)))`

// titleOf names a conversation.
const titleOf = `iif(v.subject <> '', v.subject, ifnull(
	(SELECT group_concat(name, ', ') FROM (SELECT iif(p.name <> '', p.name, p.uri) AS name FROM participant t
		JOIN person p ON p.n = t.person WHERE t.conversation = v.n GROUP BY p.n HAVING NOT max(t.local) ORDER BY min(t.n) LIMIT 4)),
	ifnull((SELECT iif(p.name <> '', p.name, p.uri) FROM invitation i
		JOIN person p ON p.n = iif(i.direction = 'Outgoing', i.recipient, i.author) WHERE i.conversation = v.n ORDER BY i.n LIMIT 1), '')))`

const selectConversation = `SELECT v.n, v.id, a.uri, v.thread, v.subject, ` + titleOf + `, v.kind, v.importance, v.state,
	v.started, v.started_source, v.ended, v.ended_source, v.messages, v.first, v.last, m.time, ifnull(m.text, ''),
	(SELECT count(*) FROM gap g WHERE ` + gapOf + `)
	FROM conversation v JOIN account a ON a.n = v.account LEFT JOIN message m ON m.event = v.last_message `

func scanConversation(r row) (rowID, archive.Conversation) {
	n := rowID(r.int())
	return n, archive.Conversation{
		ID: r.text(), Account: r.text(), Thread: r.text(), Subject: r.text(), Title: r.text(), Kind: archive.ConversationKind(r.text()),
		Importance: r.text(), State: r.text(),
		Started: r.time(), StartedSource: archive.TimeSource(r.text()), Ended: r.time(), EndedSource: archive.TimeSource(r.text()),
		Messages: r.int(), First: archive.EventID(r.int()), Last: archive.EventID(r.int()),
		LastTime: r.time(), LastMessage: r.text(), Gaps: r.int(), Participants: []archive.Member{},
	}
}

// Conversations lists conversations, newest activity first.
func (s *Store) Conversations(ctx context.Context, f archive.ConversationFilter) ([]archive.Conversation, error) {
	w := conversationWhere(f)
	if f.Before != 0 {
		w.add(`(v.place, v.place_time, v.last) < (SELECT place, place_time, last FROM conversation WHERE last = ?
			UNION ALL SELECT ?, 0, 0 LIMIT 1)`, f.Before, f.Before)
	}
	return s.conversations(ctx, selectConversation+w.sql()+` ORDER BY v.place DESC, v.place_time DESC, v.last DESC, v.n DESC LIMIT ?`,
		append(w.args, archive.ClampLimit(f.Limit))...)
}

// ConversationsAfter lists conversations in the order in which they began in
// the log, from after the one that began with the given event.
func (s *Store) ConversationsAfter(ctx context.Context, f archive.ConversationFilter, first archive.EventID) ([]archive.Conversation, error) {
	w := conversationWhere(f)
	w.add("v.first > ?", int64(first))
	return s.conversations(ctx, selectConversation+w.sql()+` ORDER BY v.first LIMIT ?`,
		append(w.args, archive.ClampLimit(f.Limit))...)
}

func conversationWhere(f archive.ConversationFilter) *where {
	var w where
	w.ifSet("a.uri = ?", f.Account)
	w.ifSet("v.kind = ?", string(f.Kind))
	w.ifSet("v.n IN (SELECT t.conversation FROM participant t JOIN person p ON p.n = t.person WHERE p.id = ?)", f.Person)
	w.ifSet(matchesText, f.Text)
	return &w
}

// matchesText holds for conversations whose subject or one of whose people a
// text is part of.
const matchesText = `EXISTS (SELECT 1 FROM (SELECT ? AS q) WHERE instr(fold(v.subject), fold(q))
	OR v.n IN (SELECT t.conversation FROM participant t JOIN person p ON p.n = t.person
		WHERE instr(fold(t.name), fold(q)) OR instr(fold(p.name), fold(q)) OR instr(p.uri, fold(q))))`

func (s *Store) conversations(ctx context.Context, query string, args ...any) ([]archive.Conversation, error) {
	var out []archive.Conversation
	err := s.view(ctx, "list conversations", func(c *sqlite.Conn) error {
		var ns []rowID
		if err := rows(c, query, func(r row) error {
			n, v := scanConversation(r)
			ns, out = append(ns, n), append(out, v)
			return nil
		}, args...); err != nil {
			return err
		}
		for i, n := range ns {
			members, err := membersOf(c, n)
			if err != nil {
				return err
			}
			out[i].Participants = members
		}
		return nil
	})
	return out, err
}

// Conversation is one conversation with all that its page shows beside its
// messages; archive.ErrNotFound when there is none of that id.
func (s *Store) Conversation(ctx context.Context, id string) (archive.ConversationView, error) {
	var v archive.ConversationView
	err := s.view(ctx, fmt.Sprintf("conversation %q", id), func(c *sqlite.Conn) error {
		var n rowID
		found, err := one(c, selectConversation+`WHERE v.id = ?`, func(r row) { n, v.Conversation = scanConversation(r) }, id)
		if err != nil {
			return err
		}
		if !found {
			return archive.ErrNotFound
		}
		if v.Conversation.Participants, err = membersOf(c, n); err != nil {
			return err
		}
		if v.Participants, err = participants(c, `WHERE t.conversation = ? ORDER BY t.n`, n); err != nil {
			return err
		}
		if v.Invitations, err = invitations(c, `WHERE i.conversation = ? ORDER BY i.n`, n); err != nil {
			return err
		}
		v.Gaps, err = gaps(c, `JOIN conversation v ON v.n = ? WHERE `+gapOf+` ORDER BY g.id`, n)
		return err
	})
	return v, err
}

// FindConversations lists the ids of the conversations that a text names: by
// id, or as part of the subject or of a participant's name or address.
func (s *Store) FindConversations(ctx context.Context, text string) (ids []string, err error) {
	err = s.view(ctx, "find conversations", func(c *sqlite.Conn) error {
		return rows(c, `SELECT v.id FROM conversation v WHERE v.id = ? OR `+matchesText+` ORDER BY v.n`,
			func(r row) error { ids = append(ids, r.text()); return nil }, text, text)
	})
	return ids, err
}

// ConversationTitles are the titles of conversations by their ids.
func (s *Store) ConversationTitles(ctx context.Context, ids []string) (map[string]string, error) {
	titles := make(map[string]string, len(ids))
	err := s.view(ctx, "conversation titles", func(c *sqlite.Conn) error {
		for _, id := range ids {
			if _, err := one(c, `SELECT `+titleOf+` FROM conversation v WHERE v.id = ?`, func(r row) { titles[id] = r.text() }, id); err != nil {
				return err
			}
		}
		return nil
	})
	return titles, err
}
