package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"archiver/internal/archive"
)

// Holder says which process writes to an archive.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
	URL     string    `json:"url,omitempty"` // where it serves pages, if it does
	// Captures is whether it captures, as an import or a rebuild does not.
	Captures bool `json:"captures,omitempty"`
	// Capturing are the ids of the accounts that it captures at present. They
	// end one by one, and the process may go on without any.
	Capturing []string `json:"capturing,omitempty"`
}

// capturing reports whether the process captures an account at present.
func (h *Holder) capturing(account string) bool {
	return h != nil && h.Captures && slices.Contains(h.Capturing, archive.AccountID(account))
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
	file *flock.Flock
	note string // file that says who holds it

	mu     sync.Mutex
	holder Holder // guarded by mu
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
	return l.tell(func(h *Holder) { h.URL = url })
}

// tell changes what others can read of the holder, at once or not at all.
func (l *lock) tell(change func(*Holder)) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.holder)
	b, err := json.Marshal(l.holder)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.note+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(l.note+".new", l.note)
}

// SetCapturing says that an account is captured from now on, or no longer. It
// is for others to read as long as this process lives.
func (s *Store) SetCapturing(account string, on bool) error {
	id := archive.AccountID(account)
	err := s.lock.tell(func(h *Holder) {
		h.Capturing = slices.DeleteFunc(h.Capturing, func(other string) bool { return other == id })
		if on {
			h.Capturing = append(h.Capturing, id)
		}
	})
	if err != nil {
		return fmt.Errorf("store: say who is captured: %w", err)
	}
	return nil
}

func (l *lock) release() error {
	return errors.Join(os.Remove(l.note), l.file.Close())
}
