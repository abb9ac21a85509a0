package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"archiver/internal/archive"
)

// generation is one index on disk, in the directory <form>-<number>.
type generation struct {
	path  string
	bleve bleve.Index
	// inUse is held for reading by searches and for writing to close.
	inUse  sync.RWMutex
	closed bool // guarded by inUse
}

// errInUse: another process has the index open for writing.
var errInUse = fmt.Errorf("another process uses the index: %w", archive.ErrConflict)

// everything is the watermark of no bound.
const everything = archive.ObservationID(math.MaxInt64)

// markKey is where the watermark stands inside the index, written in the batch
// that it speaks of.
var markKey = []byte("watermark")

// close waits for the searches that run. Closing again, or nothing, does
// nothing.
func (g *generation) close() (err error) {
	if g == nil {
		return nil
	}
	g.inUse.Lock()
	defer g.inUse.Unlock()
	defer recovered(&err)
	if g.closed {
		return nil
	}
	g.closed = true
	return g.bleve.Close()
}

// recovered turns a panic of Bleve, which damaged files cause, into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("index: the index is damaged (%v): %w", v, archive.ErrUnavailable)
	}
}

// generations are the directories of this form, oldest first.
func (x *Index) generations() []string {
	all, err := filepath.Glob(filepath.Join(x.dir, mappingHash()+"-*"))
	if err != nil {
		return nil
	}
	slices.SortFunc(all, func(a, b string) int { return generationNumber(a) - generationNumber(b) })
	return all
}

func generationNumber(path string) int {
	_, n, _ := strings.Cut(filepath.Base(path), "-")
	g, _ := strconv.Atoi(n) // a name of another form is generation 0
	return g
}

// openNewest opens the newest generation and holds it against the store. An
// older one beside it is what a rebuild was to replace, and never right.
func (x *Index) openNewest(ctx context.Context, config map[string]any) (*generation, archive.ObservationID, error) {
	all := x.generations()
	if len(all) == 0 {
		return nil, 0, fmt.Errorf("no index: %w", archive.ErrNotFound)
	}
	path := all[len(all)-1]
	if err := x.checkSums(path); err != nil {
		return nil, 0, err
	}
	b, err := openBleve(path, config)
	if err != nil {
		return nil, 0, err
	}
	g := &generation{path: path, bleve: b}
	mark, err := readMark(b)
	if err == nil {
		err = x.check(ctx, b, mark)
	}
	if err != nil {
		return nil, 0, errors.Join(err, g.close())
	}
	return g, mark, nil
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
		return nil, errInUse
	}
	return b, err
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

// snapshotOf is what a generation holds now, to be closed after use.
func (g *generation) snapshotOf() (*scorch.IndexSnapshot, error) {
	advanced, err := g.bleve.Advanced()
	if err != nil {
		return nil, err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return nil, err
	}
	s, ok := reader.(*scorch.IndexSnapshot)
	if !ok || s == nil {
		return nil, fmt.Errorf("an index of another kind: %w", archive.ErrUnavailable)
	}
	return s, nil
}

// removeOthers removes all generations but one, of whatever form.
func (x *Index) removeOthers(path string) error {
	all, err := filepath.Glob(filepath.Join(x.dir, "*-*"))
	if err != nil {
		return err
	}
	for _, p := range all {
		if p == path || strings.HasPrefix(filepath.Base(p), ".") {
			continue
		}
		if err := os.RemoveAll(p); err != nil {
			return fmt.Errorf("remove an old generation: %w", err)
		}
	}
	return nil
}
