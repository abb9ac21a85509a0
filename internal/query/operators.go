package query

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Operator is one line of the table: a word that, followed by a colon, gives
// what comes after it a meaning of its own.
type Operator struct {
	Name     string
	Argument string // what it takes
	Help     string // what it finds
	Example  string // a query
	// lower makes the node of a value. A date has already been read.
	lower func(name string, v value) (Node, error)
	dated bool
}

// value is what stands behind an operator.
type value struct {
	texts []string  // one or several, separated by commas
	from  time.Time // of a date: its beginning and its end
	to    time.Time
}

// operators is the table. Parser, help, docs/query.md and tests walk it.
var operators = []Operator{
	{"from", "person", "written by a person: name, address, p: id, or me", `from:bo`, lowerField, false},
	{"in", "conversation", "in a conversation: part of its subject, of a participant's name, or c: id", `in:"launch plan"`, lowerField, false},
	{"after", "date", "on that day or later", `after:2026-03-01`, lowerAfter, true},
	{"before", "date", "before that day", `before:2026-04`, lowerBefore, true},
	{"on", "date", "on that day, in that month or year", `on:2026-03`, lowerOn, true},
}

func lowerField(name string, v value) (Node, error) { return Field{Name: name, Values: v.texts}, nil }

func lowerAfter(name string, v value) (Node, error) {
	return Span{Name: name, Text: v.texts[0], From: v.from}, nil
}

func lowerBefore(name string, v value) (Node, error) {
	return Span{Name: name, Text: v.texts[0], To: v.from}, nil
}

func lowerOn(name string, v value) (Node, error) {
	return Span{Name: name, Text: v.texts[0], From: v.from, To: v.to}, nil
}

// schemes begin addresses that are searched as text.
var schemes = []string{"mailto", "sip", "sips", "tel"}

// Operators is the table.
func Operators() []Operator { return operators }

func find(name string) (Operator, bool) {
	for _, o := range operators {
		if o.Name == name {
			return o, true
		}
	}
	return Operator{}, false
}

// Help describes the language for a terminal.
func Help() string {
	var b strings.Builder
	b.WriteString("  word            messages with the word\n")
	b.WriteString("  \"two words\"     messages with these words in this order\n")
	b.WriteString("  -word           messages without it\n")
	for _, o := range operators {
		fmt.Fprintf(&b, "  %-15s %s\n", o.Name+":"+strings.ToUpper(o.Argument), o.Help)
	}
	return b.String()
}

// Markdown writes docs/query.md.
func Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Searching

<!-- made from internal/query/operators.go by make generate -->

All clauses of a query must match. Case and accents do not matter. Chinese,
Japanese and Korean match by any part. Text such as ` + "`12:30`, `C++` or `http://host:8080/a`" + ` is
searched as it stands; an address, a file name or a ticket number is found whole
and by its parts.

| clause | finds messages | example |
|---|---|---|
| word | with the word | ` + "`budget`" + ` |
| "words" | with these words in this order | ` + "`\"release notes\"`" + ` |
| -clause | that the clause does not find | ` + "`-from:me`" + ` |
`)
	for _, o := range operators {
		fmt.Fprintf(&b, "| %s:%s | %s | `%s` |\n", o.Name, o.Argument, o.Help, o.Example)
	}
	b.WriteString(`
Commas, or from: or in: given twice, mean *or*: ` + "`from:bo,chi`" + `; several dates
must all hold. Quote values with spaces. Dates are ` + "`2026`, `2026-03`, `2026-03-01` or `2026-03-01T12:30:00Z`" + ` and mean your time
zone, unless they name one. An unknown operator or a bad date is an error that
says where it is.
`)
	_, err := io.WriteString(w, b.String())
	return err
}
