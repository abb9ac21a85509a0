package archive

import "time"

// MaxPage is the largest number of rows one read returns; a limit of 0 or
// above it becomes MaxPage. Lists longer than a page go on from the last key.
const MaxPage = 1000

// ClampLimit brings a requested number of rows into 1 … MaxPage.
func ClampLimit(n int) int {
	if n <= 0 || n > MaxPage {
		return MaxPage
	}
	return n
}

// ConversationFilter selects conversations, newest activity first. Zero fields
// select everything.
type ConversationFilter struct {
	Account string // URI
	Person  string // person id of a participant
	Kind    ConversationKind
	Text    string  // part of the subject or of a participant's name or address
	Before  EventID // keyset: only conversations whose Last is smaller; 0 starts at the newest
	Limit   int
}

// MessageFilter selects messages of one conversation in the order of the log.
// With After set it reads forwards from there, with Before backwards (the
// result is in forward order all the same); with neither it starts at the first.
type MessageFilter struct {
	Conversation string
	After        EventID
	Before       EventID
	Limit        int
}

// EventFilter selects events, newest first.
type EventFilter struct {
	Account   string // URI
	Rel       string
	Undecoded bool    // only those that no decoder understood
	Before    EventID // keyset; 0 starts at the newest
	Limit     int
}

// ConversationView is what the page of one conversation shows beside its
// messages.
type ConversationView struct {
	Conversation Conversation
	Participants []Participant
	Invitations  []Invitation
	Gaps         []Gap // those between its first and last event, in order
}

// Neighbours are the events before and after one, 0 where there is none.
type Neighbours struct {
	Previous, Next EventID
}

// Watermarks are the last observations that each stage has finished.
type Watermarks struct {
	Stored  ObservationID `json:"stored"`
	Decoded ObservationID `json:"decoded"`
	Indexed ObservationID `json:"indexed"`
}

// State is where the capture of an account stands. Only StateCapturing is well.
type State string

// The states of an account's capture.
const (
	// StateCapturing: a process captures it, and was answered not long ago.
	StateCapturing State = "capturing"
	// StateInterrupted: a process tries to capture it, in vain at present.
	StateInterrupted State = "interrupted"
	// StateStale: a process says that it captures it, and was not answered for
	// StaleAfterSeconds.
	StateStale State = "stale"
	// StateStopped: no process captures it.
	StateStopped State = "stopped"
	// StateImported: it was never captured.
	StateImported State = "imported"
)

// StaleAfterSeconds is after how long without an answered P-GET an account is
// not captured, whatever a process says: twice as long as a server holds one
// (EventChannelDetails.md).
const StaleAfterSeconds = 360

// Status is the state of one account's capture.
type Status struct {
	Account    string     `json:"account"`
	State      State      `json:"state"`
	Cursor     string     `json:"cursor"`
	LastPoll   Time       `json:"last_poll"`
	LastEvent  Time       `json:"last_event"`
	LagSeconds *float64   `json:"lag_seconds"` // since LastPoll; null when never polled
	Watermarks Watermarks `json:"watermarks"`
	Gaps       int64      `json:"gaps"`
	Undecoded  int64      `json:"undecoded"` // events that no decoder understood
	Failed     int64      `json:"failed"`    // events whose decoding failed
	DiskBytes  int64      `json:"disk_bytes"`
	// History says whether the server keeps a conversation history to fill
	// gaps from; LastBackfill is our clock when it was last read to its end.
	History      Availability `json:"history"`
	LastBackfill Time         `json:"last_backfill"`
	// BackfillTrouble is what last went wrong with that, in codes.
	BackfillTrouble string `json:"backfill_trouble"`
	// Reconciled compares the server's counts with the archive; null while the
	// server has given none.
	Reconciled *HistoryCount `json:"reconciled"`
	// Policies are the administrator's wishes that concern the archive, with
	// when the operator acknowledged them.
	Policies []Policy `json:"policies,omitempty"`
}

// Totals counts the archive.
type Totals struct {
	Observations  int64 `json:"observations"`
	Events        int64 `json:"events"`
	Conversations int64 `json:"conversations"`
	Messages      int64 `json:"messages"`
	Invitations   int64 `json:"invitations"`
	People        int64 `json:"people"`
	Gaps          int64 `json:"gaps"`
}

// Sort orders the hits of a search.
type Sort string

// The orders of search hits.
const (
	SortNewest    Sort = "newest"
	SortOldest    Sort = "oldest"
	SortRelevance Sort = "relevance"
)

// SearchRequest asks for messages.
type SearchRequest struct {
	Query  string
	Sort   Sort           // "" is newest
	Limit  int            // hits wanted; below 0 is all of them
	Offset int            // hits to pass over
	Zone   *time.Location // the reader's time zone, which dates in the query mean; nil is UTC
	Now    time.Time      // what relative dates are relative to
}

// SearchResult is a page of hits with what it was searched in.
type SearchResult struct {
	Query  string      `json:"query"`
	Parsed string      `json:"parsed"` // canonical form of what was understood
	Range  SearchRange `json:"range"`
	Total  int64       `json:"total"` // exact
	TookMS float64     `json:"took_ms"`
	Index  IndexState  `json:"index"`
	Hits   []Hit       `json:"-"`
	// UncoveredSeconds is how much of the range was not captured.
	UncoveredSeconds float64 `json:"uncovered_seconds"`
}

// SearchRange is the resolved range of a query: After inclusive, Before
// exclusive; unknown where it is open.
type SearchRange struct {
	After  Time `json:"after"`
	Before Time `json:"before"`
}

// IndexState says what was searched.
type IndexState struct {
	Documents int64 `json:"documents"`
	Behind    int64 `json:"behind"` // observations decoded but not yet indexed
}

// Hit is a message that a search found.
type Hit struct {
	Message
	// ConversationTitle is its conversation's subject, or its participants' names.
	ConversationTitle string  `json:"conversation_title"`
	Score             float64 `json:"score"`
	// Snippet is HTML-escaped text in which only <mark> is markup.
	Snippet string `json:"snippet"`
}
