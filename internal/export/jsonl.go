package export

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
)

// jsonlVersion is raised when a reader of the version before would read
// something wrong. A reader refuses versions above its own.
const jsonlVersion = 1

// aboutJSONL is for those who find an export when this program is gone.
const aboutJSONL = "Responses of a Skype for Business server (UCWA), verbatim and in the order received, one a line: " +
	"body is the response as text, or body_base64 where it is not valid UTF-8; sha256 is of its bytes. " +
	"A gap line is a time in which nothing was captured. " +
	"The last line holds counts and the SHA-256 of all bytes before that line; without it the file is incomplete."

// jsonl writes JSON Lines. Every line says first what it is.
type jsonl struct {
	w      io.Writer
	sum    hash.Hash // of everything written
	counts jsonlCounts
}

type jsonlHeader struct {
	Archiver string `json:"archiver"` // "export"
	Version  int    `json:"version"`
	About    string `json:"about"`
}

type jsonlAccount struct {
	Archiver string `json:"archiver"` // "account"
	archive.Account
}

type jsonlObservation struct {
	Archiver string `json:"archiver"` // "observation"
	archive.Observation
	Text   *string `json:"body,omitzero"`        // the bytes, when they are valid UTF-8
	Base64 []byte  `json:"body_base64,omitzero"` // the bytes, when they are not
}

type jsonlGap struct {
	Archiver string `json:"archiver"` // "gap"
	archive.Gap
	After string `json:"after,omitzero"` // instead of the gap's; "" before the first observation
}

type jsonlCounts struct {
	Accounts     int64 `json:"accounts"`
	Observations int64 `json:"observations"`
	Gaps         int64 `json:"gaps"`
}

type jsonlTrailer struct {
	Archiver string `json:"archiver"` // "end"
	jsonlCounts
	SHA256 string `json:"sha256"`
}

func newJSONL(w io.Writer) (Handler, error) {
	j := &jsonl{w: w, sum: sha256.New()}
	return j, j.line(jsonlHeader{"export", jsonlVersion, aboutJSONL})
}

// Record writes one line.
func (j *jsonl) Record(r Record) error {
	switch {
	case r.Account != nil:
		j.counts.Accounts++
		return j.line(jsonlAccount{"account", *r.Account})
	case r.Observation != nil:
		j.counts.Observations++
		return j.line(observationLine(*r.Observation))
	default:
		j.counts.Gaps++
		return j.line(gapLine(*r.Gap))
	}
}

func gapLine(g archive.Gap) jsonlGap {
	line := jsonlGap{Archiver: "gap", Gap: g}
	if g.After > 0 {
		line.After = g.After.String()
	}
	return line
}

// observationLine writes the body as a JSON string where that keeps it exactly:
// JSON escapes every character, but can hold nothing that is not UTF-8.
func observationLine(o archive.Observation) jsonlObservation {
	line := jsonlObservation{Archiver: "observation", Observation: o}
	if utf8.Valid(o.Body) {
		text := string(o.Body)
		line.Text = &text
	} else {
		line.Base64 = o.Body
	}
	return line
}

// Close writes the trailer, without which a reader takes the export for
// incomplete.
func (j *jsonl) Close() error {
	return j.line(jsonlTrailer{"end", j.counts, hex.EncodeToString(j.sum.Sum(nil))})
}

func (j *jsonl) line(v any) error {
	b, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	b = append(b, '\n')
	j.sum.Write(b)
	_, err = j.w.Write(b)
	return err
}
