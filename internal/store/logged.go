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
		WHERE m.conversation = ? AND m.live IN (0, 1) AND m.time BETWEEN ? AND ? AND +m.author IS ? ORDER BY m.time, m.place, m.place_time, m.event`,
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
	err = rows(a.conn, `SELECT event, text FROM message WHERE conversation = ? AND live = 0 AND +author IS ? AND time BETWEEN ? AND ?
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
