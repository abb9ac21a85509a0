package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"archiver/internal/archive"
)

// OpenReadOnly opens the index below dir for searching only, beside a process
// that may write it. It opens a snapshot, which a search that finds it behind
// takes anew. Bleve's own lock would let a reader keep every writer out.
func OpenReadOnly(ctx context.Context, dir string, src Source, opt Options) (*Index, error) {
	x := newIndex(dir, src, opt)
	x.readOnly = true
	x.sums = make(map[string]fs.FileInfo)
	x.follow.Lock()
	defer x.follow.Unlock()
	if err := x.takeSnapshot(ctx); err != nil {
		return nil, fmt.Errorf("index: open: %w; `archiver rebuild` makes it anew", err)
	}
	return x, nil
}

// lookAfter is how long a reader that is behind waits before it looks again.
const lookAfter = time.Second

// refresh takes a newer snapshot where there may be one. One search does so;
// those beside it, and it too when that fails, go on with the old snapshot,
// which says that it is behind.
func (x *Index) refresh(ctx context.Context, decoded archive.ObservationID) {
	if !x.readOnly || !x.follow.TryLock() {
		return
	}
	defer x.follow.Unlock()
	x.mu.RLock()
	fresh := x.closed || x.mark >= decoded || time.Since(x.looked) < lookAfter
	x.mu.RUnlock()
	if fresh {
		return
	}
	if err := x.takeSnapshot(ctx); err != nil {
		x.logger.Warn("newer snapshot", "err", err)
	}
}

// snapshotTries is how often a snapshot is tried while a writer changes files,
// and snapshotRest how long the writer is left alone in between.
const (
	snapshotTries = 20
	snapshotRest  = 10 * time.Millisecond
)

// takeSnapshot opens what is on disk now and uses it. x.follow is held.
func (x *Index) takeSnapshot(ctx context.Context) error {
	var g *generation
	var mark archive.ObservationID
	err := fmt.Errorf("no snapshot yet: %w", archive.ErrUnavailable)
	for try := 0; try < snapshotTries && err != nil; try++ {
		if try > 0 {
			time.Sleep(snapshotRest)
		}
		if g, mark, err = x.openSnapshot(ctx); errors.Is(err, archive.ErrNotFound) || ctx.Err() != nil {
			break
		}
	}
	x.mu.Lock()
	x.looked = time.Now()
	x.mu.Unlock()
	if err != nil {
		return err
	}
	c, err := loadColumns(ctx, x.src, mark)
	if err != nil {
		return errors.Join(err, g.close())
	}
	x.use(g, mark, c)
	return nil
}

// snapshotPrefix begins the names of directories that hold a snapshot while it
// is being opened.
const snapshotPrefix = ".snapshot-"

// openSnapshot opens a copy of the newest generation. Segments never change
// once written, so they are linked; the small file that lists them is copied.
// What comes out is held against the store like any index. In an archive that
// cannot be written nobody writes, and the index is opened where it is.
func (x *Index) openSnapshot(ctx context.Context) (*generation, archive.ObservationID, error) {
	readOnly := map[string]any{"read_only": true}
	all := x.generations()
	if len(all) == 0 {
		return nil, 0, fmt.Errorf("no index: %w", archive.ErrNotFound)
	}
	tmp, err := os.MkdirTemp(x.dir, snapshotPrefix)
	if err != nil {
		return x.openNewest(ctx, readOnly)
	}
	defer os.RemoveAll(tmp) // open files stay readable
	newest := all[len(all)-1]
	if err := snapshot(newest, filepath.Join(tmp, filepath.Base(newest))); err != nil {
		return nil, 0, err
	}
	y := &Index{dir: tmp, src: x.src, logger: x.logger, sums: x.sums, copied: true}
	return y.openNewest(ctx, readOnly)
}

// snapshot copies an index: first what lists the segments, then the segments.
func snapshot(from, to string) error {
	if err := os.MkdirAll(filepath.Join(to, "store"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"index_meta.json", filepath.Join("store", "root.bolt")} {
		b, err := readStable(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			return err
		}
	}
	segments, err := filepath.Glob(filepath.Join(from, "store", "*.zap"))
	if err != nil {
		return err
	}
	for _, s := range segments {
		// One that vanished meanwhile shows when the copy is opened.
		if err := linkOrCopy(s, filepath.Join(to, "store", filepath.Base(s))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// readStable reads a file that a writer may be committing to. Bolt writes new
// pages beside the old and then one of the two pages at the front that say which
// count, and writes over old pages only after a further commit. A copy whose
// bytes were the same afterwards therefore holds one commit whole.
func readStable(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	again, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(b, again) {
		err = fmt.Errorf("the index is being written: %w", archive.ErrConflict)
	}
	return b, err
}

// linkOrCopy makes a file appear a second time, sharing its bytes where the
// file system can.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// abandoned is how old a snapshot's directory is that nobody is opening.
const abandoned = 10 * time.Minute

// sweep removes what readers left that were stopped while they opened.
func (x *Index) sweep() {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return // opening says so too
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), snapshotPrefix) || time.Since(info.ModTime()) < abandoned {
			continue
		}
		if err := os.RemoveAll(filepath.Join(x.dir, e.Name())); err != nil {
			x.logger.Warn("remove an old snapshot", "err", err)
		}
	}
}
