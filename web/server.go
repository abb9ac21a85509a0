package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"archiver/internal/archive"
	"archiver/web/static"
)

// Reader is what pages read of an archive. Its methods are called from many
// goroutines; each sees one state of the archive. A thing that is not there is
// an error wrapping archive.ErrNotFound.
type Reader interface {
	Conversations(context.Context, archive.ConversationFilter) ([]archive.Conversation, error)
	Conversation(ctx context.Context, id string) (archive.ConversationView, error)
	Messages(context.Context, archive.MessageFilter) ([]archive.Message, error)
	Message(ctx context.Context, id string) (archive.Message, error)
	MessageAt(ctx context.Context, conversation string, at archive.Time) (archive.EventID, error)
	MessagesByEvent(context.Context, []archive.EventID) ([]archive.Message, error)
	Events(context.Context, archive.EventFilter) ([]archive.Event, error)
	Observation(context.Context, archive.ObservationID) (archive.Observation, error)
	People(context.Context) ([]archive.Person, error)
	Person(ctx context.Context, id string) (archive.Person, error)
	Gaps(ctx context.Context, account string) ([]archive.Gap, error)
	Accounts(context.Context) ([]archive.Account, error)
	Status(context.Context) ([]archive.Status, error)
	Totals(context.Context) (archive.Totals, error)
	Watermarks(context.Context) (archive.Watermarks, error)
}

// Searcher finds messages. A query that cannot be understood is an error
// wrapping archive.ErrInvalid that also has a method Position() int, the byte
// offset of what is wrong, and whose own text is fit for people.
type Searcher interface {
	Search(context.Context, archive.SearchRequest) (archive.SearchResult, error)
}

// Inspector shows an event with its bytes and what is decoded from them.
type Inspector interface {
	Inspect(context.Context, archive.EventID) (archive.Inspection, error)
}

// Config is what the pages need.
type Config struct {
	Archive Reader
	Search  Searcher
	Inspect Inspector
	Logger  *slog.Logger // nil discards
	// Hosts are the values of the Host header that are answered, exactly and
	// with their port. A name that resolves to this machine but is not listed
	// is somebody else's (DNS rebinding).
	Hosts []string
	Now   func() time.Time // nil is time.Now
	// Watch sends whenever the archive may have grown, until ctx ends. With
	// nil the watermarks are looked at once a second.
	Watch func(ctx context.Context) <-chan struct{}
	// Done, when it is not nil, is closed when the server is to stop: pages
	// that are watched live would hold it open.
	Done    <-chan struct{}
	Version string
}

// site is the handlers with what they share. It is not changed after New.
type site struct {
	Config
	assets *static.Assets
}

// New is the handler of all pages.
func New(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	assets, err := static.New()
	if err != nil { // the files are inside the program
		panic(err)
	}
	s := &site{Config: c, assets: assets}
	return s.guard(s.mux())
}
