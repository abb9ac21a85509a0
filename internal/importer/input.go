package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"archiver/internal/archive"
)

// input is a file that can be read several times from its start.
type input struct {
	file     *os.File
	spooled  bool // file is a temporary copy of something that can be read once
	size     int64
	utf16    bool // by its byte order mark
	progress func(read, total int64)
}

// open opens a file. What can be read only once, such as standard input or a
// pipe, is copied to a temporary file first.
func open(path string, opts Options) (*input, error) {
	in := &input{progress: opts.Progress}
	if path == "-" {
		return in, in.spool(opts.Stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, classify(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = classify(err)
	case info.IsDir():
		err = fmt.Errorf("it is a directory, name the files in it: %w", archive.ErrInvalid)
	case !info.Mode().IsRegular():
		defer func() { _ = f.Close() }()
		return in, in.spool(f)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	in.file, in.size = f, info.Size()
	return in, nil
}

// classify says what sort of trouble a file is, without its path, which the
// caller knows.
func classify(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no such file: %w", archive.ErrNotFound)
	}
	return fmt.Errorf("%w: %w", err, archive.ErrUnavailable)
}

func (in *input) spool(r io.Reader) error {
	if r == nil {
		return fmt.Errorf("there is no standard input: %w", archive.ErrInvalid)
	}
	f, err := os.CreateTemp("", "archiver-import-*")
	if err != nil {
		return classify(err)
	}
	in.file, in.spooled = f, true
	if in.size, err = io.Copy(f, r); err != nil {
		in.close()
		return classify(err)
	}
	return nil
}

func (in *input) close() {
	_ = in.file.Close() // read only, or about to be removed
	if in.spooled {
		_ = os.Remove(in.file.Name())
	}
}

// head is the beginning of the file without a byte order mark; it finds out
// the encoding. An empty file is an error.
func (in *input) head(ctx context.Context) ([]byte, error) {
	mark := make([]byte, 2)
	n, err := in.file.ReadAt(mark, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, classify(err)
	}
	mark = mark[:n]
	in.utf16 = bytes.Equal(mark, []byte("\xff\xfe")) || bytes.Equal(mark, []byte("\xfe\xff"))
	w, err := in.window(ctx, 0, 0)
	if err != nil {
		return nil, err
	}
	w.skipBlanks()
	w.fill(sniffed)
	if w.err != nil {
		return nil, w.err
	}
	if len(w.rest()) == 0 {
		return nil, fmt.Errorf("it is empty: %w", archive.ErrInvalid)
	}
	return w.rest(), nil
}

// window reads the file from its start, as the given pass of several. Progress
// counts all passes as one; a look at the head, pass 0 of 0, is not counted.
func (in *input) window(ctx context.Context, pass, passes int64) (*window, error) {
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return nil, classify(err)
	}
	var r io.Reader = in.file
	if in.progress != nil && passes > 0 {
		r = io.TeeReader(r, &meter{in: in, pass: pass, passes: passes})
	}
	if in.utf16 {
		r = transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
	}
	return newWindow(ctx, r), nil
}

// meter reports progress.
type meter struct {
	in           *input
	pass, passes int64
	read         int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.read += int64(len(p))
	m.in.progress((m.pass*m.in.size+m.read)/m.passes, m.in.size)
	return len(p), nil
}
