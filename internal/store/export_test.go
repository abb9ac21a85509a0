package store

import (
	"context"
	"fmt"
	"runtime"

	"zombiezen.com/go/sqlite"
)

// SelectMessage is the statement that reads messages, for peers to run too.
const SelectMessage = selectMessage

// Bound makes the disk as good as full once the database has so many pages.
func (s *Store) Bound(pages int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return exec(s.write, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
}

// Hurry makes commits return before they are on the disk.
func (s *Store) Hurry() error {
	s.durable = false
	return exec(s.write, "PRAGMA synchronous = OFF")
}

// HoldWrites keeps writes waiting until start is called.
func HoldWrites(s *Store) (start func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// Write runs a write as the store's methods do.
func Write(ctx context.Context, s *Store, fn func(*sqlite.Conn) error) error {
	return s.tx(ctx, "test", fn)
}

// AwaitQueue waits until so many writes wait.
func AwaitQueue(s *Store, n int) {
	for waiting := 0; waiting < n; runtime.Gosched() {
		s.queueing.Lock()
		waiting = len(s.queue)
		s.queueing.Unlock()
	}
}

// Knows tells whether an account is there.
func Knows(ctx context.Context, s *Store, uri string) (known bool, err error) {
	err = s.view(ctx, "test", func(c *sqlite.Conn) error {
		_, err := one(c, "SELECT n FROM account WHERE uri = ?", func(row) { known = true }, uri)
		return err
	})
	return known, err
}
