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

	// Wants are the resources that the body links to without embedding them.
	// They enter the list of what is to be fetched with the observation.
	Wants []Link `json:"-"`
	// Answers is the entry of that list which the observation settles; 0 for
	// none. The entry goes with the observation's commit.
	Answers FetchID `json:"-"`
}

// Link names a resource to be fetched.
type Link struct {
	Rel  string
	Href string // as the payload has it
}

// FetchID is an entry in the list of what is to be fetched.
type FetchID int64

// Fetch is a resource that a committed observation links to. The list of them
// survives a crash, so that a resource is lost only with its application.
type Fetch struct {
	ID       FetchID
	Account  string // the account's URI
	Capture  string // the life of the application in which the href is valid
	Rel      string
	Href     string
	After    ObservationID // the observation that links to it
	Attempts int           // how often it was tried in vain
}

// FetchOutcome says why a resource was not fetched.
type FetchOutcome string

// The outcomes of a fetch that brought nothing.
const (
	// FetchAgain: it failed this time and is to be tried again.
	FetchAgain FetchOutcome = "again"
	// FetchGone: the server has it no longer (404 or 410), as is usual for what
	// was short-lived.
	FetchGone FetchOutcome = "gone"
	// FetchApplicationGone: its application ended before it was fetched.
	FetchApplicationGone FetchOutcome = "application_gone"
	// FetchRefused: it is not ours to have: forbidden, or away from the server.
	FetchRefused FetchOutcome = "refused"
	// FetchFailed: it was tried too often.
	FetchFailed FetchOutcome = "failed"
)

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
	// GapAsleep: the machine slept.
	GapAsleep GapCause = "asleep"
	// GapClock: our clock was set. Nothing was missed: the interval is what the
	// clock left out, or what it went through twice.
	GapClock GapCause = "clock"
	// GapElsewhere: a conversation went on in another client of the user, which
	// no other sees. It concerns that conversation alone.
	GapElsewhere GapCause = "continues_elsewhere"
)

// Interrupts reports whether the cause is one for which the account was not
// captured at all.
func (c GapCause) Interrupts() bool { return c != GapClock && c != GapElsewhere }

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
	// Conversation is the href of the one conversation that the gap concerns;
	// "" when it concerns everything.
	Conversation string `json:"conversation,omitzero"`
}

// Risk reports whether messages may have been lost in the gap: what went on
// elsewhere was not captured however short it was, a clock that is set loses
// nothing, and in any other gap it takes RiskAfterSeconds.
func (g Gap) Risk() bool {
	switch g.Cause {
	case GapClock:
		return false
	case GapElsewhere:
		return true
	}
	return !g.To.Known() || g.To.Sub(g.From.Time).Seconds() >= RiskAfterSeconds
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
	// Polled is our clock when a P-GET was last answered with what leads on, or
	// known to be held by the server; unknown before the first.
	Polled Time `json:"polled"`
}

// SaveMessagingHistory is the policy by which an administrator wishes that
// conversations be kept or not (policies_ref.md).
const SaveMessagingHistory = "saveMessagingHistory"

// Policy is an administrator's wish as the server last told it.
type Policy struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Value   string `json:"value"` // mostly Enabled, Disabled or None
	Seen    Time   `json:"seen"`  // when it was first told with this value
	// Acknowledged is when the operator said that he knows of it; unknown while
	// he has not. A value that changes must be acknowledged again.
	Acknowledged Time `json:"acknowledged"`
}
