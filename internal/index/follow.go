package index

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/blevesearch/bleve/v2"

	"archiver/internal/archive"
)

// Follow brings the index up to what the store has decoded. Each batch carries
// its watermark and is on disk when the next begins. After a batch that could
// not be written there is no index to search until Follow succeeds again.
func (x *Index) Follow(ctx context.Context) error {
	x.follow.Lock()
	defer x.follow.Unlock()
	if err := x.follows(ctx); err != nil {
		return fmt.Errorf("index: follow: %w", err)
	}
	return nil
}

func (x *Index) follows(ctx context.Context) error {
	x.mu.RLock()
	g, closed := x.current, x.closed
	x.mu.RUnlock()
	if closed {
		return errClosed
	}
	if x.readOnly {
		return errReadOnly
	}
	if g == nil {
		if err := x.reopen(ctx); err != nil {
			return err
		}
	}
	if x.Watermark() == 0 {
		return x.fillEmpty(ctx)
	}
	return x.catchUp(ctx)
}

// catchUp indexes everything changed after the watermark, a page at a time.
func (x *Index) catchUp(ctx context.Context) error {
	for {
		x.mu.RLock()
		g, mark := x.current, x.mark
		x.mu.RUnlock()
		if g == nil {
			return errClosed
		}
		p, err := readPage(ctx, x.src, mark)
		if err != nil || p.last {
			return err
		}
		// Rows first: a search must know every document that it meets.
		x.mu.Lock()
		x.columns = x.columns.with(p.docs)
		x.mu.Unlock()
		if err := g.write(p.mark, p.docs); err != nil {
			x.fail(g)
			return err
		}
		x.mu.Lock()
		x.mark = p.mark
		x.mu.Unlock()
	}
}

// page is what changed after a watermark, and the watermark it leads to.
type page struct {
	docs []archive.Indexable
	mark archive.ObservationID
	last bool // nothing has changed and the watermark is the store's
}

func readPage(ctx context.Context, src Source, after archive.ObservationID) (page, error) {
	// What is decoded now bounds what an empty page proves.
	marks, err := src.Watermarks(ctx)
	if err != nil {
		return page{}, err
	}
	docs, err := src.MessagesChangedAfter(ctx, after, archive.MaxPage)
	if err != nil {
		return page{}, err
	}
	if len(docs) > 0 {
		return page{docs: docs, mark: docs[len(docs)-1].Changed}, nil
	}
	return page{mark: max(after, marks.Decoded), last: after >= marks.Decoded}, nil
}

// write adds documents and the watermark in one batch, which is on disk when it
// returns.
func (g *generation) write(mark archive.ObservationID, docs []archive.Indexable) (err error) {
	g.inUse.RLock()
	defer g.inUse.RUnlock()
	defer recovered(&err)
	if g.closed {
		return errClosed
	}
	batch := g.bleve.NewBatch()
	if err := fill(batch, docs); err != nil {
		return err
	}
	batch.SetInternal(markKey, binary.BigEndian.AppendUint64(nil, uint64(mark)))
	return g.bleve.Batch(batch)
}

func fill(batch *bleve.Batch, docs []archive.Indexable) error {
	for _, d := range docs {
		if err := batch.IndexAdvanced(newDocument(d)); err != nil {
			return err
		}
	}
	return nil
}
