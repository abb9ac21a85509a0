package query_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/query"
)

var update = flag.Bool("update", false, "write docs/query.md anew")

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestParse(t *testing.T) {
	w := func(s string) query.Node { return query.Word{Text: s} }
	tests := []struct {
		text, canonical string
		want            []query.Node
	}{
		{"", "", nil},
		{"  budget  report ", "budget report", []query.Node{w("budget"), w("report")}},
		{`"release notes" bo`, `"release notes" bo`, []query.Node{query.Phrase{Text: "release notes"}, w("bo")}},
		{`-chairs`, `-chairs`, []query.Node{query.Not{Node: w("chairs")}}},
		{`NOT"chairs"`, `-"chairs"`, []query.Node{query.Not{Node: query.Phrase{Text: "chairs"}}}},
		{`NOT chairs`, `-chairs`, []query.Node{query.Not{Node: w("chairs")}}},
		{`from:bo`, `from:bo`, []query.Node{query.Field{Name: "from", Values: []string{"bo"}}}},
		{`FROM:bo,chi`, `from:bo,chi`, []query.Node{query.Field{Name: "from", Values: []string{"bo", "chi"}}}},
		{`from:bo x from:chi`, `from:bo,chi x`, []query.Node{query.Field{Name: "from", Values: []string{"bo", "chi"}}, w("x")}},
		{`in:"launch plan, week 3"`, `in:"launch plan, week 3"`, []query.Node{query.Field{Name: "in", Values: []string{"launch plan, week 3"}}}},
		{`-from:me`, `-from:me`, []query.Node{query.Not{Node: query.Field{Name: "from", Values: []string{"me"}}}}},
		// Text that only looks like something else.
		{`12:30`, `12:30`, []query.Node{w("12:30")}},
		{`http://x:8080/a`, `http://x:8080/a`, []query.Node{w("http://x:8080/a")}},
		{`C++ #42 a-b -`, `C++ #42 a-b -`, []query.Node{w("C++"), w("#42"), w("a-b"), w("-")}},
		{`"open quote`, `open quote`, []query.Node{w("open"), w("quote")}},
		{`-"open quote`, `-open quote`, []query.Node{query.Not{Node: w("open")}, w("quote")}},
		{`from:"bo`, `from:bo`, []query.Node{query.Field{Name: "from", Values: []string{"bo"}}}},
		{`Re: budget note:`, `Re: budget note:`, []query.Node{w("Re:"), w("budget"), w("note:")}},
		{`sip:bo@contoso.example mailto:bo@contoso.example`, `sip:bo@contoso.example mailto:bo@contoso.example`,
			[]query.Node{w("sip:bo@contoso.example"), w("mailto:bo@contoso.example")}},
		{`in:/plan`, `in:/plan`, []query.Node{query.Field{Name: "in", Values: []string{"/plan"}}}},
		{`NOT -x NOT - --y`, `NOT -x NOT - --y`, []query.Node{query.Not{Node: w("-x")}, query.Not{Node: w("-")}, w("--y")}},
		{`会議 資料`, `会議 資料`, []query.Node{w("会議"), w("資料")}},
		{"from:bo\u3000会議\u00a0資料", `from:bo 会議 資料`, []query.Node{query.Field{Name: "from", Values: []string{"bo"}}, w("会議"), w("資料")}},
	}
	for _, tt := range tests {
		q, err := query.Parse(tt.text, nil)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, q.Node.Nodes); diff != "" || q.String() != tt.canonical {
			t.Errorf("Parse(%q) = %q, want %q: %s", tt.text, q.String(), tt.canonical, diff)
		}
	}
}

