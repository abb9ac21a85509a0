package index

import (
	"context"

	"archiver/internal/archive"
)

// columns hold, for every message, what hits are filtered and ordered by.
type columns struct {
	rows map[archive.EventID]archive.Document
}

func newColumns() *columns { return &columns{rows: make(map[archive.EventID]archive.Document)} }

// loadColumns reads the columns of everything that is indexed.
func (x *Index) loadColumns(ctx context.Context) error {
	c := newColumns()
	err := x.src.Documents(ctx, func(d archive.Document) error {
		c.rows[d.Event] = d
		return nil
	})
	x.columns = c
	return err
}
