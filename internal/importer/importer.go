package importer

import (
	"context"
	"fmt"
	"io"

	"archiver/internal/archive"
)

// Log is where observations and gaps go. When a method returns nil, what it was
// given is durable; giving it again alters nothing. Read calls it from one
// goroutine.
type Log interface {
	// EnsureAccount makes an account known; a server that is not "" becomes its
	// server.
	EnsureAccount(ctx context.Context, uri, server string) error
	// AppendObservations appends in order and answers in the same order. The
	// cursor is always nil.
	AppendObservations(ctx context.Context, obs []archive.Observation, cursor *archive.Cursor) ([]archive.Appended, error)
	// AppendGap records a gap; its After is the place of the observation before
	// it in this log, 0 for none.
	AppendGap(ctx context.Context, g archive.Gap) (archive.GapID, error)
}

// Report says what became of one file.
type Report struct {
	Path         string `json:"path"`
	Format       string `json:"format"` // transcript, json, jsonl or archiver export
	Observations int64  `json:"observations"`
	Events       int64  `json:"events"`
	Gaps         int64  `json:"gaps"` // read from an export
	New          int64  `json:"new"`
	Duplicates   int64  `json:"duplicates"` // observations that the log held already
	// Skipped are the lines that hold no body, Problems the bodies that could
	// not be read; both are kept out of the log.
	Skipped  []Line   `json:"skipped"`
	Problems []Line   `json:"problems"`
	Notes    []string `json:"notes,omitempty"` // what a person should know besides
}

// Line is a line of a file, counted from 1, with what is to be said of it. The
// reason quotes nothing from the file.
type Line struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// MaxLines bounds how many skipped lines and how many problems a report lists;
// a note tells how many more there were.
const MaxLines = 10_000

// Options say how a file is to be read.
type Options struct {
	// Account is whose bodies they are when the file does not tell: an address
	// with or without "sip:".
	Account string
	// Stdin is what the path "-" reads.
	Stdin io.Reader
	// Progress is told now and then how far reading has come, in bytes; nil for
	// nobody.
	Progress func(read, total int64)
}

// Read reads a file, or standard input for "-", into a log. What the file holds
// is appended in its order and in batches; a second reading of the same file
// adds nothing. Lines that are no bodies and bodies that are broken are
// reported and never an error. The error wraps archive.ErrNotFound for a
// missing file, archive.ErrInvalid for one that can hold nothing (a directory,
// an empty file, an export of a newer version) and archive.ErrUnavailable for
// one that cannot be read; the report then says what was appended before.
func Read(ctx context.Context, path string, log Log, opts Options) (Report, error) {
	report := Report{Path: path, Skipped: []Line{}, Problems: []Line{}}
	in, err := open(path, opts)
	if err != nil {
		return report, fmt.Errorf("importer: read %s: %w", path, err)
	}
	defer in.close()
	j := &job{log: log, in: in, account: opts.Account, report: &report}
	if err := j.run(ctx); err != nil {
		return report, fmt.Errorf("importer: read %s: %w", path, err)
	}
	return report, nil
}
