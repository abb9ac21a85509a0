package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"archiver/internal/ucwa/ucwatest"
)

// TestSimulatorDoc keeps docs/simulator.md true: its tables are made from the
// program (with -update), and its example plays.
func TestSimulatorDoc(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "simulator.md")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	is := string(data)
	want := is
	for section, text := range map[string]string{"steps": stepsTable(), "flags": flagsTable(), "faults": "```\n" + ucwatest.FaultHelp + "\n```\n"} {
		begin, rest, ok := strings.Cut(want, "<!-- "+section+":")
		head, rest, ok2 := strings.Cut(rest, "\n")
		_, rest, ok3 := strings.Cut(rest, "<!-- end -->")
		if !ok || !ok2 || !ok3 {
			t.Fatalf("there is no place for the %s", section)
		}
		want = begin + "<!-- " + section + ":" + head + "\n\n" + text + "\n<!-- end -->" + rest
	}
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if is != want {
		t.Error("docs/simulator.md does not say what the program does: go test ./cmd/archiver -run TestSimulatorDoc -update")
	}
	example := regexp.MustCompile("(?s)```txtar\n(.*?)```").FindStringSubmatch(is)
	if example == nil {
		t.Fatal("there is no example")
	}
	if _, err := ucwatest.ParseScenario("docs/simulator.md", []byte(example[1])); err != nil {
		t.Errorf("the example does not play: %v", err)
	}
	for _, action := range regexp.MustCompile("`(/sim/[a-z]+)`").FindAllStringSubmatch(is, -1) {
		server := ucwatest.New(scenario(t, "office"))
		if got := control(t, server, action[1]); got == 404 && action[1] != "/sim/ends" {
			t.Errorf("there is no action %s", action[1])
		}
	}
}

// stepsTable is the table of ucwatest.Verbs.
func stepsTable() string {
	var b strings.Builder
	b.WriteString("| step | what happens |\n|---|---|\n")
	lines := strings.Split(strings.TrimSpace(ucwatest.Verbs()), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		fmt.Fprintf(&b, "| `%s` | %s |\n", cell(strings.TrimSpace(lines[i])), cell(strings.TrimSpace(lines[i+1])))
	}
	return b.String()
}

// flagsTable is the table of the flags that make servers differ.
func flagsTable() string {
	var f simFlags
	set := pflag.NewFlagSet("sim", pflag.ContinueOnError)
	f.flags(set)
	var b strings.Builder
	b.WriteString("| flag | what it does |\n|---|---|\n")
	set.VisitAll(func(f *pflag.Flag) {
		if slices.Contains([]string{"fault", "addr", "remote", "trust-file", "account"}, f.Name) {
			return // they are not about how servers differ
		}
		value, usage := pflag.UnquoteUsage(f)
		usual := ""
		if d := f.DefValue; d != "" && d != "false" && d != "[]" && d != "0s" {
			usual = fmt.Sprintf(" (`%s`)", d)
		}
		fmt.Fprintf(&b, "| `%s` | %s%s |\n", cell(strings.TrimSpace("--"+f.Name+" "+value)), cell(usage), usual)
	})
	return b.String()
}

// cell is a text for a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// control asks for an action without saying what of it.
func control(t *testing.T, server *ucwatest.Server, action string) int {
	t.Helper()
	w := httptest.NewRecorder()
	server.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", action, nil))
	return w.Code
}
