package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"archiver/internal/archive"
)

// Options say what to write and where.
type Options struct {
	Format string // a name of Formats; "" is the first
	Path   string // a file, or "-" for Stdout
	Force  bool   // replace a file that is there already
	Stdout io.Writer
	// Progress is told after every record how many were written; nil for nobody.
	Progress func(records int64)
}

// Report says what was written.
type Report struct {
	Format  string `json:"format"`
	Path    string `json:"path"`
	Records int64  `json:"records"` // accounts, observations and gaps
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"` // lower-case hex, of all bytes
}

// Write exports the log. A file appears under its name whole and durable, or
// not at all: it is written beside its place and put there at the end. What is
// captured meanwhile is exported too. The error wraps archive.ErrInvalid for an
// unknown format, archive.ErrConflict when the file exists and Force is not
// set, and archive.ErrUnavailable when it cannot be written.
func Write(ctx context.Context, src Source, opts Options) (Report, error) {
	report, err := write(ctx, src, opts)
	if err != nil {
		return Report{}, fmt.Errorf("export: write %s: %w", opts.Path, err)
	}
	return report, nil
}

func write(ctx context.Context, src Source, opts Options) (Report, error) {
	f, ok := format(opts.Format)
	if !ok {
		return Report{}, fmt.Errorf("unknown format %q: %w", opts.Format, archive.ErrInvalid)
	}
	out, err := create(opts)
	if err != nil {
		return Report{}, err
	}
	report := Report{Format: f.Name, Path: opts.Path}
	if err := report.fill(ctx, src, f, out, opts.Progress); err != nil {
		out.discard()
		return Report{}, err
	}
	return report, out.commit()
}

// fill writes the export to w and completes the report.
func (r *Report) fill(ctx context.Context, src Source, f Format, w io.Writer, progress func(int64)) error {
	m := &measured{w: w, sum: sha256.New()}
	buffered := bufio.NewWriterSize(m, 256<<10)
	h, err := f.New(buffered)
	if err != nil {
		return err
	}
	if r.Records, err = stream(ctx, src, h, progress); err != nil {
		return err
	}
	if err := h.Close(); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	r.Bytes, r.SHA256 = m.n, hex.EncodeToString(m.sum.Sum(nil))
	return nil
}

// measured counts and sums what passes through.
type measured struct {
	w   io.Writer
	n   int64
	sum hash.Hash
}

func (m *measured) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.n += int64(n)
	m.sum.Write(p[:n])
	return n, err
}
