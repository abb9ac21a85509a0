package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"archiver/internal/archive"
)

// OpenReadOnly opens the index below dir for searching only. Beside a process
// that writes it is opened from a snapshot, which a search that finds it behind
// takes anew.
func OpenReadOnly(ctx context.Context, dir string, src Source, opt Options) (*Index, error) {
	x := newIndex(dir, src, opt)
	x.readOnly, x.opened = true, time.Now()
	err := x.openNewest(ctx, map[string]any{"read_only": true})
	if errors.Is(err, archive.ErrConflict) {
		err = x.openSnapshot(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("index: open: %w; `archiver rebuild` makes it anew", err)
	}
	return x, nil
}

// staleAfter is how old a snapshot may be that is behind.
const staleAfter = time.Second

// refresh takes a newer snapshot where there may be one. When that fails the
// old one goes on answering, and says that it is behind.
func (x *Index) refresh(ctx context.Context, decoded archive.ObservationID) {
	x.follow.Lock()
	defer x.follow.Unlock()
	x.mu.RLock()
	fresh := !x.readOnly || x.mark >= decoded || time.Since(x.opened) < staleAfter
	x.mu.RUnlock()
	if fresh {
		return
	}
	y, err := OpenReadOnly(ctx, x.dir, x.src, Options{Logger: x.logger})
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opened = time.Now()
	if err != nil {
		x.logger.Warn("newer snapshot", "err", err)
		return
	}
	old := x.bleve
	x.path, x.bleve, x.mark, x.columns = y.path, y.bleve, y.mark, y.columns
	if err := old.Close(); err != nil {
		x.logger.Warn("close the old snapshot", "err", err)
	}
}

// snapshotTries is how often a snapshot is tried while a writer changes files.
const snapshotTries = 10

// openSnapshot opens a copy. Segments never change once written, so they are
// linked; the small file that lists them is copied, and what comes out is held
// against the store like any index, since a copy made while the writer commits
// may be torn.
func (x *Index) openSnapshot(ctx context.Context) (err error) {
	all := x.generations()
	if len(all) == 0 {
		return fmt.Errorf("no index: %w", archive.ErrNotFound)
	}
	for range snapshotTries {
		if err = x.trySnapshot(ctx, all[len(all)-1]); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (x *Index) trySnapshot(ctx context.Context, path string) error {
	tmp, err := os.MkdirTemp(x.dir, ".snapshot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // open files stay readable
	copied := filepath.Join(tmp, filepath.Base(path))
	if err := snapshot(path, copied); err != nil {
		return err
	}
	y := newIndex(tmp, x.src, Options{Logger: x.logger})
	if err := y.openNewest(ctx, map[string]any{"read_only": true}); err != nil {
		return err
	}
	x.path, x.bleve, x.mark, x.columns = y.path, y.bleve, y.mark, y.columns
	return nil
}

// snapshot copies an index: first what lists the segments, then the segments.
func snapshot(from, to string) error {
	if err := os.MkdirAll(filepath.Join(to, "store"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"index_meta.json", filepath.Join("store", "root.bolt")} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			return err
		}
	}
	segments, err := os.ReadDir(filepath.Join(from, "store"))
	if err != nil {
		return err
	}
	for _, s := range segments {
		if strings.HasSuffix(s.Name(), ".zap") {
			// One that vanished meanwhile shows when the copy is opened.
			_ = os.Link(filepath.Join(from, "store", s.Name()), filepath.Join(to, "store", s.Name()))
		}
	}
	return nil
}
