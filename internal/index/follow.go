package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"archiver/internal/archive"
)

// bulk is about how many messages one batch takes.
const bulk = archive.MaxPage

// Follow brings the index up to what the store has decoded. Each batch carries
// its watermark and is on disk when the next begins.
func (x *Index) Follow(ctx context.Context) error {
	x.follow.Lock()
	defer x.follow.Unlock()
	x.mu.RLock()
	b, mark := x.bleve, x.mark
	x.mu.RUnlock()
	_, err := x.fill(ctx, b, mark, func(mark archive.ObservationID, docs []archive.Indexable) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.mark = mark
		for _, d := range docs {
			x.columns.rows[d.Event] = d.Document
		}
	})
	return err
}

// fill indexes everything changed after a watermark and tells of each batch.
func (x *Index) fill(ctx context.Context, b bleve.Index, mark archive.ObservationID, done func(archive.ObservationID, []archive.Indexable)) (archive.ObservationID, error) {
	for {
		// What is decoded now bounds what an empty page proves.
		marks, err := x.src.Watermarks(ctx)
		if err != nil {
			return mark, fmt.Errorf("index: follow: %w", err)
		}
		docs, err := x.src.MessagesChangedAfter(ctx, mark, bulk)
		if err != nil {
			return mark, fmt.Errorf("index: follow: %w", err)
		}
		if len(docs) == 0 && mark >= marks.Decoded {
			return mark, nil
		}
		mark = marks.Decoded
		if len(docs) > 0 {
			mark = docs[len(docs)-1].Changed
		}
		if err := write(b, mark, docs); err != nil {
			return mark, fmt.Errorf("index: follow: %w", err)
		}
		done(mark, docs)
	}
}

func write(b bleve.Index, mark archive.ObservationID, docs []archive.Indexable) (err error) {
	defer recovered(&err)
	batch := b.NewBatch()
	for _, d := range docs {
		if err := batch.IndexAdvanced(newDocument(d)); err != nil {
			return err
		}
	}
	batch.SetInternal(markKey, binary.BigEndian.AppendUint64(nil, uint64(mark)))
	return b.Batch(batch)
}

// Rebuild makes the index anew in a generation of its own, which then takes the
// place of the one in use; searches go on meanwhile. progress is told how many
// messages are done; nil for nobody.
func (x *Index) Rebuild(ctx context.Context, progress func(int64)) error {
	x.follow.Lock()
	defer x.follow.Unlock()
	old := x.generations()
	next := 1
	if len(old) > 0 {
		next = generation(old[len(old)-1]) + 1
	}
	path := filepath.Join(x.dir, fmt.Sprintf("%s-%d", mappingHash(), next))
	b, err := create(path)
	if err != nil {
		return fmt.Errorf("index: rebuild: %w", err)
	}
	count := int64(0)
	mark, err := x.fill(ctx, b, 0, func(_ archive.ObservationID, docs []archive.Indexable) {
		if count += int64(len(docs)); progress != nil {
			progress(count)
		}
	})
	if err == nil {
		err = merge(ctx, b)
	}
	if err != nil {
		_ = b.Close()
		_ = os.RemoveAll(path) // half an index; the error says why
		return fmt.Errorf("index: rebuild: %w", err)
	}
	return x.swap(ctx, path, b, mark)
}

func create(path string) (b bleve.Index, err error) {
	defer recovered(&err)
	b, err = bleve.NewUsing(path, newMapping(), scorch.Name, scorch.Name, map[string]any{"bolt_timeout": "1s"})
	if err != nil {
		return nil, err
	}
	// Bleve does not sync what describes the index: a power cut soon after
	// would leave one that cannot be opened.
	for _, p := range []string{filepath.Join(path, "index_meta.json"), path, filepath.Dir(path)} {
		if err := syncPath(p); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// merge leaves one segment, which is several times as fast to search.
func merge(ctx context.Context, b bleve.Index) (err error) {
	defer recovered(&err)
	advanced, err := b.Advanced()
	if err != nil {
		return err
	}
	if s, ok := advanced.(*scorch.Scorch); ok {
		return s.ForceMerge(ctx, nil)
	}
	return nil
}

// swap puts a new generation in place and removes all others.
func (x *Index) swap(ctx context.Context, path string, b bleve.Index, mark archive.ObservationID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.bleve
	x.path, x.bleve, x.mark = path, b, mark
	if err := x.loadColumns(ctx); err != nil {
		return fmt.Errorf("index: rebuild: %w", err)
	}
	if old != nil {
		if err := old.Close(); err != nil {
			x.logger.Warn("close the old index", "err", err)
		}
	}
	all, err := filepath.Glob(filepath.Join(x.dir, "*-*"))
	if err != nil {
		return err
	}
	for _, p := range all {
		if p != path && !strings.HasPrefix(filepath.Base(p), ".") {
			if err := os.RemoveAll(p); err != nil {
				return fmt.Errorf("index: remove an old generation: %w", err)
			}
		}
	}
	return nil
}
