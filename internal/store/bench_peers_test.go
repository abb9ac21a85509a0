//go:build peers

package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3" // SQLite's own C code, through cgo

	"archiver/internal/store"
)

func openC(b *testing.B, path string) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_synchronous=FULL&_journal_mode=WAL&_cache_size=-16384&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() { _ = db.Close() })
	return db
}

const insertObservation = `INSERT INTO observation (account, source, method, url, status, requested, received, date,
	content_type, capture, once, sha256, bytes, body) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// insertC is an archive's database of its own, opened through C SQLite, with
// the insert of an observation prepared.
func insertC(b *testing.B) (*sql.DB, func(tx *sql.Tx, n int) error) {
	b.Helper()
	dir := b.TempDir()
	if err := openWrite(b, dir).Close(); err != nil { // the same schema
		b.Fatal(err)
	}
	db := openC(b, filepath.Join(dir, "archive.db"))
	insert, err := db.Prepare(insertObservation)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO account (n, uri) VALUES (1, 'sip:ana@contoso.example')`); err != nil {
		b.Fatal(err)
	}
	sum := make([]byte, 32)
	return db, func(tx *sql.Tx, n int) error {
		o := response(n)
		_, err := tx.Stmt(insert).Exec(string(o.Source), o.Method, o.URL, o.Status, o.Requested.Nanos(), o.Received.Nanos(), o.Date.Nanos(),
			o.ContentType, o.Capture, fmt.Appendf(nil, "%016d", n), sum, len(o.Body), o.Body)
		return err
	}
}

// commitPeers does the same insert as the store through C SQLite: the row and
// the cursor in one transaction.
func commitPeers(b *testing.B) []contestant {
	db, insert := insertC(b)
	cursor, err := db.Prepare(`INSERT INTO cursor (account, application, next, endpoint_id, capture, updated) VALUES (1, '', ?, '', '', ?)
		ON CONFLICT (account) DO UPDATE SET next = excluded.next, updated = excluded.updated`)
	if err != nil {
		b.Fatal(err)
	}
	return []contestant{{"C", func(n int) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := insert(tx, n); err != nil {
			return err
		}
		if _, err := tx.Stmt(cursor).Exec("/events?ack=1", n); err != nil {
			return err
		}
		return tx.Commit()
	}}}
}

func bulkPeers(b *testing.B, batch int) []contestant {
	db, insert := insertC(b)
	return []contestant{{"C", func(n int) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for i := range batch {
			if err := insert(tx, n*batch+i); err != nil {
				return err
			}
		}
		return tx.Commit()
	}}}
}

// windowPeers runs the store's own statement through C SQLite and reads the
// same columns.
func windowPeers(b *testing.B, dir string, page int) []contestant {
	db := openC(b, filepath.Join(dir, "archive.db"))
	window, err := db.Prepare(store.SelectMessage + `WHERE m.conversation = 1 AND m.event > ? ORDER BY m.event LIMIT ?`)
	if err != nil {
		b.Fatal(err)
	}
	return []contestant{{"C", func(n int) error {
		rows, err := window.Query(int64(1+n*997%(20_000-page))<<20|1, page)
		if err != nil {
			return err
		}
		defer rows.Close()
		count := 0
		for ; rows.Next(); count++ {
			var s [11]string
			var null [4]sql.NullString
			var event, at int64
			var known bool
			if err := rows.Scan(&event, &s[0], &s[1], &s[2], &s[3], &s[4], &s[5], &at, &s[6], &s[7], &s[8], &s[9],
				&known, &s[10], &null[0], &null[1], &null[2], &null[3]); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil || count != page {
			return fmt.Errorf("%d messages: %w", count, err)
		}
		return nil
	}}}
}
