package importer

import (
	"bytes"
	"context"
	"fmt"
)

// MaxBody is the largest body that is read, in bytes. Ten megabytes are known
// from large meetings; what is beyond this is not a response of the channel.
const MaxBody = 32 << 20

// tooLarge is the reason of a value beyond the limit.
const tooLarge = "it is larger than 32 MiB"

// Reasons why a line was left out.
const (
	notJSON     = "not JSON"
	pythonDict  = "a Python dictionary, not JSON"
	beforeBody  = "text before a body"
	notBody     = "JSON, but not a UCWA body: no _links, sender or rel"
	brokenOffIn = "part of the broken body before it"
)

// findings are what a scanner meets, in the order of the file.
type findings interface {
	// body is a complete UCWA body; it is valid during the call only.
	body(ctx context.Context, line int, body []byte) error
	// skipped is a line that holds no body.
	skipped(line int, reason string)
	// problem is a body that could not be read.
	problem(line int, reason string)
}

// scanner finds UCWA bodies between anything else. A body begins where a line
// begins, or after text in a line if it is complete there, and ends with its
// matching "}".
//
// A broken body ends where reading can safely go on: at a line that is indented
// no deeper than its first one and does not close or continue anything. Where
// it is spread over lines that are not indented, its parts cannot be told from
// bodies of their own; after it nothing counts until there is a P-GET response,
// which is never a part of anything.
type scanner struct {
	w        *window
	out      findings
	fragment bool  // perhaps among the parts of a broken body
	tried    int64 // offset up to which bodies after text were looked for in vain
	said     int   // the last line reported as skipped

	values, spread, broken, chatter int // bodies, those over several lines, broken ones, and skipped lines
}

// scan reads to the end of the stream.
func (s *scanner) scan(ctx context.Context) error {
	for {
		s.w.skipBlanks()
		if s.w.ended() {
			return s.w.err
		}
		if !s.w.beginsObject(0) {
			s.text()
			continue
		}
		n, wrong := s.w.object(0, MaxBody)
		if s.w.err != nil {
			return s.w.err
		}
		if wrong != nil {
			s.pass(wrong)
			continue
		}
		if err := s.value(ctx, n); err != nil {
			return err
		}
	}
}

// value passes the complete object of n bytes that comes next.
func (s *scanner) value(ctx context.Context, n int) error {
	value, line := s.w.rest()[:n], s.w.line
	shape := shapeOf(value)
	if s.fragment && shape != response {
		s.skip(line, brokenOffIn)
		s.w.advance(n)
		return nil
	}
	s.fragment = false
	if shape == other {
		s.skip(line, notBody)
		s.w.advance(n)
		return nil
	}
	s.values++
	if err := s.out.body(ctx, line, value); err != nil {
		return err
	}
	s.w.advance(n)
	if s.w.line > line {
		s.spread++
	}
	return nil
}

// text passes a line, or the part of it before a body.
func (s *scanner) text() {
	s.w.fill(windowBytes)
	head := s.w.rest()
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i]
	}
	if at := bytes.IndexByte(head, '{'); at > 0 && s.bodyAfter(at) {
		s.skip(s.w.line, beforeBody)
		s.w.advance(at)
		return
	}
	s.skip(s.w.line, reasonFor(head))
	s.w.skipLine()
}

// bodyAfter tells whether a complete body begins at bytes further on, after
// text. What was looked through in vain is not looked through again, so that
// the time does not grow with the square of the file.
func (s *scanner) bodyAfter(at int) bool {
	if s.w.off+int64(at) < s.tried || s.fragment || !s.w.beginsObject(at) {
		return false
	}
	n, wrong := s.w.object(at, MaxBody)
	if wrong != nil {
		s.tried = s.w.off + int64(at+wrong.at)
		return false
	}
	return shapeOf(s.w.rest()[at:at+n]) != other
}

// reasonFor says what a line is that holds no body.
func reasonFor(line []byte) string {
	for _, prefix := range []string{"{'", "{u'", "[{u'", "[{'"} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return pythonDict
		}
	}
	return notJSON
}

// pass reports the broken object that comes next and passes it.
func (s *scanner) pass(wrong *broken) {
	line, indent := s.w.line, s.w.col
	part := s.w.rest()[:wrong.at]
	flat := isFlat(part, indent)
	s.report(line, line+bytes.Count(part, []byte("\n")), wrong.why)
	if at := lastObject(part, indent); at > 0 {
		s.w.advance(at)
	} else {
		s.w.advance(wrong.at)
		s.skipRemains(line, indent)
	}
	s.fragment = s.fragment || flat
}

func (s *scanner) report(line, breaks int, why string) {
	if s.fragment {
		s.skip(line, brokenOffIn)
		return
	}
	s.broken++
	s.out.problem(line, fmt.Sprintf("a body begins here and cannot be read: at line %d %s", breaks, why))
}

// isFlat tells whether a value that begins at an indentation is spread over
// lines without indenting them, as some printers do.
func isFlat(value []byte, indent int) bool {
	first, rest, _ := bytes.Cut(value, []byte("\n"))
	if len(bytes.TrimRight(first, blanks)) > 1 || len(rest) == 0 {
		return false
	}
	return len(rest)-len(bytes.TrimLeft(rest, " \t")) <= indent
}

// lastObject is where the last line of part begins that is indented no deeper
// than indent and begins an object; 0 when there is none but the first. The
// last is taken, for after a cut in a body the next one is read as its member
// and shows that it is none where it ends.
func lastObject(part []byte, indent int) int {
	for end := len(part); ; {
		start := bytes.LastIndexByte(part[:end], '\n')
		if start < 0 {
			return 0
		}
		line := bytes.TrimLeft(part[start+1:], " \t")
		depth := len(part) - start - 1 - len(line)
		if depth <= indent && bytes.HasPrefix(line, []byte("{")) {
			return start + 1
		}
		end = start
	}
}

// skipRemains passes what is left of a broken body that began at a line and an
// indentation: the line where it breaks, unless something else begins there,
// and the lines that are indented deeper or close or continue something.
func (s *scanner) skipRemains(line, indent int) {
	if s.w.line == line || s.w.col > indent || s.continues() {
		s.w.skipLine()
	}
	for !s.w.ended() {
		s.w.skipBlanks()
		if s.w.ended() || (s.w.col <= indent && !s.continues()) {
			return
		}
		s.w.skipLine()
	}
}

// continues tells whether what comes next can only be the inside of a value.
func (s *scanner) continues() bool {
	return !s.w.ended() && bytes.ContainsAny(s.w.rest()[:1], `}],"`)
}

// skip reports a line once, whatever it holds.
func (s *scanner) skip(line int, reason string) {
	if line == s.said {
		return
	}
	s.said = line
	s.chatter++
	s.out.skipped(line, reason)
}
