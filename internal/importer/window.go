package importer

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// blanks are the bytes that JSON allows between values.
const blanks = " \t\r\n"

// windowBytes is how far one looks ahead at least. The buffer holds several of
// it, so that looking ahead moves little memory.
const windowBytes = 64 << 10

// window is the part of a stream that is being looked at. It grows to hold one
// value and no further.
type window struct {
	stop func() error // not nil when reading is to end early
	r    io.Reader
	buf  []byte
	pos  int   // what comes next is buf[pos:]
	off  int64 // where in the stream buf[pos] is
	line int   // of buf[pos], from 1
	col  int   // bytes before buf[pos] in its line
	done bool  // r has ended
	err  error // why it ended; nil for its end
}

func newWindow(ctx context.Context, r io.Reader) *window {
	return &window{stop: ctx.Err, r: r, line: 1}
}

// rest is what was read and not yet passed.
func (w *window) rest() []byte { return w.buf[w.pos:] }

// fill reads until rest holds n bytes or the stream has ended.
func (w *window) fill(n int) {
	if cap(w.buf)-w.pos < n {
		rest := w.rest()
		if cap(w.buf) < n {
			w.buf = make([]byte, 0, max(4*windowBytes, n+n/4))
		}
		w.buf, w.pos = append(w.buf[:0], rest...), 0
	}
	for len(w.rest()) < n && !w.done {
		if w.err = w.stop(); w.err != nil {
			w.done = true
			return
		}
		got, err := w.r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+got]
		if err != nil {
			w.done = true
			if !errors.Is(err, io.EOF) {
				w.err = classify(err)
			}
		}
	}
}

// ended reports whether nothing is left.
func (w *window) ended() bool {
	w.fill(1)
	return len(w.rest()) == 0
}

// advance passes n bytes of rest.
func (w *window) advance(n int) {
	passed := w.buf[w.pos : w.pos+n]
	w.col += n
	if last := bytes.LastIndexByte(passed, '\n'); last >= 0 {
		w.line += bytes.Count(passed, []byte("\n"))
		w.col = n - last - 1
	}
	w.pos += n
	w.off += int64(n)
}

// skipBlanks passes blanks, and byte order marks as joined files have them.
func (w *window) skipBlanks() {
	for !w.ended() {
		w.fill(len(bom))
		rest := w.rest()
		n := len(rest) - len(bytes.TrimLeft(rest, blanks))
		if bytes.HasPrefix(rest, []byte(bom)) {
			n = len(bom)
		}
		if n == 0 {
			return
		}
		w.advance(n)
	}
}

// bom is the byte order mark in UTF-8.
const bom = "\xef\xbb\xbf"

// skipLine passes the rest of the line with its end, however long it is.
func (w *window) skipLine() {
	for !w.ended() {
		if i := bytes.IndexByte(w.rest(), '\n'); i >= 0 {
			w.advance(i + 1)
			return
		}
		w.advance(len(w.rest()))
	}
}

// wholeLine is the rest of the line with its end. It is not passed. It is cut
// off and whole is false when it is longer than limit.
func (w *window) wholeLine(limit int) (line []byte, whole bool) {
	for searched := 0; ; {
		rest := w.rest()
		if i := bytes.IndexByte(rest[searched:], '\n'); i >= 0 {
			return rest[:searched+i+1], true
		}
		if w.done || len(rest) > limit {
			return rest, len(rest) <= limit
		}
		searched = len(rest)
		w.fill(max(2*len(rest), windowBytes))
	}
}

// beginsObject tells whether at bytes further on a JSON object with a member
// begins: a "{", perhaps blanks, and the quote of its first name.
func (w *window) beginsObject(at int) bool {
	for size := windowBytes; ; size *= 2 {
		rest := w.rest()
		if at >= len(rest) || rest[at] != '{' {
			return false
		}
		after := bytes.TrimLeft(rest[at+1:], blanks)
		if len(after) > 0 || w.done || size > 4*windowBytes {
			return len(after) > 0 && (after[0] == '"' || after[0] == '}')
		}
		w.fill(at + size)
	}
}

// broken says why there is no complete value, and how many bytes after its
// beginning that shows.
type broken struct {
	at  int
	why string
}

// object is the length of the JSON object that begins at bytes further on.
// Duplicate members and invalid UTF-8 are let pass: where the object ends is
// certain all the same, and its bytes are kept for decoding to judge.
func (w *window) object(at, limit int) (int, *broken) {
	for {
		rest := w.rest()[at:]
		d := jsontext.NewDecoder(bytes.NewBuffer(rest), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		_, err := d.ReadValue()
		n := int(d.InputOffset())
		cut := errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case n > limit, cut && len(rest) > limit:
			return 0, &broken{min(len(rest), limit), tooLarge}
		case err == nil:
			return n, nil
		case cut && w.done:
			return 0, &broken{len(rest), "it breaks off at the end of the file"}
		case !cut:
			return 0, &broken{min(breaksAt(err), len(rest)), "it is not JSON"}
		}
		w.fill(at + max(2*len(rest), windowBytes))
	}
}

func breaksAt(err error) int {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return int(syntax.ByteOffset)
	}
	return 0
}
