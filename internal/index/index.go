package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"archiver/internal/archive"
)

// Source is what the index reads of the store.
type Source interface {
	Watermarks(context.Context) (archive.Watermarks, error)
	MessagesChangedAfter(ctx context.Context, after archive.ObservationID, limit int) ([]archive.Indexable, error)
	MessagesByEvent(context.Context, []archive.EventID) ([]archive.Message, error)
	Documents(context.Context, func(archive.Document) error) error
	FindPeople(ctx context.Context, text string) ([]string, error)
	FindConversations(ctx context.Context, text string) ([]string, error)
	ConversationTitles(ctx context.Context, ids []string) (map[string]string, error)
	UncoveredSeconds(context.Context, archive.SearchRange) (float64, error)
}

// Options of Open.
type Options struct {
	Logger *slog.Logger // nil discards
}

// Index is an open index. Its methods may be called concurrently: searches run
// while Follow and Rebuild write, and none waits for them.
type Index struct {
	dir      string
	src      Source
	logger   *slog.Logger
	readOnly bool
	copied   bool // dir is a reader's own copy

	follow sync.Mutex             // held while the index is written or taken anew
	sums   map[string]fs.FileInfo // segments of a reader found whole; guarded by follow

	mu      sync.RWMutex // guards what follows, not what it points to
	current *generation  // nil when closed, or when writing failed
	mark    archive.ObservationID
	columns *columns
	closed  bool
	looked  time.Time // when a reader last looked for a newer snapshot
}

var (
	errClosed   = fmt.Errorf("the index is closed: %w", archive.ErrUnavailable)
	errReadOnly = fmt.Errorf("the index is open for reading only: %w", archive.ErrInvalid)
)

// Open opens the index below dir for writing and brings it up to date. One that
// is missing, of another form, damaged, or not what the store holds is made
// anew. One that another process writes is archive.ErrConflict.
func Open(ctx context.Context, dir string, src Source, opt Options) (*Index, error) {
	x := newIndex(dir, src, opt)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("index: open: %w", err)
	}
	x.sweep()
	x.follow.Lock()
	err := x.reopen(ctx)
	x.follow.Unlock()
	if err != nil {
		return nil, fmt.Errorf("index: open: %w", err)
	}
	if err := x.Follow(ctx); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func newIndex(dir string, src Source, opt Options) *Index {
	x := &Index{dir: dir, src: src, logger: opt.Logger}
	if x.logger == nil {
		x.logger = slog.New(slog.DiscardHandler)
	}
	return x
}

// reopen opens the newest generation, or makes one. x.follow is held.
func (x *Index) reopen(ctx context.Context) error {
	g, mark, err := x.openNewest(ctx, nil)
	if errors.Is(err, errInUse) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		x.logger.Info("index is made anew", "err", err)
		return x.rebuild(ctx, nil)
	}
	c, err := loadColumns(ctx, x.src, everything)
	if err != nil {
		return errors.Join(err, g.close())
	}
	x.use(g, mark, c)
	return x.removeOthers(g.path)
}

// use puts a generation in the place of the one in use and closes that, when
// the searches in it are done.
func (x *Index) use(g *generation, mark archive.ObservationID, c *columns) {
	x.mu.Lock()
	old, closed := x.current, x.closed
	if closed { // meanwhile
		old = g
	} else {
		x.current, x.mark, x.columns = g, mark, c
	}
	x.mu.Unlock()
	if err := old.close(); err != nil {
		x.logger.Warn("close the old index", "err", err)
	}
}

// fail gives up a generation that could not be written: what Bleve still tells
// of it may never reach the disk. The next Follow opens what is there.
func (x *Index) fail(g *generation) {
	x.mu.Lock()
	if x.current == g {
		x.current = nil
	}
	x.mu.Unlock()
	if err := g.close(); err != nil {
		x.logger.Warn("close an index that failed", "err", err)
	}
}

// Watermark is the last observation whose messages are indexed.
func (x *Index) Watermark() archive.ObservationID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.mark
}

// Close ends the index, after the searches that run; what Follow has done is on
// disk.
func (x *Index) Close() error {
	x.mu.Lock()
	g := x.current
	x.current, x.closed = nil, true
	x.mu.Unlock()
	return g.close()
}
