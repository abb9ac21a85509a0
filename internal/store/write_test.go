package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"archiver/internal/store"
)

// add is a write that leaves a trace; it does what comes after it, too.
func add(name string, after func(*sqlite.Conn) error) func(*sqlite.Conn) error {
	return func(c *sqlite.Conn) error {
		err := sqlitex.ExecuteTransient(c, "INSERT INTO account (uri) VALUES (?)", &sqlitex.ExecOptions{Args: []any{name}})
		if err == nil && after != nil {
			err = after(c)
		}
		return err
	}
}

// Writes that wait for each other share a commit, and each fails alone.
func TestWritesTogether(t *testing.T) {
	errOwn := errors.New("no")
	fails := func(*sqlite.Conn) error { return errOwn }
	// What SQLite answers with by giving up the whole transaction.
	givesUp := func(c *sqlite.Conn) error {
		return errors.Join(sqlitex.ExecuteTransient(c, "ROLLBACK", nil), errOwn)
	}
	for name, broken := range map[string]func(*sqlite.Conn) error{"nobody": nil, "one": fails, "everything": givesUp} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := store.Open(t.Context(), dir, store.Options{Write: true, Owner: "test"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			before := sizeOf(t, filepath.Join(dir, "archive.db-wal"))
			const n = 200 // more than share one commit
			var writing sync.WaitGroup
			errs := make([]error, n)
			start := store.HoldWrites(s)
			for i := range n {
				after := func(*sqlite.Conn) error { return nil }
				if i%20 == 7 && broken != nil {
					after = broken
				}
				writing.Go(func() {
					errs[i] = store.Write(t.Context(), s, add(fmt.Sprintf("sip:user%d@contoso.example", i), after))
				})
			}
			store.AwaitQueue(s, n)
			start()
			writing.Wait()
			for i, err := range errs {
				want := error(nil)
				if i%20 == 7 && broken != nil {
					want = errOwn
				}
				known, ask := store.Knows(t.Context(), s, fmt.Sprintf("sip:user%d@contoso.example", i))
				if !errors.Is(err, want) || ask != nil || known != (want == nil) {
					t.Errorf("write %d: %v; it is there: %v, %v", i, err, known, ask)
				}
			}
			// A commit writes a page or more.
			const page = 8192
			if pages := (sizeOf(t, filepath.Join(dir, "archive.db-wal")) - before) / page; broken == nil && pages > n/4 {
				t.Errorf("%d writes took %d pages of the journal", n, pages)
			}
		})
	}
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestWriteOfACallerWhoHasGone(t *testing.T) {
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{Write: true, Owner: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	start := store.HoldWrites(s)
	var writing sync.WaitGroup
	var left, stayed error
	writing.Go(func() { left = store.Write(gone, s, add("sip:gone@contoso.example", nil)) })
	writing.Go(func() { stayed = store.Write(t.Context(), s, add("sip:here@contoso.example", nil)) })
	store.AwaitQueue(s, 2)
	start()
	writing.Wait()
	if left == nil || stayed != nil {
		t.Errorf("who has gone: %v; who has not: %v", left, stayed)
	}
}
