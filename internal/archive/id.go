package archive

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
)

// Kinds of identifiers that are derived from payloads alone, so the same
// payloads give the same ids after a rebuild or on another machine.
const (
	prefixAccount      = "a:"
	prefixConversation = "c:"
	prefixMessage      = "m:"
	prefixPerson       = "p:"
	prefixInvitation   = "i:"
)

// derive makes an identifier from parts. 80 bits keep the chance of a
// collision among a hundred million ids below one in a hundred million.
func derive(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	enc := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return prefix + enc.EncodeToString(h.Sum(nil)[:10])
}

// AccountID identifies the account with this address.
func AccountID(uri string) string { return derive(prefixAccount, uri) }

// PersonID identifies the party with this normalised address.
func PersonID(uri string) string { return derive(prefixPerson, uri) }

// ConversationID identifies a conversation of an account by its threadId, or
// by its href where the server gave no threadId.
func ConversationID(account, thread, href string) string {
	if thread != "" {
		return derive(prefixConversation, account, "thread", thread)
	}
	return derive(prefixConversation, account, "href", href)
}

// MessageID identifies a message by the account and the href that first
// carried its text: the message's own or its invitation's.
func MessageID(account, href string) string { return derive(prefixMessage, account, href) }

// LoggedMessageID identifies a message that only the server's history shows. It
// has no href, so it is known by its conversation, author, time and words; n
// counts those that are the same in all of these.
func LoggedMessageID(conversation string, from Party, at Time, words string, n int) string {
	when := ""
	if at.Known() {
		when = strconv.FormatInt(at.Nanos(), 10)
	}
	return derive(prefixMessage, conversation, "log", from.URI, from.Href, when, words, strconv.Itoa(n))
}

// InvitationID identifies an invitation by its account and href.
func InvitationID(account, href string) string { return derive(prefixInvitation, account, href) }

// ObservationID is the position of an observation in this archive's log,
// counted from 1. Its text form is "o:12".
type ObservationID int64

// String is the text form, such as "o:12".
func (id ObservationID) String() string { return "o:" + strconv.FormatInt(int64(id), 10) }

// MarshalText writes the text form.
func (id ObservationID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *ObservationID) UnmarshalText(b []byte) error {
	n, err := parsePosition("o:", string(b))
	*id = ObservationID(n)
	return err
}

// GapID is the position of a gap in this archive's log. Its text form is "g:3".
type GapID int64

// String is the text form, such as "g:3".
func (id GapID) String() string { return "g:" + strconv.FormatInt(int64(id), 10) }

// MarshalText writes the text form.
func (id GapID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *GapID) UnmarshalText(b []byte) error {
	n, err := parsePosition("g:", string(b))
	*id = GapID(n)
	return err
}

// positionBits leaves room for a million events in one observation, more than
// the largest body that is accepted can hold.
const positionBits = 20

// EventID is the position of an event in this archive's log: the observation
// it came in and its place there, counted from 1 across all senders. It orders
// events as the server sent them. Its text form is "e:12.3".
type EventID int64

// NewEventID is the id of the event at a position of an observation.
func NewEventID(o ObservationID, position int) EventID {
	return EventID(int64(o)<<positionBits | int64(position))
}

// Observation is the observation that holds the event.
func (id EventID) Observation() ObservationID { return ObservationID(id >> positionBits) }

// Position is the event's place in its observation, counted from 1.
func (id EventID) Position() int { return int(id & (1<<positionBits - 1)) }

// String is the text form, such as "e:12.3".
func (id EventID) String() string {
	return fmt.Sprintf("e:%d.%d", int64(id.Observation()), id.Position())
}

// MarshalText writes the text form.
func (id EventID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *EventID) UnmarshalText(b []byte) error {
	rest, ok := strings.CutPrefix(string(b), "e:")
	obs, pos, dotted := strings.Cut(rest, ".")
	o, err1 := strconv.ParseInt(obs, 10, 64-positionBits)
	p, err2 := strconv.ParseInt(pos, 10, positionBits+1)
	if !ok || !dotted || err1 != nil || err2 != nil || o < 1 || p < 1 || p >= 1<<positionBits {
		return fmt.Errorf("archive: event id %q is not of the form e:12.3: %w", b, ErrInvalid)
	}
	*id = NewEventID(ObservationID(o), int(p))
	return nil
}

func parsePosition(prefix, s string) (int64, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	n, err := strconv.ParseInt(rest, 10, 64)
	if !ok || err != nil || n < 1 {
		return 0, fmt.Errorf("archive: id %q is not of the form %s12: %w", s, prefix, ErrInvalid)
	}
	return n, nil
}
