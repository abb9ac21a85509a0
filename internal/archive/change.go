package archive

// Decoded is what decoding concluded from one event. Decoding is pure: the
// same bytes give the same Decoded.
type Decoded struct {
	Event   Event
	Changes []Change
}

// Change is one conclusion of decoding. Changes speak of resources by href;
// the store, which has seen the history, joins hrefs to conversations, people
// and messages. Applying a change again alters nothing.
type Change interface{ isChange() }

// Party is somebody as a resource or a link names him.
type Party struct {
	// URI is normalised: scheme and address in lower case, no parameters. ""
	// when the payload gives no address; Href then tells parties apart.
	URI  string
	Href string
	Name string // as displayed; "" when the payload gives none
}

// Thread is what ties conversation resources together.
type Thread struct {
	ID    string // the threadId, in any of its forms; "" when not said
	Began Time   // read out of a threadId that holds a time; else unknown
}

// ConversationChange is a conversation resource as an event showed it. Empty
// fields were not said.
type ConversationChange struct {
	Href       string
	Thread     Thread
	Subject    string
	Importance string
	State      string
	Created    Time
	Deleted    bool
}

// ParticipantChange is somebody joining, being described or leaving.
type ParticipantChange struct {
	Conversation  string // href
	Party         Party
	Local         bool
	Anonymous     bool
	Role          string
	SourceNetwork string
	Left          bool
	// Describes marks what tells of somebody without saying that he came: an
	// update, or a fetched resource, which may arrive after he has left.
	Describes bool
}

// ModalityChange is a modality of a conversation that connected or ended.
type ModalityChange struct {
	Conversation string // href
	Modality     string // messaging, phoneAudio, …
	State        string
	Reason       *Reason
}

// InvitationChange is an invitation as an event showed it.
type InvitationChange struct {
	Href         string
	Kind         string // messaging, phoneAudio, …
	Conversation string // href
	Thread       Thread
	Direction    string
	From, To     Party
	Subject      string
	Importance   string
	State        string
	Text         *Text // its first message
	Completed    bool
	Status       string
	Reason       *Reason
	Outcome      Outcome // Pending until completed
}

// MessageChange is a message as an event showed it.
type MessageChange struct {
	Href         string
	Conversation string // href
	Direction    string
	From         Party
	Time         Time
	Text         *Text // nil when the event carried none
	Status       string
	Reason       *Reason
}

// LogChange is one conversation of the server's history as it showed it. Hrefs
// of the history stand as ucwa.InApplication has them.
type LogChange struct {
	Href        string
	Transcripts string // where what was said begins; "" when not linked
	Thread      Thread
	Type        string // MessageLog, AudioLog, ConferenceLog, …
	Status      string // Archived or Missed
	Direction   string
	Subject     string
	Importance  string
	Meeting     bool // it names an online meeting
	// Created is when the log reached the server's store, not when the
	// conversation began.
	Created    Time
	Recipients []Party
}

// LogPageChange is a page of what was said in a conversation of the server's
// history; Next is the page after it, "" for the last.
type LogPageChange struct {
	Href string
	Next string
}

// LogMessageChange is a message on such a page. It carries no name by which
// the event channel knows it.
type LogMessageChange struct {
	Page      string // href
	Direction string
	From      Party
	Time      Time
	Text      *Text
	// Copy counts the messages before it on the page that are the same in
	// author, time and text.
	Copy int
}

// LogNoteChange is an entry of such a page that is no message: a call's or an
// error's. Nothing is made of it yet.
type LogNoteChange struct {
	Page     string // href
	Sort     string // audio or error
	From     Party
	Time     Time
	Status   string
	Duration string // as the server wrote it
}

// MissedItemsChange is what the server counts as missed.
type MissedItemsChange struct {
	Logs        int64 // conversation logs
	Missed      int64 // missed conversations
	Unread      int64 // of which unread
	VoiceMails  int64
	UnreadVoice int64
}

// Text is what a person wrote, decoded from its data URI.
type Text struct {
	Plain string // plain text without the final line break
	HTML  string // "" when only plain text was sent
}

func (ConversationChange) isChange() {}
func (ParticipantChange) isChange()  {}
func (ModalityChange) isChange()     {}
func (InvitationChange) isChange()   {}
func (MessageChange) isChange()      {}
func (LogChange) isChange()          {}
func (LogPageChange) isChange()      {}
func (LogMessageChange) isChange()   {}
func (LogNoteChange) isChange()      {}
func (MissedItemsChange) isChange()  {}
