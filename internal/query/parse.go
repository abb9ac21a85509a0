package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
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

// skipBlanks is a text from its first character that is no white space, of
// whatever script: Japanese keyboards type a wide blank.
func skipBlanks(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }

// upTo is a text up to white space or one of the stops.
func upTo(s, stops string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(stops, r) })
	if end < 0 {
		return s
	}
	return s[:end]
}

type parser struct {
	text  string
	at    int
	zone  *time.Location
	nodes []Node
}

func (p *parser) clauses() error {
	for {
		p.at = len(p.text) - len(skipBlanks(p.text[p.at:]))
		if p.at == len(p.text) {
			return nil
		}
		if len(p.nodes) == MaxClauses {
			return &Error{p.at, fmt.Sprintf("more than %d clauses", MaxClauses)}
		}
		start := p.at
		p.openQuote()
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

// openQuote passes a quote that is never closed: it quotes nothing.
func (p *parser) openQuote() {
	if rest := p.text[p.at:]; rest != "" && rest[0] == '"' && strings.Count(rest, `"`) == 1 {
		p.at++
	}
}

// negation passes a minus or NOT in front of a clause.
func (p *parser) negation() bool {
	rest := p.text[p.at:]
	if after, ok := strings.CutPrefix(rest, "NOT"); ok {
		if operand := skipBlanks(after); operand != "" && (operand != after || operand[0] == '"') {
			p.at = len(p.text) - len(operand)
			return true
		}
	}
	if after, ok := strings.CutPrefix(rest, "-"); ok && after != "" && after[0] != '-' && skipBlanks(after) == after {
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

// operatorLike is a word that may be meant as an operator: letters and a colon.
// Anything with digits before the colon is none.
var operatorLike = regexp.MustCompile(`^([A-Za-z_]{2,}):`)

func (p *parser) clause() (Node, error) {
	p.openQuote()
	if inner, quoted := strings.CutPrefix(p.text[p.at:], `"`); quoted {
		end := strings.IndexByte(inner, '"')
		p.at += end + 2
		return phrase(inner[:end]), nil
	}
	rest := p.text[p.at:]
	if rest == "" || skipBlanks(rest) != rest {
		return nil, nil
	}
	if m := operatorLike.FindStringSubmatch(rest); m != nil && isOperator(m[1], rest[len(m[0]):]) {
		return p.operator(m[1])
	}
	return p.word(), nil
}

// phrase is what stands between quotes; nil for blanks.
func phrase(text string) Node {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return Phrase{text}
}

// isOperator tells an operator, known or mistaken, from text with a colon: the
// scheme of an address, or a word at whose colon nothing stands, as in
// "Re: budget".
func isOperator(name, rest string) bool {
	if strings.HasPrefix(rest, "//") || slices.Contains(schemes, strings.ToLower(name)) {
		return false
	}
	_, known := find(strings.ToLower(name))
	return known || rest != "" && rest[0] != '/' && skipBlanks(rest) == rest
}

func (p *parser) word() Node {
	text := upTo(p.text[p.at:], `"`)
	p.at += len(text)
	return Word{text}
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
	nearest, best := "", min(2, len(name)/2)+1
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
	for {
		if text := strings.TrimSpace(p.value()); text != "" {
			out = append(out, text)
		}
		if p.at == len(p.text) || p.text[p.at] != ',' {
			return out
		}
		p.at++
	}
}

// value reads one text, in quotes or up to white space or a comma.
func (p *parser) value() string {
	p.openQuote()
	if inner, quoted := strings.CutPrefix(p.text[p.at:], `"`); quoted {
		end := strings.IndexByte(inner, '"')
		p.at += end + 2
		return inner[:end]
	}
	text := upTo(p.text[p.at:], `,"`)
	p.at += len(text)
	return text
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
