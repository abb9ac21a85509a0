package store

import (
	"bytes"
	"crypto/sha256"
	"math"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"archiver/internal/archive"
)

// How far apart the times of one message may be in the event channel and in
// the history, or in two logs of the history (docs/adr/0006).
const (
	// sameWords is for messages of one author in the same words: a minute for
	// clients that save times in whole minutes, and half a minute by which
	// their clocks, or the arrival of an invitation, may differ from the server.
	sameWords = 90 * time.Second
	// sameMoment is for a message that came without text: it is given the words
	// of another only on close evidence, since nothing else ties the two.
	sameMoment = 10 * time.Second
)

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
	if ch.Next == "" {
		return nil
	}
	log, _, err := a.logOf(ch.Href)
	if err != nil || log == "" {
		return err
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

// logMessageChange joins a message of the history to the message it is: one
// that its log has shown already, one that was captured live or that another
// log shows, or a new one.
func (a *applier) logMessageChange(ch archive.LogMessageChange) error {
	log, conv, err := a.logOf(ch.Page)
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
	s := sighting{log: log, time: ch.Time, words: words(ch.Text.Plain), copy: ch.Copy}
	known, again, err := a.shownBy(conv, author, s)
	if err != nil {
		return err
	}
	if again {
		return a.evidence(known, log)
	}
	if known == 0 {
		known = a.event
		err = a.addLogged(conv, author, ch, s)
	} else {
		err = a.fill(known, ch)
	}
	if err != nil {
		return err
	}
	if err := a.evidence(known, log); err != nil {
		return err
	}
	return exec(a.conn, `INSERT INTO sighting (message, log, time, words, copy) VALUES (?, ?, ?, ?, ?)`,
		known, s.log, s.time, s.words, s.copy)
}

// sighting is a message as a log shows it.
type sighting struct {
	log   string
	time  archive.Time
	words []byte
	copy  int
}

// candidate is a message near the time of a sighting, by the same author.
type candidate struct {
	event     archive.EventID
	time      archive.Time
	text      string
	textless  bool     // live, and no text is known
	logged    bool     // whether any log shows it
	this      bool     // whether this log shows it
	sightedAt sighting // as it does
}

// shownBy finds the message that a log shows. again says that the log has shown
// it before. A message is joined to at most one entry of each log, in the order
// of both: the first entry in time takes the first message.
func (a *applier) shownBy(conv, author rowID, s sighting) (known archive.EventID, again bool, err error) {
	if !s.time.Known() {
		_, err = one(a.conn, `SELECT m.event FROM message m JOIN sighting s ON s.message = m.event
			WHERE m.conversation = ? AND m.author IS ? AND s.log = ? AND s.time IS NULL AND s.words = ? AND s.copy = ?`,
			func(r row) { known, again = archive.EventID(r.int()), true }, conv, author, s.log, s.words, s.copy)
		return known, again, err
	}
	var near []candidate
	err = rows(a.conn, `SELECT m.event, m.time, m.text, m.live AND NOT m.text_known AND m.direction = 'Outgoing',
			EXISTS (SELECT 1 FROM sighting o WHERE o.message = m.event),
			s.message IS NOT NULL, s.time, ifnull(s.words, x''), ifnull(s.copy, 0)
		FROM message m LEFT JOIN sighting s ON s.message = m.event AND s.log = ?
		WHERE m.conversation = ? AND m.time BETWEEN ? AND ? AND m.author IS ? ORDER BY m.time, m.place, m.place_time, m.event`,
		func(r row) error {
			near = append(near, candidate{event: archive.EventID(r.int()), time: r.time(), text: r.text(), textless: r.bool(),
				logged: r.bool(), this: r.bool(), sightedAt: sighting{time: r.time(), words: r.bytes(), copy: int(r.int())}})
			return nil
		}, s.log, conv, archive.At(s.time.Add(-sameWords)), archive.At(s.time.Add(sameWords)), author)
	if err != nil {
		return 0, false, err
	}
	for _, c := range near {
		if c.this && c.sightedAt.time.Equal(s.time.Time) && c.sightedAt.copy == s.copy && bytes.Equal(c.sightedAt.words, s.words) {
			return c.event, true, nil
		}
	}
	for _, c := range near {
		if c.may(s) {
			return c.event, false, nil
		}
	}
	return 0, false, nil
}

// may reports whether a message may be what a log shows that has not shown it
// yet: in the same words, or without words at the same moment.
func (c candidate) may(s sighting) bool {
	switch {
	case c.this:
		return false
	case c.textless:
		return !c.logged && c.time.Sub(s.time.Time).Abs() <= sameMoment
	}
	return bytes.Equal(words(c.text), s.words)
}

// addLogged adds a message that only the history shows.
func (a *applier) addLogged(conv, author rowID, ch archive.LogMessageChange, s sighting) error {
	at := archive.Dated{Time: ch.Time, Source: archive.FromServer}
	placeTime := int64(math.MaxInt64)
	if ch.Time.Known() {
		placeTime = ch.Time.Nanos()
	} else {
		at.Source = archive.FromOrder
	}
	place, err := a.placeAt(conv, ch.Time)
	if err != nil {
		return err
	}
	m := newMessage{conversation: conv, author: author, authorName: ch.From.Name, direction: ch.Direction, at: at, text: ch.Text}
	if m.id, err = a.loggedID(conv, ch, s); err != nil {
		return err
	}
	if err := a.insertMessage(m, place, placeTime); err != nil {
		return err
	}
	if err := a.reopenSpan(conv, ch.Time); err != nil {
		return err
	}
	return a.lastMessage(conv)
}

// loggedID names a message that only the history shows by what it says, which
// is all that stays the same between two applications.
func (a *applier) loggedID(conv rowID, ch archive.LogMessageChange, s sighting) (id string, err error) {
	conversation := ""
	if _, err := one(a.conn, `SELECT id FROM conversation WHERE n = ?`, func(r row) { conversation = r.text() }, conv); err != nil {
		return "", err
	}
	for n := ch.Copy; ; n++ {
		id = archive.LoggedMessageID(conversation, ch.From, ch.Time, string(s.words), n)
		taken, err := one(a.conn, `SELECT 1 FROM message WHERE id = ?`, func(row) {}, id)
		if err != nil || !taken {
			return id, err
		}
	}
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

// fill adds what the history knows of a message to what is known already. The
// event channel's words stand; a message that came without any gets them here.
func (a *applier) fill(known archive.EventID, ch archive.LogMessageChange) error {
	return exec(a.conn, `UPDATE message SET text = ?1, html = ?2, format = ?3, text_known = 1, text_log = 1, changed = ?4
		WHERE event = ?5 AND NOT text_known`, ch.Text.Plain, ch.Text.HTML, format(ch.Text), a.observation.ID, known)
}

// logged is the message of the history that a live message turns out to be: the
// first by its author that is in the same words, or when it came without words
// the first at that moment. 0 when there is none.
func (a *applier) logged(m newMessage) (known archive.EventID, err error) {
	if !m.at.Time.Known() || m.text == nil && m.direction != archive.Outgoing {
		return 0, nil
	}
	within := sameWords
	if m.text == nil {
		within = sameMoment
	}
	err = rows(a.conn, `SELECT event, text FROM message WHERE conversation = ? AND NOT live AND author IS ? AND time BETWEEN ? AND ?
		ORDER BY time, event`, func(r row) error {
		event := archive.EventID(r.int())
		if m.text == nil || bytes.Equal(words(r.text()), words(m.text.Plain)) {
			known = event
			return errEnough
		}
		return nil
	}, m.conversation, m.author, archive.At(m.at.Time.Add(-within)), archive.At(m.at.Time.Add(within)))
	return known, ignoreEnough(err)
}

// adopt makes a message of the history the live one that it is. Everything
// becomes as if the event channel had shown it first, but its row.
func (a *applier) adopt(known archive.EventID, m newMessage) error {
	if err := a.evidence(known, ""); err != nil {
		return err
	}
	var code, subcode, reason any
	if m.reason != nil {
		code, subcode, reason = m.reason.Code, m.reason.Subcode, m.reason.Message
	}
	if err := exec(a.conn, `UPDATE message SET live = 1, place = ?1, place_time = 0, id = ?2, href = ?3, author_name = ?4, direction = ?5,
			time = ?6, time_source = ?7, status = ?8, code = ?9, subcode = ?10, reason = ?11, changed = ?12 WHERE event = ?13`,
		a.event, m.id, m.href, m.authorName, m.direction, m.at.Time, string(m.at.Source), m.status, code, subcode, reason,
		a.observation.ID, known); err != nil {
		return err
	}
	if m.text != nil {
		if err := exec(a.conn, `UPDATE message SET text = ?, html = ?, format = ?, text_log = 0 WHERE event = ?`,
			m.text.Plain, m.text.HTML, format(m.text), known); err != nil {
			return err
		}
	}
	return a.lastMessage(m.conversation)
}

// missedItemsChange notes what the server counts as missed.
func (a *applier) missedItemsChange(ch archive.MissedItemsChange) error {
	return exec(a.conn, `INSERT OR REPLACE INTO missed_items (account, logs, missed, unread, voice_mails, unread_voice, event)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, a.account, ch.Logs, ch.Missed, ch.Unread, ch.VoiceMails, ch.UnreadVoice, a.event)
}

// doubledLink is a link that a server repeats in angle brackets when it makes
// plain text of HTML.
var doubledLink = regexp.MustCompile(`(\S+) <(\S+)>`)

// words is what a text says, whatever became of its spaces, of the form of its
// letters and of its links on the way through a client's history.
func words(text string) []byte {
	text = doubledLink.ReplaceAllStringFunc(text, func(s string) string {
		shown, link, _ := strings.Cut(s, " <")
		if strings.TrimSuffix(link, ">") == shown {
			return shown
		}
		return s
	})
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(norm.NFC.String(text)), " ")))
	return sum[:16]
}
