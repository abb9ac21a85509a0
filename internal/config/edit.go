package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
	"github.com/natefinch/atomic"

	"archiver/internal/archive"
)

// EditError is a file that cannot be changed without touching what a person
// wrote into it. Block is what to paste. It wraps archive.ErrConflict.
type EditError struct {
	File  string
	Block string
}

// Error says what to do.
func (e *EditError) Error() string {
	return fmt.Sprintf("config: %s is written in a way that cannot be changed safely, so it was left as it is; put this block there yourself:\n\n%s",
		e.File, e.Block)
}

// Unwrap is archive.ErrConflict.
func (e *EditError) Unwrap() error { return archive.ErrConflict }

// Put writes an account into a file, which is made when it is not there, with
// the general settings of c explained in it. In a file that is there it adds a
// block at the end, or changes in the account's block the values that differ;
// everything else stays as it is, byte for byte. When that cannot be done the
// error is an *EditError and the file is untouched. The file is replaced
// whole: a crash leaves the old one or the new one.
func Put(file string, c Config, a Account) error {
	if err := a.Check(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if len(a.Hosts) == 0 {
		a.Hosts = nil // as an account without the line has it
	}
	old, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return write(file, head(c)+"\n"+a.Block())
	}
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	before, err := accountsOf(file, old)
	if err != nil {
		return err
	}
	text := edit(string(old), before, a)
	if after, err := accountsOf(file, []byte(text)); err != nil || !reflect.DeepEqual(after, with(before, a)) {
		return &EditError{File: file, Block: a.Block()}
	}
	if text == string(old) {
		return nil
	}
	return write(file, text)
}

// with is the accounts with one put in.
func with(accounts []Account, a Account) []Account {
	out := slices.Clone(accounts)
	if i := slices.IndexFunc(out, func(b Account) bool { return b.URI() == a.URI() }); i >= 0 {
		out[i] = a
		return out
	}
	return append(out, a)
}

// accountsOf are the accounts that a file's text means.
func accountsOf(file string, b []byte) ([]Account, error) {
	s := &Settings{File: file, origins: make(map[string]string)}
	k := koanf.New(".")
	raw, err := parse(k, file, b)
	if err != nil {
		return nil, err
	}
	if err := k.Unmarshal("", &s.Config); err != nil {
		return nil, fmt.Errorf("config: %s: %w", file, archive.ErrInvalid)
	}
	s.complete(raw)
	return s.Accounts, s.check()
}

// edit is a file's text with an account put in. Whether it worked is for the
// caller to see from what the text now means.
func edit(text string, accounts []Account, a Account) string {
	i := slices.IndexFunc(accounts, func(b Account) bool { return b.URI() == a.URI() })
	if i < 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + "\n" + a.Block()
	}
	lines := strings.SplitAfter(text, "\n")
	from, to := block(lines, i)
	if from == 0 {
		return text
	}
	for _, k := range perAccount {
		if was, now := accounts[i].toml(k), a.toml(k); was != now {
			before := len(lines)
			lines = replace(lines, from, to, k.name, was, now)
			to += len(lines) - before
		}
	}
	return strings.Join(lines, "")
}

// block is where the lines of the i-th account begin, after its header, and end.
func block(lines []string, i int) (from, to int) {
	for n, line := range lines {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		switch {
		case from > 0 && strings.HasPrefix(line, "["):
			return from, n
		case strings.TrimSpace(line) == "[[account]]":
			if i == 0 {
				from = n + 1
			}
			i--
		}
	}
	return from, len(lines)
}

// replace changes the value in the line of a key and leaves what stands after
// it; a key without a line gets one at the top of the block.
func replace(lines []string, from, to int, name, was, now string) []string {
	for n := from; n < to; n++ {
		left, right, ok := strings.Cut(lines[n], "=")
		if !ok || strings.TrimSpace(left) != name {
			continue
		}
		value := strings.TrimLeft(right, " \t")
		space := right[:len(right)-len(value)]
		for _, form := range []string{was, `"` + strings.Trim(was, `"'`) + `"`, `'` + strings.Trim(was, `"'`) + `'`} {
			if rest, ok := strings.CutPrefix(value, form); ok {
				lines[n] = left + "=" + space + now + rest
				return lines
			}
		}
		return lines
	}
	if from == to || !strings.HasSuffix(lines[from-1], "\n") {
		lines[from-1] = strings.TrimRight(lines[from-1], "\n") + "\n"
	}
	return slices.Insert(lines, from, name+" = "+now+"\n")
}

// write replaces a file whole. A link stays a link.
func write(file, text string) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := atomic.WriteFile(file, strings.NewReader(text)); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}
