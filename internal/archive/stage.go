package archive

// Appended says where an observation is in the log.
type Appended struct {
	ID  ObservationID
	New bool // false: the same bytes were there already
}

// Batch is one observation's decoded events, as the store applies them.
type Batch struct {
	Observation Observation // its Body is not needed
	Events      []Decoded
}

// Document is what the index keeps of a message beside its text: the columns
// by which hits are filtered and ordered.
type Document struct {
	Event        EventID // the message's place in the log, unique among messages
	Conversation string
	From         string // person id
	Time         Time
}

// Indexable is a message to be indexed.
type Indexable struct {
	Document
	Text    string
	Changed ObservationID // the observation that changed it last
}

// Inspection is what the raw inspector shows of one event.
type Inspection struct {
	Event       Event
	Observation Observation // with Body
	Raw         []byte      // the event's own bytes as received
	Changes     []Change    // what was decoded from it
	Neighbours  Neighbours
}
