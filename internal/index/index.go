package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"

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

// Index is an open index. Searches may run while Follow writes.
type Index struct {
	dir    string
	src    Source
	logger *slog.Logger

	readOnly bool

	follow sync.Mutex // held while the index is written or taken anew

	mu      sync.RWMutex // guards what follows
	path    string       // the generation in use
	bleve   bleve.Index
	mark    archive.ObservationID
	columns *columns
	opened  time.Time // when the snapshot in use was taken, if it is one
}

// markKey is where the watermark stands inside the index, written in the batch
// that it speaks of.
var markKey = []byte("watermark")

// Open opens the index below dir for writing and brings it up to date. One that
// is missing, of another form, damaged, or not what the store holds is made
// anew.
func Open(ctx context.Context, dir string, src Source, opt Options) (*Index, error) {
	x := newIndex(dir, src, opt)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("index: open: %w", err)
	}
	err := x.openNewest(ctx, nil)
	if errors.Is(err, archive.ErrConflict) {
		return nil, fmt.Errorf("index: open: %w", err)
	}
	if err != nil {
		x.logger.Info("index is made anew", "err", err)
		if err := x.Rebuild(ctx, nil); err != nil {
			return nil, err
		}
		return x, nil
	}
	if err := x.Follow(ctx); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func newIndex(dir string, src Source, opt Options) *Index {
	x := &Index{dir: dir, src: src, logger: opt.Logger, columns: newColumns()}
	if x.logger == nil {
		x.logger = slog.New(slog.DiscardHandler)
	}
	return x
}

// generations are the directories of this form, oldest first.
func (x *Index) generations() []string {
	all, err := filepath.Glob(filepath.Join(x.dir, mappingHash()+"-*"))
	if err != nil {
		return nil
	}
	slices.SortFunc(all, func(a, b string) int { return generation(a) - generation(b) })
	return all
}

func generation(path string) int {
	_, n, _ := strings.Cut(filepath.Base(path), "-")
	g, _ := strconv.Atoi(n) // a name of another form is generation 0
	return g
}

// openNewest opens the newest generation and holds it against the store.
func (x *Index) openNewest(ctx context.Context, config map[string]any) error {
	all := x.generations()
	if len(all) == 0 {
		return fmt.Errorf("no index: %w", archive.ErrNotFound)
	}
	path := all[len(all)-1]
	if err := checkSums(path); err != nil {
		return err
	}
	b, err := openBleve(path, config)
	if err != nil {
		return err
	}
	mark, err := readMark(b)
	if err == nil {
		err = x.check(ctx, b, mark)
	}
	if err != nil {
		return errors.Join(err, b.Close())
	}
	x.path, x.bleve, x.mark = path, b, mark
	return x.loadColumns(ctx)
}

// openBleve opens an index, waiting a moment for one that is in use.
func openBleve(path string, config map[string]any) (b bleve.Index, err error) {
	defer recovered(&err)
	// Bleve maps its files: one that is shorter than it says faults on reading.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	c := map[string]any{"bolt_timeout": "300ms"}
	for k, v := range config {
		c[k] = v
	}
	b, err = bleve.OpenUsing(path, c)
	if err != nil && strings.Contains(err.Error(), "timeout") {
		return nil, fmt.Errorf("another process uses the index: %w", archive.ErrConflict)
	}
	return b, err
}

// recovered turns a panic of Bleve, which damaged files cause, into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("index: the index is damaged (%v): %w", v, archive.ErrUnavailable)
	}
}

func readMark(b bleve.Index) (mark archive.ObservationID, err error) {
	defer recovered(&err)
	v, err := b.GetInternal(markKey)
	if err != nil || len(v) != 8 {
		return 0, err
	}
	return archive.ObservationID(binary.BigEndian.Uint64(v)), nil
}

// check compares an index with the store: it may not be ahead, and must hold as
// many messages as the store has up to its watermark.
func (x *Index) check(ctx context.Context, b bleve.Index, mark archive.ObservationID) (err error) {
	defer recovered(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	marks, err := x.src.Watermarks(ctx)
	if err != nil {
		return err
	}
	if mark > marks.Decoded {
		return fmt.Errorf("the index is ahead of the store: %w", archive.ErrConflict)
	}
	have, err := b.DocCount()
	if err != nil {
		return err
	}
	want := uint64(0)
	if err := x.src.Documents(ctx, func(d archive.Document) error {
		if d.Event.Observation() <= mark {
			want++
		}
		return nil
	}); err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("the index holds %d messages of %d: %w", have, want, archive.ErrConflict)
	}
	return nil
}

// Watermark is the last observation whose messages are indexed.
func (x *Index) Watermark() archive.ObservationID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.mark
}

// Close ends the index; what Follow has done is on disk.
func (x *Index) Close() (err error) {
	defer recovered(&err)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bleve == nil {
		return nil
	}
	err = x.bleve.Close()
	x.bleve = nil
	return err
}
