package archive

// Account is somebody whose history is archived.
type Account struct {
	ID           string `json:"id"`
	URI          string `json:"uri"`
	Name         string `json:"name"`   // the newest name seen; "" when none was
	Server       string `json:"server"` // origin it was captured from; "" when imported
	First        Time   `json:"first"`  // received time of its first and last observation
	Last         Time   `json:"last"`
	Observations int64  `json:"observations"`
}

// ConversationKind says what sort of conversation it is.
type ConversationKind string

// The kinds of a conversation.
const (
	Direct  ConversationKind = "direct"
	Group   ConversationKind = "group"
	Meeting ConversationKind = "meeting"
)

// Conversation is everything that one threadId ties together, however many
// conversation resources it took.
type Conversation struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Thread  string `json:"thread"`
	Subject string `json:"subject"`
	// Title names it for people: its subject, else who took part beside the
	// account, else whom an invitation was from or to.
	Title         string           `json:"title"`
	Kind          ConversationKind `json:"kind"`
	Importance    string           `json:"importance"`
	State         string           `json:"state"`
	Started       Time             `json:"started"`
	StartedSource TimeSource       `json:"started_source"`
	Ended         Time             `json:"ended"`
	EndedSource   TimeSource       `json:"ended_source"` // "" while it goes on
	Participants  []Member         `json:"participants"`
	Messages      int64            `json:"messages"`
	Gaps          int64            `json:"gaps"` // gaps between its first and last event
	// First and Last are the first and last event that touched it: its place
	// in the log.
	First EventID `json:"first_event"`
	Last  EventID `json:"last_event"`
	// LastTime and LastMessage describe the newest message; both empty when
	// there is none or its time is unknown.
	LastTime    Time   `json:"last_time"`
	LastMessage string `json:"last_message"`
}

// Member is a participant as its conversation names it.
type Member struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	Local  bool   `json:"local"`
	Role   string `json:"role"`
}

// Participant is one stay of one person in one conversation.
type Participant struct {
	Conversation  string     `json:"conversation"`
	Person        string     `json:"person"`
	URI           string     `json:"uri"`
	Name          string     `json:"name"`
	Local         bool       `json:"local"`
	Anonymous     bool       `json:"anonymous"`
	Role          string     `json:"role"`
	SourceNetwork string     `json:"source_network"`
	Joined        Time       `json:"joined"`
	JoinedSource  TimeSource `json:"joined_source"`
	Left          Time       `json:"left"`
	LeftSource    TimeSource `json:"left_source"` // "" while present
	JoinedEvent   EventID    `json:"joined_event"`
	LeftEvent     EventID    `json:"left_event,omitzero"`
}

// Outcome is how an invitation ended.
type Outcome string

// The outcomes of an invitation.
const (
	Accepted       Outcome = "accepted"
	Declined       Outcome = "declined"
	Missed         Outcome = "missed"
	Cancelled      Outcome = "cancelled"
	Failed         Outcome = "failed"
	EndedElsewhere Outcome = "ended_elsewhere"
	Pending        Outcome = "pending"
)

// Invitation is an operation that asks somebody into a conversation.
type Invitation struct {
	ID              string     `json:"id"`
	Conversation    string     `json:"conversation"`
	Kind            string     `json:"kind"` // messaging, phoneAudio, audioVideo, …
	Direction       string     `json:"direction"`
	From            string     `json:"from"` // person id
	FromURI         string     `json:"from_uri"`
	FromName        string     `json:"from_name"`
	To              string     `json:"to"` // person id
	ToURI           string     `json:"to_uri"`
	ToName          string     `json:"to_name"`
	Subject         string     `json:"subject"`
	Importance      string     `json:"importance"`
	Message         string     `json:"message"`    // its first text; "" when it carried none
	MessageID       string     `json:"message_id"` // the message that text is
	State           string     `json:"state"`
	Outcome         Outcome    `json:"outcome"`
	Status          string     `json:"status"`
	Code            string     `json:"code"`
	Subcode         string     `json:"subcode"`
	Reason          string     `json:"reason"`
	Started         Time       `json:"started"`
	StartedSource   TimeSource `json:"started_source"`
	Completed       Time       `json:"completed"`
	CompletedSource TimeSource `json:"completed_source"` // "" while pending
	StartedEvent    EventID    `json:"started_event"`
	CompletedEvent  EventID    `json:"completed_event,omitzero"`
}

// Directions of a message or an invitation, in UCWA's words.
const (
	Incoming = "Incoming"
	Outgoing = "Outgoing"
)

// Message is one text that one person wrote.
type Message struct {
	ID           string     `json:"id"`
	Conversation string     `json:"conversation"`
	From         string     `json:"from"` // person id
	FromURI      string     `json:"from_uri"`
	FromName     string     `json:"from_name"`
	Direction    string     `json:"direction"`
	Time         Time       `json:"time"`
	TimeSource   TimeSource `json:"time_source"`
	Format       string     `json:"format"` // plain or html: which form the server sent; "" when no text came
	Text         string     `json:"text"`   // plain text without the final line break
	HTML         string     `json:"html"`   // as sent; never safe to render as it is
	// TextKnown is false for a message whose text no event carried, as for
	// those sent from another client.
	TextKnown bool    `json:"text_known"`
	Status    string  `json:"status"`
	Reason    *Reason `json:"reason"`
	// Event is the first event that showed the message; Events are all of
	// them, and Evidence says of each how it came.
	Event      EventID    `json:"event"`
	Events     []EventID  `json:"events"`
	Provenance Provenance `json:"provenance"`
	Evidence   []Evidence `json:"evidence"`
	// Place is where the message stands among the events of its conversation:
	// its first live event, or the live message it came after when only the
	// server's history shows it (0 when it came before all).
	Place EventID `json:"-"`
}

// Provenance says how something came into the archive.
type Provenance string

// The provenances.
const (
	ProvenanceLive Provenance = "live" // through the event channel, as it happened
	ProvenanceLog  Provenance = "log"  // from the server's conversation history
	ProvenanceBoth Provenance = "both"
)

// Evidence is one event that shows a thing.
type Evidence struct {
	Event      EventID    `json:"event"`
	Provenance Provenance `json:"provenance"` // live or log
}

// Person is somebody seen in conversations, known by an address.
type Person struct {
	ID            string   `json:"id"`
	URI           string   `json:"uri"`
	Names         []string `json:"names"` // every name seen, newest first
	Addresses     []string `json:"addresses"`
	Conversations int64    `json:"conversations"`
	Messages      int64    `json:"messages"`
	First         Time     `json:"first"` // received or server time of the first and last sight
	Last          Time     `json:"last"`
}

// Name is the newest name seen, or the address when there is none.
func (p Person) Name() string {
	if len(p.Names) > 0 {
		return p.Names[0]
	}
	return p.URI
}
