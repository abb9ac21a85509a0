package export

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"archiver/internal/archive"
)

// output is where an export goes. Exactly one of commit and discard ends it.
type output interface {
	io.Writer
	commit() error
	discard()
}

func create(opts Options) (output, error) {
	if opts.Path == "-" {
		return stdout{opts.Stdout}, nil
	}
	if _, err := os.Lstat(opts.Path); err == nil && !opts.Force {
		return nil, errExists
	}
	// The name tells what it is, should the program be killed.
	f, err := os.CreateTemp(filepath.Dir(opts.Path), "."+filepath.Base(opts.Path)+".*.part")
	if err != nil {
		return nil, classify(err)
	}
	return &file{f, opts.Path, opts.Force}, nil
}

var errExists = fmt.Errorf("the file exists already: %w", archive.ErrConflict)

// classify leaves out the paths, of which the caller names the one that counts.
func classify(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%w: %w", err, archive.ErrUnavailable)
}

// stdout cannot be taken back: what was written of a failed export lacks its
// trailer.
type stdout struct{ io.Writer }

func (stdout) commit() error { return nil }

func (stdout) discard() {}

// file is a file beside its place. Only its owner may read it, since it holds
// what people wrote.
type file struct {
	*os.File
	path  string
	force bool
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		err = classify(err)
	}
	return n, err
}

func (f *file) commit() error {
	err := f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = f.place()
	}
	if err != nil {
		_ = os.Remove(f.Name())
		if errors.Is(err, archive.ErrConflict) {
			return err
		}
		return classify(err)
	}
	f.syncDirectory()
	return nil
}

// place puts the file where it belongs. A link fails when the name has been
// taken meanwhile; where there are no links, the name is looked at once more.
func (f *file) place() error {
	if f.force {
		return os.Rename(f.Name(), f.path)
	}
	err := os.Link(f.Name(), f.path)
	if err == nil {
		_ = os.Remove(f.Name()) // the export is there under its name
		return nil
	}
	if _, there := os.Lstat(f.path); there == nil {
		return errExists
	}
	return os.Rename(f.Name(), f.path)
}

// syncDirectory makes the name durable, on systems that can.
func (f *file) syncDirectory() {
	d, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}

func (f *file) discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
