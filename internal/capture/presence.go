package capture

import (
	"fmt"

	"archiver/internal/archive"
)

// Presence is what capture is to the user's other clients. A UCWA application
// is one more endpoint of the user and not a tap on his line: whoever accepts an
// invitation owns the conversation, and what is answered or written elsewhere is
// never seen live (messagingInvitation_ref.md, makeMeAvailable_ref.md).
type Presence string

// What capture can be.
const (
	// PresenceAvailable: it is available, receives invitations with their first
	// text and their outcome, and never accepts or declines. The default.
	PresenceAvailable Presence = "available"
	// PresenceAccept: it is available and accepts invitations to write and to
	// meet, so that everything is recorded and no other client of the user gets
	// the conversation. For accounts that exist to be recorded.
	PresenceAccept Presence = "accept"
	// PresenceObserve: it is never available and receives nothing that comes
	// in. What the server's history keeps is all there is.
	PresenceObserve Presence = "observe"
)

// Presences lists what capture can be, the default first.
func Presences() []Presence {
	return []Presence{PresenceAvailable, PresenceAccept, PresenceObserve}
}

// known is p, or the default for "". Anything else is archive.ErrInvalid.
func (p Presence) known() (Presence, error) {
	if p == "" {
		return PresenceAvailable, nil
	}
	for _, k := range Presences() {
		if p == k {
			return p, nil
		}
	}
	return p, fmt.Errorf("presence %q is none of available, accept and observe: %w", p, archive.ErrInvalid)
}

// Describe tells a person what capture will be with a presence, what contacts
// will see and what will be missed, in a few lines without a final line break.
// signInAs is what contacts see (Config.SignInAs).
func Describe(p Presence, signInAs string) string {
	shown := "as available, as far as the server shows it"
	if signInAs != "" {
		shown = "as " + signInAs
	}
	switch p {
	case PresenceAccept:
		return fmt.Sprintf(`archiver signs in as one more client of this account and accepts for it (accept).
  Contacts see the account %s while archiver runs. Invitations to write or to
  meet are accepted at once, so your other clients do not get these conversations.
  Missed: what you begin or answer in another client, calls, and what happens while
  archiver does not run.`, shown)
	case PresenceObserve:
		return `archiver signs in as one more client of this account and only looks on (observe).
  Contacts see nothing of it. It gets no invitations and no messages.
  Missed: everything live. What is archived is what the server keeps as history,
  where it keeps any.`
	}
	return fmt.Sprintf(`archiver signs in as one more client of this account and answers nothing (available).
  Contacts see the account %s while archiver runs. It receives invitations with
  their first text and how they ended, accepts nothing and declines nothing.
  Missed: what you write or answer in another client, except where the server keeps
  history, and what happens while archiver does not run.`, shown)
}
