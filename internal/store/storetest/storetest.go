// Package storetest is the suite that every store passes. It speaks to the
// store in changes, so it tests what is kept and not how it was decoded.
package storetest

import (
	"context"
	"testing"
	"time"

	"archiver/internal/archive"
)

// Store is what the suite asks of a store.
type Store interface {
	AppendObservations(context.Context, []archive.Observation, *archive.Cursor) ([]archive.Appended, error)
	Cursor(context.Context, string) (archive.Cursor, error)
	AppendGap(context.Context, archive.Gap) (archive.GapID, error)
	CloseGap(context.Context, archive.GapID, archive.Time) error
	OpenGaps(context.Context, string) ([]archive.Gap, error)
	Fetches(context.Context, string, int) ([]archive.Fetch, error)
	NoteFetch(context.Context, archive.FetchID, archive.FetchOutcome) error
	MissedFetches(context.Context, string) (map[archive.FetchOutcome]int64, error)
	SeePolicy(context.Context, archive.Policy) (archive.Policy, error)
	AcknowledgePolicy(context.Context, string, string, archive.Time) error
	Policies(context.Context, string) ([]archive.Policy, error)
	Gaps(context.Context, string) ([]archive.Gap, error)
	UncoveredSeconds(context.Context, archive.SearchRange) (float64, error)
	Observation(context.Context, archive.ObservationID) (archive.Observation, error)
	ObservationsAfter(context.Context, archive.ObservationID, int) ([]archive.Observation, error)
	LastObservation(context.Context, string) (archive.Observation, error)
	Apply(context.Context, []archive.Batch) error
	ClearDerived(context.Context) error
	Watermarks(context.Context) (archive.Watermarks, error)
	Conversations(context.Context, archive.ConversationFilter) ([]archive.Conversation, error)
	Conversation(context.Context, string) (archive.ConversationView, error)
	Messages(context.Context, archive.MessageFilter) ([]archive.Message, error)
	MessagesChangedAfter(context.Context, archive.ObservationID, int) ([]archive.Indexable, error)
	People(context.Context) ([]archive.Person, error)
	FindPeople(context.Context, string) ([]string, error)
	FindConversations(context.Context, string) ([]string, error)
	Events(context.Context, archive.EventFilter) ([]archive.Event, error)
	Close() error
}

// The people and places of the suite.
const (
	Account = "sip:ana@contoso.example"
	conv    = "/ucwa/v1/applications/1/communication/conversations/c1"
)

var (
	ana = archive.Party{URI: Account, Name: "Ana Ruiz"}
	bo  = archive.Party{URI: "sip:bo@contoso.example", Name: "Bo Lind"}
	chi = archive.Party{URI: "sip:chi@fabrikam.example", Name: "千尋"}

	// noon is when the first observation of a test is received.
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

// Run runs the suite. open opens the archive in a directory, which may hold
// one already.
func Run(t *testing.T, open func(t testing.TB, dir string) Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"append is verbatim and once", testAppend},
		{"cursor comes with its observation", testCursor},
		{"fetched twice is seen twice", testFetched},
		{"log survives reopening", testReopen},
		{"what is to be fetched", testFetches},
		{"policies", testPolicy},
		{"gaps", testGaps},
		{"a gap that goes on", testGapThatGoesOn},
		{"a gap that becomes one", testGapThatBecomesOne},
		{"gaps of one conversation and of the clock", testElsewhere},
		{"uncovered seconds", testUncovered},
		{"gaps of a conversation", testConversationGaps},
		{"first text and its message are one", testFirstText},
		{"message without text", testTextUnknown},
		{"conversation comes back", testReopenedConversation},
		{"people come and go", testParticipants},
		{"an application outlived", testOutlived},
		{"titles", testTitles},
		{"leaving twice", testLeavingTwice},
		{"described after the end", testDescribed},
		{"group", testGroup},
		{"thread dates what has no time", testThreadTime},
		{"applying again alters nothing", testApplyTwice},
		{"rebuild equals live", testRebuild},
		{"keyset", testKeyset},
		{"names", testNames},
		{"changed messages", testChanged},
		{"a conversation of the history alone", testLogAlone},
		{"a page that nothing led to", testLostPage},
		{"an invitation in the history", testInvitationInLog},
		{"history first", testLogFirst},
		{"own words from the history", testOwnWordsFromLog},
		{"two logs of one conversation", testTwoLogs},
		{"a log that says little", testSparseLog},
		{"keyset over live and history", testMixedKeyset},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newFixture(t, open)) })
	}
}

