package query

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// MaxLength and MaxClauses bound the cost of a query.
const (
	MaxLength  = 1024 // bytes
	MaxClauses = 32
)

// Query is a parsed query.
type Query struct {
	Node And
	// After and Before are the range that all its dates leave: After
	// inclusive, Before exclusive; zero is open.
	After, Before time.Time
}

// String is the canonical form.
func (q Query) String() string { return q.Node.String() }

// Error is what is wrong with a query, in words for a person.
type Error struct {
	At   int // byte offset in the text
	Text string
}

// Error says what is wrong and where, counting columns from 1.
func (e *Error) Error() string { return fmt.Sprintf("%s (at column %d)", e.Text, e.At+1) }

// Position is the byte offset of what is wrong.
func (e *Error) Position() int { return e.At }

// Parse reads a query. Dates mean the days of zone; nil is UTC. The error is
// an *Error.
func Parse(text string, zone *time.Location) (Query, error) {
	if zone == nil {
		zone = time.UTC
	}
	if len(text) > MaxLength {
		return Query{}, &Error{MaxLength, fmt.Sprintf("the query is longer than %d bytes", MaxLength)}
	}
	p := parser{text: text, zone: zone}
	if err := p.clauses(); err != nil {
		return Query{}, err
	}
	q := Query{Node: And{Nodes: p.nodes}}
	q.bound()
	return q, nil
}

// bound narrows the range by every date that must hold.
func (q *Query) bound() {
	for _, n := range q.Node.Nodes {
		s, ok := n.(Span)
		if !ok {
			continue
		}
		if s.From.After(q.After) {
			q.After = s.From
		}
		if !s.To.IsZero() && (q.Before.IsZero() || s.To.Before(q.Before)) {
			q.Before = s.To
		}
	}
}

// blanks separate clauses.
const blanks = " \t\r\n"

type parser struct {
	text  string
	at    int
	zone  *time.Location
	nodes []Node
}

func (p *parser) clauses() error {
	for {
		p.at += len(p.text[p.at:]) - len(strings.TrimLeft(p.text[p.at:], blanks))
		if p.at == len(p.text) {
			return nil
		}
		if len(p.nodes) == MaxClauses {
			return &Error{p.at, fmt.Sprintf("more than %d clauses", MaxClauses)}
		}
		start := p.at
		negated := p.negation()
		n, err := p.clause()
		if err != nil {
			return err
		}
		if n == nil {
			continue
		}
		if negated {
			if _, ok := n.(Span); ok {
				return &Error{start, "a date cannot be negated; use before: and after:"}
			}
			n = Not{n}
		}
		p.add(n)
	}
}

// negation passes a minus or NOT in front of a clause.
func (p *parser) negation() bool {
	rest := p.text[p.at:]
	if after, ok := strings.CutPrefix(rest, "NOT"); ok && strings.TrimLeft(after, blanks) != after {
		if operand := strings.TrimLeft(after, blanks); operand != "" {
			p.at += len(rest) - len(operand)
			return true
		}
	}
	if len(rest) > 1 && rest[0] == '-' && !strings.ContainsAny(rest[1:2], blanks+"-") {
		p.at++
		return true
	}
	return false
}

// add appends a clause. The same field again means or.
func (p *parser) add(n Node) {
	if f, ok := n.(Field); ok {
		for i, have := range p.nodes {
			if g, ok := have.(Field); ok && g.Name == f.Name {
				p.nodes[i] = Field{Name: f.Name, Values: append(g.Values[:len(g.Values):len(g.Values)], f.Values...)}
				return
			}
		}
	}
	p.nodes = append(p.nodes, n)
}

// operatorLike is a word that is meant as an operator: letters, a colon and a
// value. A URL's scheme is none, nor is anything with digits before the colon.
var operatorLike = regexp.MustCompile(`^([A-Za-z_]{2,}):([^/\s]|$|\s)`)

func (p *parser) clause() (Node, error) {
	rest := p.text[p.at:]
	if rest[0] == '"' {
		return p.phrase(), nil
	}
	if m := operatorLike.FindStringSubmatch(rest); m != nil {
		return p.operator(m[1])
	}
	return p.word(), nil
}

// phrase reads quoted text. A quote that is never closed quotes nothing.
func (p *parser) phrase() Node {
	inner := p.text[p.at+1:]
	end := strings.IndexByte(inner, '"')
	if end < 0 {
		p.at++
		return nil
	}
	p.at += end + 2
	if strings.TrimSpace(inner[:end]) == "" {
		return nil
	}
	return Phrase{strings.TrimSpace(inner[:end])}
}

func (p *parser) word() Node {
	rest := p.text[p.at:]
	end := strings.IndexAny(rest, blanks+`"`)
	if end < 0 {
		end = len(rest)
	}
	p.at += end
	return Word{rest[:end]}
}

func (p *parser) operator(name string) (Node, error) {
	start := p.at
	o, ok := find(strings.ToLower(name))
	if !ok {
		return nil, &Error{start, unknown(name)}
	}
	p.at += len(name) + 1
	valueAt := p.at
	v := value{texts: p.values()}
	if len(v.texts) == 0 {
		return nil, &Error{valueAt, fmt.Sprintf("%s: needs a %s, such as %s", o.Name, o.Argument, o.Example)}
	}
	if o.dated {
		var err error
		if v.from, v.to, err = parseDate(v.texts[0], p.zone); err != nil || len(v.texts) > 1 {
			return nil, &Error{valueAt, fmt.Sprintf("%q is no date; use 2026, 2026-03, 2026-03-01 or 2026-03-01T12:30:00Z", strings.Join(v.texts, ","))}
		}
	}
	return o.lower(o.Name, v)
}

func unknown(name string) string {
	nearest, best := "", 3
	for _, o := range operators {
		if d := distance(strings.ToLower(name), o.Name); d < best {
			nearest, best = o.Name, d
		}
	}
	s := fmt.Sprintf("there is no operator %s:", name)
	if nearest != "" {
		return s + fmt.Sprintf("; did you mean %s:?", nearest)
	}
	return s + ` (quote it to search it as text)`
}

// values reads what stands behind an operator: texts with commas between.
func (p *parser) values() []string {
	var out []string
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		var text string
		if end := strings.IndexByte(rest[1:], '"'); rest[0] == '"' && end >= 0 {
			text = rest[1 : end+1]
			p.at += end + 2
		} else {
			end := strings.IndexAny(rest, blanks+`,"`)
			if end < 0 {
				end = len(rest)
			}
			text = rest[:end]
			p.at += end
		}
		if text = strings.TrimSpace(text); text != "" {
			out = append(out, text)
		}
		if p.at >= len(p.text) || p.text[p.at] != ',' {
			return out
		}
		p.at++
	}
	return out
}

// parseDate reads a date as the time from its beginning to its end.
func parseDate(s string, zone *time.Location) (from, to time.Time, err error) {
	for _, d := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {"2006-01-02", 0, 0, 1}} {
		if t, err := time.ParseInLocation(d.layout, s, zone); err == nil {
			return t, t.AddDate(d.years, d.months, d.days), nil
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, t, errors.New("no date")
	}
	return t, t.Add(time.Second), nil
}

// distance is how many letters must change to make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