// A day begins with its first moment, also where clocks change at midnight.
func TestDays(t *testing.T) {
	tests := []struct {
		zone, day, first, next string
	}{
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}, // forward at 0:00
		{"America/Sao_Paulo", "2018-11-03", "2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00"},
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00"}, // back at 24:00
		{"America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},    // back at 1:00: midnight twice
		{"Asia/Beirut", "2026-03-29", "2026-03-29T01:00:00+03:00", "2026-03-30T00:00:00+03:00"},
		{"Atlantic/Azores", "2026-03-29", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
		{"Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00-01:00"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"}, // the day after was left out
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00"},
		{"Asia/Kathmandu", "2026-03-01", "2026-03-01T00:00:00+05:45", "2026-03-02T00:00:00+05:45"},
	}
	for _, tt := range tests {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		q, err := query.Parse("on:"+tt.day, zone)
		if err != nil || q.After.Format(time.RFC3339) != tt.first || q.Before.Format(time.RFC3339) != tt.next {
			t.Errorf("%s in %s is %v to %v, %v; want %s to %s", tt.day, tt.zone, q.After, q.Before, err, tt.first, tt.next)
		}
	}
}

// The days of a year follow one another: no moment is in two of them or in none.
func TestDaysAdjoin(t *testing.T) {
	for _, name := range []string{"America/Havana", "Asia/Beirut", "Africa/Cairo", "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for d := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() == 2026; d = d.AddDate(0, 0, 1) {
			day := d.Format(time.DateOnly)
			q, err := query.Parse("on:"+day, zone)
			if err != nil || !last.IsZero() && !q.After.Equal(last) {
				t.Errorf("%s in %s begins at %v, the day before ended at %v, %v", day, name, q.After, last, err)
			}
			if q.After.Format(time.DateOnly) != day || q.After.Add(-1).Format(time.DateOnly) >= day {
				t.Errorf("%s in %s begins at %v", day, name, q.After)
			}
			last = q.Before
		}
	}
}

// Dates mean the reader's days, also on the days when clocks change.
func TestRange(t *testing.T) {
	tests := []struct{ text, after, before string }{
		{"after:2026-03-01", "2026-02-28T23:00:00Z", ""},
		{"before:2026-03-01", "", "2026-02-28T23:00:00Z"},
		{"on:2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, // 23 hours
		{"on:2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, // 25 hours
		{"on:2026-02", "2026-01-31T23:00:00Z", "2026-02-28T23:00:00Z"},
		{"on:2026", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"},
		{"after:2026-03-01T12:30:00Z", "2026-03-01T12:30:00Z", ""},
		{"after:2026 before:2026-07 after:2026-05", "2026-04-30T22:00:00Z", "2026-06-30T22:00:00Z"},
		{"word", "", ""},
	}
	show := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	for _, tt := range tests {
		q, err := query.Parse(tt.text, berlin(t))
		if err != nil || show(q.After) != tt.after || show(q.Before) != tt.before {
			t.Errorf("Parse(%q): from %q to %q, %v; want %q to %q", tt.text, show(q.After), show(q.Before), err, tt.after, tt.before)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		text, want string
		at         int
	}{
		{"budget form:bo", "did you mean from:?", 7},
		{"re:bo", "quote it to search it as text", 0},
		{"nonsense:bo", "quote it to search it as text", 0},
		{"after:yesterday", `"yesterday" is no date`, 6},
		{"x after:2026-13-01", "is no date", 8},
		{"from:", "from: needs a person", 5},
		{"-after:2026", "cannot be negated", 0},
		{strings.Repeat("a ", query.MaxClauses+1), "more than 32 clauses", 64},
		{strings.Repeat("a", query.MaxLength+1), "longer than", query.MaxLength},
	}
	for _, tt := range tests {
		_, err := query.Parse(tt.text, nil)
		var e *query.Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), tt.want) || e.Position() != tt.at {
			t.Errorf("Parse(%.40q): %v, want %q at %d", tt.text, err, tt.want, tt.at)
		}
	}
}

// Every operator of the table has help, and an example that parses.
func TestOperators(t *testing.T) {
	for _, o := range query.Operators() {
		if o.Help == "" || o.Argument == "" {
			t.Errorf("%s: has no help", o.Name)
		}
		q, err := query.Parse(o.Example, nil)
		if err != nil || !strings.HasPrefix(q.String(), o.Name+":") {
			t.Errorf("%s: its example %q gives %q, %v", o.Name, o.Example, q.String(), err)
		}
		if !strings.Contains(query.Help(), o.Help) {
			t.Errorf("%s: is not in the help", o.Name)
		}
	}
}

func TestDocument(t *testing.T) {
	var got strings.Builder
	if err := query.Markdown(&got); err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/query.md"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("docs/query.md is not current; run make generate: %s", diff)
	}
}

// The canonical form of a query parses to the same query.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`budget -"release notes" from:bo,"Chi S" after:2026-03`, `12:30 C++ "open`, `in:a in:b NOT x`, `- -- "" from:"`, `NOT -x NOT - -"y`, `"-0`, `NOT"0`, "from:\u3000 a\u00a0b", `Re: x sip:y in:/z`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := query.Parse(s, nil)
		if err != nil || len(q.String()) > query.MaxLength {
			return // the canonical form may be the longer one
		}
		again, err := query.Parse(q.String(), nil)
		if err != nil {
			t.Fatalf("%q became %q, which is wrong: %v", s, q.String(), err)
		}
		if diff := cmp.Diff(q, again); diff != "" {
			t.Errorf("%q became %q, which means something else: %s", s, q.String(), diff)
		}
	})
}
