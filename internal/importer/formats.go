package importer

import (
	"bytes"
	"context"
)

// The formats as reports name them.
const (
	formatExport     = "archiver export"
	formatJSON       = "json"
	formatJSONL      = "jsonl"
	formatTranscript = "transcript"
)

// format is one sort of file that can be read.
type format struct {
	name string
	// fits tells by the first bytes of a file, without a byte order mark,
	// whether it is of this format.
	fits func(head []byte) bool
	read func(context.Context, *job) error
}

// formats is the table of formats; the first that fits reads the file. The last
// one fits everything: a single body, JSON Lines and a transcript are bodies
// with more or less between them, and are told apart once they were read.
func formats() []format {
	return []format{
		{formatExport, isExport, readExport},
		{formatTranscript, func([]byte) bool { return true }, readBodies},
	}
}

// sniffed is how much of a file decides its format.
const sniffed = 4 << 10

func formatOf(head []byte) format {
	for _, f := range formats() {
		if f.fits(head) {
			return f
		}
	}
	return format{}
}

// isExport knows an export, or lines cut out of one, by the member that every
// line begins with.
func isExport(head []byte) bool {
	line := bytes.TrimLeft(head, blanks)
	line, ok := bytes.CutPrefix(line, []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(line, blanks), []byte(`"archiver"`))
}
