package archive

// Source says how an observation came into the archive.
type Source string

// The sources of an observation.
const (
	// SourceCapture: a P-GET response of the event channel.
	SourceCapture Source = "capture"
	// SourceFetch: a resource that an event linked to without embedding it.
	SourceFetch Source = "fetch"
	// SourceBackfill: a resource of the server's conversation history.
	SourceBackfill Source = "backfill"
	// SourceImport: a body read from a file.
	SourceImport Source = "import"
)

// Observation is the verbatim body of one response with what is known about
// how it was obtained. It is the only truth of the archive: everything else is
// made from observations and gaps and can be made again.
type Observation struct {
	ID      ObservationID `json:"id"`
	Account string        `json:"account"` // the account's URI
	Source  Source        `json:"source"`
	Method  string        `json:"method"` // "GET"; "" for an imported body
	URL     string        `json:"url"`    // as requested; for an imported body its self link
	Status  int           `json:"status"` // HTTP status; 0 for an imported body
	// Requested and Received are our clock when the request left and when the
	// body was complete; unknown for an imported body.
	Requested   Time   `json:"requested"`
	Received    Time   `json:"received"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"` // lower-case hex, of Body
	ContentType string `json:"content_type"`
	// Date is the server's clock: its HTTP Date header.
	Date Time `json:"date"`
	// Capture names one life of an application (see docs/glossary.md), so that
	// equal hrefs of two applications are told apart; "" for imported bodies.
	Capture string `json:"capture"`
	Body    []byte `json:"-"`
}

// Reason is UCWA's error object: why something failed or was changed.
type Reason struct {
	Code    string `json:"code"`
	Subcode string `json:"subcode"`
	Message string `json:"message"`
}

// Event is one entry of an observation, as the server sent it.
type Event struct {
	ID          EventID       `json:"id"`
	Observation ObservationID `json:"observation"`
	Position    int           `json:"position"` // from 1 within the observation
	Sender      string        `json:"sender"`   // the sender's rel
	SenderHref  string        `json:"sender_href"`
	Type        string        `json:"type"`
	Rel         string        `json:"rel"`
	Href        string        `json:"href"`
	Title       string        `json:"title"`
	In          string        `json:"in"` // rel of the collection or parent concerned
	InHref      string        `json:"in_href"`
	Status      string        `json:"status"`
	Reason      *Reason       `json:"reason"`
	Embedded    bool          `json:"embedded"` // whether the resource came with the event
	Decoded     bool          `json:"decoded"`  // whether a decoder understood it
	Kind        string        `json:"kind"`     // the decoder's name for it; "unknown" when none knows it
	Error       string        `json:"error"`    // why decoding failed; "" when it did not
}

// GapCause says why an interval was not captured.
type GapCause string

// The causes of a gap.
const (
	// GapStopped: the archiver was not running.
	GapStopped GapCause = "stopped"
	// GapUnreachable: the server did not answer.
	GapUnreachable GapCause = "unreachable"
	// GapApplicationGone: the server had ended the application (404 or 410).
	GapApplicationGone GapCause = "application_gone"
	// GapResync: the server said that the event channel lost its place.
	GapResync GapCause = "resync"
	// GapResume: the server closed conversations after a long silence.
	GapResume GapCause = "resume"
	// GapUnauthorized: the server refused our credentials.
	GapUnauthorized GapCause = "unauthorized"
	// GapStorage: the store refused a commit, so nothing could be acknowledged.
	GapStorage GapCause = "storage"
)

// RiskAfterSeconds is how long a server keeps an incoming message that no
// P-GET fetches before it gives up and tells the sender (message_ref.md of
// Microsoft's UCWA documentation).
const RiskAfterSeconds = 30

// Gap is an interval in which nothing was captured for an account. An open gap
// has no To.
type Gap struct {
	ID         GapID    `json:"id"`
	Account    string   `json:"account"`
	Cause      GapCause `json:"cause"`
	From       Time     `json:"from"`
	To         Time     `json:"to"`
	Seconds    float64  `json:"seconds"` // To − From; 0 while open
	AtRisk     bool     `json:"at_risk"` // whether messages may have been lost
	Backfilled bool     `json:"backfilled"`
	// After is the last observation before the gap, which gives its place in
	// the log; 0 when there is none.
	After ObservationID `json:"after,omitzero"`
}

// Cursor is where capture goes on for an account after a restart.
type Cursor struct {
	Account     string `json:"account"`
	Application string `json:"application"` // absolute URL of the application resource
	Next        string `json:"next"`        // absolute URL of the next P-GET
	EndpointID  string `json:"endpoint_id"`
	Capture     string `json:"capture"`
	// Updated is our clock at the commit that set Next.
	Updated Time `json:"updated"`
}
