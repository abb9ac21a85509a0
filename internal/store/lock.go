package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Holder says which process writes to an archive.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	URL     string    `json:"url,omitempty"` // where it serves pages, if it does
	// Captures is whether it captures, as an import or a rebuild does not.
	Captures bool `json:"captures,omitempty"`
}

func (h Holder) String() string {
	s := fmt.Sprintf("`%s` (process %d, since %s)", h.Command, h.PID, h.Since.UTC().Format(time.RFC3339))
	if h.URL != "" {
		s += ", which serves it at " + h.URL
	}
	return s
}

// lock is the right to write. The operating system takes it back when the
// process ends, however it ends.
type lock struct {
	file   *flock.Flock
	note   string // file that says who holds it
	holder Holder
}

func acquire(dir string, opt Options) (*lock, error) {
	l := &lock{
		file:   flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600)),
		note:   filepath.Join(dir, "lock.json"),
		holder: Holder{PID: os.Getpid(), Command: opt.Owner, Since: time.Now().UTC().Truncate(time.Second), Captures: opt.Captures},
	}
	ok, err := l.file.TryLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, lockedBy(l.note)
	}
	return l, l.announce("")
}

// lockedBy reads who holds the lock; the note may be missing for a moment.
func lockedBy(note string) error {
	h, err := readHolder(note)
	if err != nil {
		return fmt.Errorf("%w by another process; stop that first", ErrLocked)
	}
	return fmt.Errorf("%w by %s; stop that first", ErrLocked, h)
}

func readHolder(note string) (Holder, error) {
	var h Holder
	b, err := os.ReadFile(note)
	if err != nil {
		return h, err
	}
	return h, json.Unmarshal(b, &h)
}

// HeldBy is the process that writes to the archive in a directory, nil when
// none does.
func HeldBy(dir string) *Holder {
	probe := flock.New(filepath.Join(dir, "lock"))
	if _, err := os.Stat(probe.Path()); err != nil {
		return nil
	}
	if ok, err := probe.TryRLock(); ok || err != nil {
		_ = probe.Close() // a probe holds nothing that could be lost
		return nil
	}
	h, err := readHolder(filepath.Join(dir, "lock.json"))
	if err != nil {
		return &Holder{Command: "another process"}
	}
	return &h
}

func (l *lock) announce(url string) error {
	if l == nil {
		return nil
	}
	l.holder.URL = url
	b, err := json.Marshal(l.holder)
	if err != nil {
		return err
	}
	return os.WriteFile(l.note, b, 0o600)
}

func (l *lock) release() error {
	return errors.Join(os.Remove(l.note), l.file.Close())
}
