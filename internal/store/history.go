package store

import "archiver/internal/archive"

// logChange notes a conversation of the history. It is the conversation of its
// threadId; without one it is a conversation of its own, since people and time
// alone do not say which.
func (a *applier) logChange(ch archive.LogChange) error {
	n, err := a.loggedConversation(ch)
	if err != nil {
		return err
	}
	if err := exec(a.conn, `UPDATE conversation SET subject = iif(subject = '', ?1, subject),
			importance = iif(importance = '', ?2, importance), kind = iif(?3, 'meeting', kind)
		WHERE n = ?4`, ch.Subject, ch.Importance, ch.Meeting, n); err != nil {
		return err
	}
	if err := exec(a.conn, `INSERT INTO conversation_log (account, href, conversation, type, status, created, event)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (account, href) DO UPDATE SET conversation = ?3,
			type = ?4, status = ?5, created = ?6, event = ?7`,
		a.account, ch.Href, n, ch.Type, ch.Status, ch.Created, a.event); err != nil {
		return err
	}
	if ch.Transcripts != "" {
		if err := a.pageOf(ch.Transcripts, ch.Href); err != nil {
			return err
		}
	}
	parties := append([]archive.Party{{URI: a.observation.Account}}, ch.Recipients...)
	for i, p := range parties {
		if err := a.loggedParticipant(n, p, i == 0); err != nil {
			return err
		}
	}
	return a.recount(n)
}

func (a *applier) loggedConversation(ch archive.LogChange) (n rowID, err error) {
	id := archive.ConversationID(a.observation.Account, ch.Thread.ID, "log:"+ch.Href)
	found, err := one(a.conn, `SELECT n FROM conversation WHERE id = ?`, func(r row) { n = rowID(r.int()) }, id)
	if err != nil || found {
		return n, err
	}
	err = exec(a.conn, `INSERT INTO conversation (id, account, thread, subject, kind, importance, state,
			started_source, ended_source, first, last, live)
		VALUES (?1, ?2, ?3, '', ?4, '', ?5, ?6, ?6, ?7, ?7, 0)`,
		id, a.account, ch.Thread.ID, string(archive.Direct), disconnected, string(archive.FromOrder), a.event)
	n = rowID(a.conn.LastInsertRowID())
	if err != nil {
		return n, err
	}
	return n, a.settle(n, ch.Created)
}

// settle gives a conversation that only the history shows its place among the
// others: behind what had been received when its last message was written, or
// until one is known when its log was.
func (a *applier) settle(n rowID, at archive.Time) error {
	if !at.Known() {
		return nil
	}
	before := archive.ObservationID(0)
	if _, err := one(a.conn, `SELECT id FROM observation WHERE account = ? AND received <= ? AND id < ? ORDER BY received DESC, id DESC LIMIT 1`,
		func(r row) { before = archive.ObservationID(r.int()) }, a.account, at, a.observation.ID); err != nil {
		return err
	}
	return exec(a.conn, `UPDATE conversation SET place = ?1, place_time = ?2 WHERE n = ?3 AND NOT live`,
		int64(archive.NewEventID(before+1, 0)), at.Nanos(), n)
}

// revive makes a conversation that only the history has shown one that is
// live: it begins where the event channel shows it, or as early as the history
// says, and what the history said of its end no longer holds.
func (a *applier) revive(n rowID, thread archive.Thread) error {
	started := a.startOf(thread)
	return exec(a.conn, `UPDATE conversation SET live = 1, state = '', first = ?1, last = ?1, place = ?1, place_time = 0,
			started = iif(started IS NULL OR started > ?2, ?2, started),
			started_source = iif(started IS NULL OR started > ?2, ?3, started_source)
		WHERE n = ?4 AND NOT live`, a.event, started.Time, string(started.Source), n)
}

// loggedParticipant notes somebody whom the history names: when he came and
// went it does not say. Where the event channel has shown him that stands.
func (a *applier) loggedParticipant(conv rowID, p archive.Party, local bool) error {
	person, err := a.person(p)
	if err != nil || person == 0 {
		return err
	}
	if stay, err := a.lastStay(conv, person); err != nil || stay != 0 {
		return err
	}
	return exec(a.conn, `INSERT INTO participant (conversation, person, name, local, anonymous, role, source_network,
			joined_source, joined_event, left_source)
		VALUES (?1, ?2, ?3, ?4, 0, '', '', ?5, ?6, ?5)`,
		conv, person, p.Name, local, string(archive.FromOrder), a.event)
}

func (a *applier) pageOf(href, log string) error {
	return exec(a.conn, `INSERT OR REPLACE INTO log_page (account, href, log) VALUES (?, ?, ?)`, a.account, href, log)
}

// logPageChange notes which log the page after this one belongs to.
func (a *applier) logPageChange(ch archive.LogPageChange) error {
	log, _, err := a.logOf(ch.Href)
	if err != nil || log == "" {
		return err
	}
	if ch.Next == "" {
		return a.coverElsewhere(log)
	}
	return a.pageOf(ch.Next, log)
}

// logOf is the log that a page belongs to, and its conversation; "" for a page
// that nothing led to.
func (a *applier) logOf(page string) (log string, conv rowID, err error) {
	_, err = one(a.conn, `SELECT l.href, l.conversation FROM log_page p JOIN conversation_log l ON l.account = p.account AND l.href = p.log
		WHERE p.account = ? AND p.href = ?`, func(r row) { log, conv = r.text(), rowID(r.int()) }, a.account, page)
	return log, conv, err
}

// reopenSpan widens the time of a conversation by a message of the history.
func (a *applier) reopenSpan(conv rowID, at archive.Time) error {
	if !at.Known() {
		return nil
	}
	if err := exec(a.conn, `UPDATE conversation SET started = ?1, started_source = 'server'
		WHERE n = ?2 AND (started IS NULL OR started > ?1)`, at, conv); err != nil {
		return err
	}
	if err := exec(a.conn, `UPDATE conversation SET ended = ?1, ended_source = 'server'
		WHERE n = ?2 AND NOT live AND (ended IS NULL OR ended < ?1)`, at, conv); err != nil || a.conn.Changes() == 0 {
		return err
	}
	return a.settle(conv, at)
}

// missedItemsChange notes what the server counts as missed.
func (a *applier) missedItemsChange(ch archive.MissedItemsChange) error {
	return exec(a.conn, `INSERT OR REPLACE INTO missed_items (account, logs, missed, unread, voice_mails, unread_voice, event)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, a.account, ch.Logs, ch.Missed, ch.Unread, ch.VoiceMails, ch.UnreadVoice, a.event)
}
