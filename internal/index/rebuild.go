package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"archiver/internal/archive"
)

// A bulk writes batches of so many messages, so many at a time. More gains
// nothing on two cores and takes memory.
const (
	bulkBatch   = 5000
	bulkWriters = 2
)

// Rebuild makes the index anew in a generation of its own, which then takes the
// place of the one in use; searches go on meanwhile. progress is told how many
// messages are done, from several goroutines; nil for nobody.
func (x *Index) Rebuild(ctx context.Context, progress func(int64)) error {
	x.follow.Lock()
	defer x.follow.Unlock()
	if x.readOnly {
		return errReadOnly
	}
	if err := x.rebuild(ctx, progress); err != nil {
		return fmt.Errorf("index: rebuild: %w", err)
	}
	return nil
}

// rebuild makes a generation and uses it. x.follow is held.
func (x *Index) rebuild(ctx context.Context, progress func(int64)) error {
	number := 1
	if old := x.generations(); len(old) > 0 {
		number = generationNumber(old[len(old)-1]) + 1
	}
	path := filepath.Join(x.dir, fmt.Sprintf("%s-%d", mappingHash(), number))
	g, mark, err := x.build(ctx, path, progress)
	if err != nil {
		return errors.Join(err, os.RemoveAll(path)) // half an index
	}
	c, err := loadColumns(ctx, x.src, everything)
	if err != nil {
		return errors.Join(err, g.close())
	}
	x.use(g, mark, c)
	if err := x.removeOthers(path); err != nil {
		return err
	}
	return x.catchUp(ctx) // what came meanwhile
}

// build makes an index of all messages. It is merged to one segment, and
// opened again, which removes the files that went into that.
func (x *Index) build(ctx context.Context, path string, progress func(int64)) (*generation, archive.ObservationID, error) {
	g, err := create(path)
	if err != nil {
		return nil, 0, err
	}
	mark, err := x.bulk(ctx, g, progress)
	if err == nil {
		err = g.merge(ctx)
	}
	if err = errors.Join(err, g.close()); err != nil {
		return nil, 0, err
	}
	b, err := openBleve(path, nil)
	return &generation{path: path, bleve: b}, mark, err
}

// fillEmpty is the bulk way to fill a generation that holds nothing. x.follow
// is held.
func (x *Index) fillEmpty(ctx context.Context) error {
	x.mu.RLock()
	g := x.current
	x.mu.RUnlock()
	marks, err := x.src.Watermarks(ctx)
	if err != nil || marks.Decoded == 0 {
		return err
	}
	c, err := loadColumns(ctx, x.src, everything)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.columns = c
	x.mu.Unlock()
	mark, err := x.bulk(ctx, g, nil)
	if err == nil && len(c.events) > bulkBatch {
		err = g.merge(ctx)
	}
	if err != nil {
		x.fail(g)
		return err
	}
	x.mu.Lock()
	x.mark = mark
	x.mu.Unlock()
	return x.catchUp(ctx) // what came meanwhile
}

func create(path string) (g *generation, err error) {
	defer recovered(&err)
	b, err := bleve.NewUsing(path, newMapping(), scorch.Name, scorch.Name, map[string]any{"bolt_timeout": "1s"})
	if err != nil {
		return nil, err
	}
	g = &generation{path: path, bleve: b}
	// Bleve does not sync what describes the index: a power cut soon after
	// would leave one that cannot be opened.
	for _, p := range []string{filepath.Join(path, "index_meta.json"), path, filepath.Dir(path)} {
		if err := syncPath(p); err != nil {
			return nil, errors.Join(err, g.close())
		}
	}
	return g, nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// bulk indexes all messages into an empty generation. The watermark is written
// last: batches end in any order, and a generation without one, or with fewer
// messages than the store, is made anew when it is opened.
func (x *Index) bulk(ctx context.Context, g *generation, progress func(int64)) (archive.ObservationID, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan []archive.Indexable)
	var count atomic.Int64
	var writers sync.WaitGroup
	for range bulkWriters {
		writers.Go(func() {
			for docs := range batches {
				if err := g.add(ctx, docs); err != nil {
					cancel(err) // which the reader notices
				} else if n := count.Add(int64(len(docs))); progress != nil {
					progress(n)
				}
			}
		})
	}
	mark, err := readAll(ctx, x.src, batches)
	close(batches)
	writers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return 0, cause
	}
	if err != nil {
		return 0, err
	}
	return mark, g.write(mark, nil)
}

// readAll hands out every message as the source has decoded them by now, and
// returns that watermark. What changes meanwhile is left out: of two batches
// with the same message the older could be written last.
func readAll(ctx context.Context, src Source, to chan<- []archive.Indexable) (archive.ObservationID, error) {
	marks, err := src.Watermarks(ctx)
	if err != nil {
		return 0, err
	}
	var docs []archive.Indexable
	for mark := archive.ObservationID(0); mark < marks.Decoded; {
		more, err := src.MessagesChangedAfter(ctx, mark, archive.MaxPage)
		if err != nil {
			return 0, err
		}
		mark = marks.Decoded
		if n := len(more); n > 0 {
			mark = more[n-1].Changed
		}
		docs = append(docs, slices.DeleteFunc(more, func(d archive.Indexable) bool { return d.Changed > marks.Decoded })...)
		if len(docs) >= bulkBatch || mark >= marks.Decoded && len(docs) > 0 {
			select {
			case to <- docs:
			case <-ctx.Done():
				return 0, ctx.Err()
			}
			docs = nil
		}
	}
	return marks.Decoded, nil
}

// add writes documents without a watermark.
func (g *generation) add(ctx context.Context, docs []archive.Indexable) (err error) {
	defer recovered(&err)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	batch := g.bleve.NewBatch()
	if err := fill(batch, docs); err != nil {
		return err
	}
	return g.bleve.Batch(batch)
}

// merge leaves one segment, which is several times as fast to search.
func (g *generation) merge(ctx context.Context) (err error) {
	defer recovered(&err)
	advanced, err := g.bleve.Advanced()
	if err != nil {
		return err
	}
	if s, ok := advanced.(*scorch.Scorch); ok {
		return s.ForceMerge(ctx, nil)
	}
	return nil
}
