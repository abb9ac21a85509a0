package store

import "fmt"

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
	return exec(s.write, "PRAGMA synchronous = OFF")
}
