package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
)

// printJSON prints one object on a line of its own.
func (p *program) printJSON(v any) error { return p.printJSONTo(p.out, v) }

func (p *program) printJSONTo(w io.Writer, v any) error {
	b, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// lister prints the rows of a list as they come: as JSON Lines, or as a table
// at the end.
type lister[T any] struct {
	p      *program
	header []string
	cells  func(T) []string
	rows   [][]string
}

func (l *lister[T]) add(items ...T) error {
	for _, item := range items {
		if l.p.json {
			if err := l.p.printJSON(item); err != nil {
				return err
			}
			continue
		}
		l.rows = append(l.rows, l.cells(item))
	}
	return nil
}

// flush prints the table. An empty list prints its header alone.
func (l *lister[T]) flush() error {
	if l.p.json {
		return nil
	}
	t := table.New().Headers(l.header...).Rows(l.rows...).
		Border(lipgloss.Border{}).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderColumn(false).BorderHeader(false).
		StyleFunc(func(row, _ int) lipgloss.Style {
			style := lipgloss.NewStyle().PaddingRight(2)
			if row == table.HeaderRow && l.p.colored(l.p.out) {
				style = style.Bold(true)
			}
			return style
		})
	lines := strings.Split(t.String(), "\n")
	for _, line := range lines {
		if _, err := fmt.Fprintln(l.p.out, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// moment shows a time to a person: in UTC, marked when it was inferred.
func moment(t archive.Time, source archive.TimeSource) string {
	if !t.Known() {
		return "–"
	}
	s := t.UTC().Format(time.DateTime + "Z")
	if source == archive.FromThread {
		s += " (from the thread)"
	}
	return s
}

// clip shortens a text to one line of at most n characters.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// printable takes control characters out of what other people wrote, so that
// a terminal is not steered by it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < 0x20, r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, s)
}
