package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandsOf is a command with all below it.
func commandsOf(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		out = append(out, commandsOf(sub)...)
	}
	return out
}

func rootForTest() *cobra.Command {
	p := &program{out: io.Discard, err: io.Discard, env: homeIs("/home/ana")}
	return p.rootCommand()
}

// Every command and every flag says what it is for.
func TestEverythingHasHelp(t *testing.T) {
	for _, c := range commandsOf(rootForTest()) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s says nothing", c.CommandPath(), f.Name)
			}
		})
	}
}

// word is one of a command line, quoted or not.
var word = regexp.MustCompile(`'[^']*'|\S+`)

// What help shows as an example is understood: the command is there, and so are
// its flags.
func TestExamplesAreUnderstood(t *testing.T) {
	examples := 0
	for _, documented := range commandsOf(rootForTest()) {
		for line := range strings.Lines(documented.Example) {
			line, _, _ = strings.Cut(line, " < ")
			line, _, _ = strings.Cut(line, " > ")
			words := word.FindAllString(strings.TrimSpace(line), -1)
			if len(words) == 0 || words[0] != "archiver" {
				t.Errorf("%s: %q does not begin with archiver", documented.CommandPath(), line)
				continue
			}
			examples++
			root := rootForTest()
			c, rest, err := root.Find(words[1:])
			if err == nil {
				err = c.ParseFlags(rest)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil || c.Name() != documented.Name() {
				t.Errorf("%s: %v", strings.TrimSpace(line), err)
			}
		}
	}
	if examples < 20 {
		t.Errorf("only %d examples", examples)
	}
}

// What people read when they sign in, word for word.
func TestHelpGoldens(t *testing.T) {
	want := []string{"init", "login", "logout", "config", "capture", "run", "tail", "whois"}
	seen := 0
	for _, c := range rootForTest().Commands() {
		if !slices.Contains(want, c.Name()) {
			continue
		}
		seen++
		text := fmt.Sprintf("%s\n\n%s\n\n%s\n\n%s", c.UseLine(), c.Long, c.Example, c.LocalNonPersistentFlags().FlagUsages())
		checkGolden(t, filepath.Join("testdata", "help", c.Name()+".txt"), text)
	}
	if seen != len(want) {
		t.Errorf("%d of %d commands", seen, len(want))
	}
}
