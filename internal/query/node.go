package query

import (
	"strings"
	"time"
)

// Node is one clause of a query. String is its canonical form, which parses to
// the same node.
type Node interface {
	String() string
	isNode()
}

// Word matches messages that hold the word, whatever its case and accents.
// Text that falls into several words, such as an address, is a Phrase in
// effect.
type Word struct{ Text string }

// Phrase matches messages that hold these words in this order.
type Phrase struct{ Text string }

// Not matches messages that its clause does not match.
type Not struct{ Node Node }

// Field matches messages by what is known about them. One of the values
// suffices.
type Field struct {
	Name   string // from or in
	Values []string
}

// Span matches messages of a time: From inclusive, To exclusive; a zero bound
// is open. Text is what was typed.
type Span struct {
	Name, Text string
	From, To   time.Time
}

// And matches messages that all its clauses match. An empty And matches all.
type And struct{ Nodes []Node }

func (Word) isNode()   {}
func (Phrase) isNode() {}
func (Not) isNode()    {}
func (Field) isNode()  {}
func (Span) isNode()   {}
func (And) isNode()    {}

// String is the word itself.
func (n Word) String() string { return n.Text }

// String is the phrase in quotes.
func (n Phrase) String() string { return `"` + n.Text + `"` }

// String is the clause behind a minus, or behind NOT where the minus would be
// taken for text.
func (n Not) String() string {
	clause := n.Node.String()
	if strings.HasPrefix(clause, "-") {
		return "NOT " + clause
	}
	return "-" + clause
}

// String is name:value,value with quotes where a value needs them.
func (n Field) String() string {
	values := make([]string, len(n.Values))
	for i, v := range n.Values {
		values[i] = v
		if upTo(v, ",") != v {
			values[i] = `"` + v + `"`
		}
	}
	return n.Name + ":" + strings.Join(values, ",")
}

// String is name:date as typed.
func (n Span) String() string { return n.Name + ":" + n.Text }

// String is the clauses one after the other.
func (n And) String() string {
	parts := make([]string, len(n.Nodes))
	for i, c := range n.Nodes {
		parts[i] = c.String()
	}
	return strings.Join(parts, " ")
}