// fixture is one archive with a clock.
type fixture struct {
	Store
	t    *testing.T
	dir  string
	open func(testing.TB, string) Store
	n    int
	log  []archive.Batch // all that was applied
}

func newFixture(t *testing.T, open func(testing.TB, string) Store) *fixture {
	f := &fixture{t: t, dir: t.TempDir(), open: open}
	f.Store = open(t, f.dir)
	t.Cleanup(func() {
		if err := f.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// observation is the next response, received a minute after the one before.
func (f *fixture) observation(body string) archive.Observation {
	f.n++
	at := noon.Add(time.Duration(f.n-1) * time.Minute)
	return archive.Observation{
		Account: Account, Source: archive.SourceCapture, Method: "GET", Status: 200, ContentType: "application/json",
		URL:     "https://pool.contoso.example/ucwa/v1/applications/1/events?ack=" + string(rune('0'+f.n%10)),
		Capture: "k1", Requested: archive.At(at.Add(-time.Second)), Received: archive.At(at), Date: archive.At(at.Truncate(time.Second)),
		Body: []byte(body),
	}
}

func (f *fixture) append(o archive.Observation) archive.Appended {
	f.t.Helper()
	a, err := f.AppendObservations(f.t.Context(), []archive.Observation{o}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return a[0]
}

// receive stores a response and applies what it changed: one event a change.
func (f *fixture) receive(changes ...archive.Change) archive.Observation {
	f.t.Helper()
	return f.receiveAs(f.observation(time.Duration(f.n).String()), changes...)
}

func (f *fixture) receiveAs(o archive.Observation, changes ...archive.Change) archive.Observation {
	f.t.Helper()
	o.ID = f.append(o).ID
	b := archive.Batch{Observation: o}
	for i, c := range changes {
		b.Events = append(b.Events, archive.Decoded{
			Event:   archive.Event{ID: archive.NewEventID(o.ID, i+1), Observation: o.ID, Position: i + 1, Kind: "test", Decoded: true},
			Changes: []archive.Change{c},
		})
	}
	f.log = append(f.log, b)
	if err := f.Apply(f.t.Context(), []archive.Batch{b}); err != nil {
		f.t.Fatal(err)
	}
	return o
}

// reopen closes the archive and opens it again.
func (f *fixture) reopen() {
	f.t.Helper()
	if err := f.Store.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.Store = f.open(f.t, f.dir)
}

// must unwraps an answer that may not fail.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (f *fixture) messages() []archive.Message {
	f.t.Helper()
	return must[[]archive.Message](f.t)(f.Messages(f.t.Context(), archive.MessageFilter{}))
}

// only is the one conversation there is, whole.
func (f *fixture) only() archive.ConversationView {
	f.t.Helper()
	all := must[[]archive.Conversation](f.t)(f.Conversations(f.t.Context(), archive.ConversationFilter{}))
	if len(all) != 1 {
		f.t.Fatalf("%d conversations, want 1", len(all))
	}
	return must[archive.ConversationView](f.t)(f.Conversation(f.t.Context(), all[0].ID))
}

// dump is everything that reads give, for comparing.
func (f *fixture) dump() any {
	f.t.Helper()
	ctx := f.t.Context()
	type all struct {
		Conversations []archive.ConversationView
		Messages      []archive.Message
		People        []archive.Person
		Events        []archive.Event
		Marks         archive.Watermarks
	}
	d := all{
		Messages: f.messages(),
		People:   must[[]archive.Person](f.t)(f.People(ctx)),
		Events:   must[[]archive.Event](f.t)(f.Events(ctx, archive.EventFilter{})),
		Marks:    must[archive.Watermarks](f.t)(f.Watermarks(ctx)),
	}
	for _, c := range must[[]archive.Conversation](f.t)(f.Conversations(ctx, archive.ConversationFilter{})) {
		d.Conversations = append(d.Conversations, must[archive.ConversationView](f.t)(f.Conversation(ctx, c.ID)))
	}
	return d
}
