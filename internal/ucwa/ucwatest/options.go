package ucwatest

import (
	"net/http"
	"time"
)

// Options change how a server behaves.
type Options struct {
	// Base is what the relative times of a scenario are relative to; the zero
	// time is the moment of starting.
	Base time.Time
	// Hold bounds how long a P-GET is parked before an empty answer; 0 obeys
	// the timeout that the client asks for.
	Hold time.Duration
	// Pace is the real time between two batches of the history; 0 plays it as
	// fast as it is acknowledged.
	Pace time.Duration
	// TokenLife is how long a token is accepted; 0 is for ever.
	TokenLife time.Duration
	// Embed puts the resource into the event when somebody joins, which most
	// servers only link to.
	Embed bool
	// Listen is the address to listen at instead of a free port of this machine.
	Listen string
	// TLS serves https with a certificate of its own.
	TLS bool
	// Forbid answers a token that is not accepted (any more) with 403 and
	// X-Ms-diagnostics 28055 instead of the challenge; both are seen.
	Forbid bool
	// Known200 answers a known endpoint's POST applications with 200, as some
	// servers do.
	Known200 bool
	// History offers conversationLogs and missedItems, as servers from 2015 on
	// do where Exchange keeps the conversations.
	History bool
	// KeepNoHistory is the administrator's policy that clients are not to save
	// what was written (saveMessagingHistory: Disabled).
	KeepNoHistory bool
	// Home is the host and port of the pool on which users are homed, when
	// autodiscovery is to lead from the host that is asked first to another one:
	// a token of the first is no good there.
	Home string
	// Ring is how long an invitation rings (30 s when 0), and how long a message
	// may wait to be fetched before its sender is told that it was not delivered.
	Ring time.Duration
	// Answer is how long somebody without a client takes to answer (200 ms).
	Answer time.Duration
	// Silence is how long an application may have no P-GET (15 min), Idle how
	// long an available one may report no activity (15 min).
	Silence, Idle time.Duration
	// MaxApplications is how many one user may have (20).
	MaxApplications int
	// JoinChallenge sends both challenges in one header line.
	JoinChallenge bool
	// Extend adds to a batch that is asked for again what has happened since;
	// otherwise it has the same bytes.
	Extend bool
	// OmitSender leaves the member out of empty answers, as some servers do.
	OmitSender bool
	// Aggregate lets what waits for a P-GET collapse, as busy servers do: of
	// several updates of a resource the last remains, of an operation its
	// completion, of somebody who came and went nothing (EventsInUCWA.md).
	Aggregate bool
	// Priorities holds events of medium priority back for as long as the client
	// lets (5 s unless it says otherwise), as servers do; without it everything
	// is sent at once (EventChannelDetails.md).
	Priorities bool
	// Lync2013 is a server of before 2015: it keeps no history, communication
	// has five links only, and a resource of version 2 is refused.
	Lync2013 bool
	// OtherClient is what another client of the account does with everything
	// that rings there, once Answer has passed: "accept" or "decline"; "" is no
	// such client. What is said where it accepted is in the history alone.
	OtherClient string
	Discovery
	Shapes
	// Fault, when set, may break any request: see Fault. Faults are asked when
	// it does not.
	Fault  func(*http.Request) Fault
	Faults []Planned
}

func (o Options) withDefaults() Options {
	o.History = o.History && !o.Lync2013
	if o.Base.IsZero() {
		o.Base = time.Now()
	}
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&o.Ring, 30 * time.Second}, {&o.Answer, 200 * time.Millisecond}, {&o.Silence, 15 * time.Minute}, {&o.Idle, 15 * time.Minute}} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	if o.MaxApplications == 0 {
		o.MaxApplications = 20
	}
	return o
}

// Discovery are the variants of the way to a token.
type Discovery struct {
	// Redirects are hosts (with their ports) that autodiscovery leads through,
	// from any other host to the first, from each to the next; the last one
	// answers. A list that ends with a host that it had before is a circle.
	Redirects []string
	// LinkOnly answers autodiscovery over http with the link to https alone.
	LinkOnly bool
	// Unhomed are addresses of people who can get a token but are not homed
	// here: the user resource is a 404 without a body.
	Unhomed []string
	// Grants are the grant types on offer by their last words: windows,
	// anonmeeting, password, passive. None are the first three. Only password
	// gets a token.
	Grants []string
	// AuthorizationURI is where a server with modern authentication sends to:
	// authorization_uri in the Bearer challenge.
	AuthorizationURI string
}

// Shapes are the variants of bodies that are seen. What a raw step sends stays
// as it is.
type Shapes struct {
	// Started tells messages as started, as documented, instead of completed
	// with Success, as recorded.
	Started bool
	// ISODates writes times as ISO 8601 instead of /Date(ms)/.
	ISODates bool
	// AbsoluteHrefs writes hrefs of an application with scheme and host.
	AbsoluteHrefs bool
	// BOM begins the bodies of an application with a UTF-8 byte order mark.
	BOM bool
	// MixedCase writes an address in two ways in turn: ana@ and Ana@.
	MixedCase bool
	// ArrayLinks writes links that may be several as arrays, even of one.
	ArrayLinks bool
	// Paths are those of older servers: "v1" for /ucwa/v1/, "v0" for
	// /ucwa/oauth/v0/ with people('…') and apostrophes as \u0027.
	Paths string
}
