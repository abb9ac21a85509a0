package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/go-json-experiment/json"

	"archiver/internal/archive"
)

// exportVersion is the newest version of an export that is understood.
const exportVersion = 1

// maxLine bounds a line of an export: a body of the largest size, each byte of
// it escaped, and what is said of it.
const maxLine = 6*MaxBody + 1<<20

// own reads an export back: a header, accounts, observations and gaps in the
// order of the log, and a trailer with counts and a checksum. Lines cut out of
// an export are read too; they have neither header nor trailer.
type own struct {
	*job
	open   bool      // after a header, before its trailer
	sum    hash.Hash // of the lines since the header, with it
	counts counts
}

// counts are how many records there are of each sort.
type counts struct {
	Accounts     int64 `json:"accounts"`
	Observations int64 `json:"observations"`
	Gaps         int64 `json:"gaps"`
}

// record is a line of an export; archiver says of which sort it is.
type record struct {
	Archiver string `json:"archiver"`
	Version  int    `json:"version"`
	counts
	SHA256 string `json:"sha256"`
}

// The sorts of records.
const (
	recordHeader      = "export"
	recordAccount     = "account"
	recordObservation = "observation"
	recordGap         = "gap"
	recordTrailer     = "end"
)

func readExport(ctx context.Context, j *job) error {
	w, err := j.in.window(ctx, 0, 1)
	if err != nil {
		return err
	}
	r := &own{job: j, sum: sha256.New()}
	for {
		w.skipBlanks()
		if w.ended() {
			break
		}
		line, whole := w.wholeLine(maxLine)
		if w.err != nil {
			break
		}
		number, n := w.line, len(line)
		if !whole {
			r.problem(number, "the line is longer than any export makes it")
			w.skipLine()
			continue
		}
		if err := r.line(ctx, number, line); err != nil {
			return err
		}
		w.advance(n)
	}
	if w.err != nil {
		return w.err
	}
	r.incomplete(w.line)
	return nil
}

func (r *own) line(ctx context.Context, number int, line []byte) error {
	var rec record
	if err := json.Unmarshal(line, &rec); err != nil {
		r.sum.Write(line)
		r.problem(number, "the line is damaged: it is not JSON")
		return nil
	}
	if rec.Archiver == recordTrailer {
		r.trailer(number, rec)
		return nil
	}
	if rec.Archiver == recordHeader {
		r.incomplete(number)
		r.open, r.counts = true, counts{}
		r.sum.Reset()
	}
	r.sum.Write(line)
	switch rec.Archiver {
	case recordHeader:
		return r.header(rec)
	case recordAccount:
		return r.accountLine(ctx, number, line)
	case recordObservation:
		return r.observationLine(ctx, number, line)
	case recordGap:
		return r.gapLine(ctx, number, line)
	}
	r.skipped(number, "not a record of an export")
	return nil
}

func (r *own) header(rec record) error {
	if rec.Version > exportVersion {
		return fmt.Errorf("the export is of version %d and this program reads up to %d; update it: %w",
			rec.Version, exportVersion, archive.ErrInvalid)
	}
	return nil
}

func (r *own) accountLine(ctx context.Context, number int, line []byte) error {
	var a archive.Account
	if err := json.Unmarshal(line, &a); err != nil || a.URI == "" {
		r.problem(number, "the line is damaged: it is no account")
		return nil
	}
	r.counts.Accounts++
	return r.log.EnsureAccount(ctx, a.URI, a.Server)
}

func (r *own) observationLine(ctx context.Context, number int, line []byte) error {
	var l struct {
		archive.Observation
		Text   *string `json:"body"`
		Base64 []byte  `json:"body_base64"`
	}
	if err := json.Unmarshal(line, &l); err != nil || l.Account == "" {
		r.problem(number, "the line is damaged: it is no observation")
		return nil
	}
	o := l.Observation
	o.ID, o.Body = 0, l.Base64
	if l.Text != nil {
		o.Body = []byte(*l.Text)
	}
	if o.Body == nil {
		o.Body = []byte{}
	}
	if sum := sha256.Sum256(o.Body); hex.EncodeToString(sum[:]) != o.SHA256 {
		r.problem(number, "the line is damaged: its body is not the one it has the checksum of")
		return nil
	}
	r.counts.Observations++
	_, events := describe(o.Body)
	return r.add(ctx, o, events)
}

// gapLine places a gap after the observation before it in the file.
func (r *own) gapLine(ctx context.Context, number int, line []byte) error {
	var l struct {
		archive.Gap
		After string `json:"after"` // in the log it was exported from
	}
	err := json.Unmarshal(line, &l)
	g := l.Gap
	if err != nil || g.Account == "" || !g.From.Known() {
		r.problem(number, "the line is damaged: it is no gap")
		return nil
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	r.counts.Gaps++
	r.report.Gaps++
	g.ID, g.After = 0, r.last[g.Account]
	_, err = r.log.AppendGap(ctx, g)
	return err
}

// trailer compares what the export says of itself with what was read.
func (r *own) trailer(number int, rec record) {
	if !r.open {
		r.skipped(number, "the end of an export that does not begin here")
		return
	}
	r.open = false
	switch sum := hex.EncodeToString(r.sum.Sum(nil)); {
	case rec.counts != r.counts:
		r.problem(number, fmt.Sprintf("the export is not whole: it had %d observations and %d gaps, and %d and %d could be read",
			rec.counts.Observations, rec.counts.Gaps, r.counts.Observations, r.counts.Gaps))
	case sum != rec.SHA256:
		r.problem(number, "the export was changed after it was made: its checksum differs")
	}
}

// incomplete says that an export has no trailer.
func (r *own) incomplete(number int) {
	if r.open {
		r.problem(number, "the export is incomplete: it has no last line with its checksum, so what came after this is missing")
	}
	r.open = false
}
