package store_test

import (
	"database/sql"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func open(t testing.TB, dir string) storetest.Store { return openWrite(t, dir) }

func openWrite(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir, store.Options{Write: true, Owner: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

// database opens an archive's database beside the store, as an intruder would.
func database(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "archive.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestLogIsAppendOnly(t *testing.T) {
	dir := t.TempDir()
	s := openWrite(t, dir)
	o := archive.Observation{Account: storetest.Account, Source: archive.SourceImport, Body: []byte("{}")}
	if _, err := s.AppendObservations(t.Context(), []archive.Observation{o}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AppendGap(t.Context(), archive.Gap{Account: storetest.Account, Cause: archive.GapStopped, From: archive.FromNanos(1)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := database(t, dir)
	for _, statement := range []string{
		"UPDATE observation SET body = x'00'", "DELETE FROM observation", "UPDATE observation SET account = account",
		"DELETE FROM gap", "UPDATE gap SET starts = 0", "UPDATE gap SET cause = 'none'",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s was allowed", statement)
		}
	}
}

func TestSettings(t *testing.T) {
	dir := t.TempDir()
	if err := openWrite(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	db := database(t, dir)
	for pragma, want := range map[string]string{"journal_mode": "wal", "page_size": "8192", "integrity_check": "ok"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
	for _, name := range []string{"", "archive.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 && name != "" {
			t.Errorf("%s can be read by others: %s", name, info.Mode())
		}
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	s := openWrite(t, dir)
	if err := s.Announce("http://127.0.0.1:8787"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), dir, store.Options{Write: true, Owner: "other"})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "`test`") || !strings.Contains(err.Error(), "http://127.0.0.1:8787") {
		t.Errorf("a second writer: %v", err)
	}
	reader, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatalf("a reader beside the writer: %v", err)
	}
	if err := reader.EnsureAccount(t.Context(), "sip:x@contoso.example", ""); err == nil {
		t.Error("a reader wrote")
	}
	if err := errors.Join(reader.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if h := store.HeldBy(dir); h != nil {
		t.Errorf("held after closing by %s", h)
	}
	if err := openWrite(t, dir).Close(); err != nil {
		t.Error(err)
	}
}

// On a full disk a commit fails as a whole and says why; with room again it
// goes through.
func TestFullDisk(t *testing.T) {
	s := openWrite(t, t.TempDir())
	defer s.Close()
	add := func(n int) error {
		batch := make([]archive.Observation, 5)
		for i := range batch {
			batch[i] = response(n*5 + i)
		}
		_, err := s.AppendObservations(t.Context(), batch, nil)
		return err
	}
	if err := add(0); err != nil {
		t.Fatal(err)
	}
	if err := s.Bound(1); err != nil { // as many as there are
		t.Fatal(err)
	}
	var err error
	n := 1
	for ; err == nil; n++ {
		err = add(n)
	}
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("on a full disk: %v", err)
	}
	totals, err := s.Totals(t.Context())
	if err != nil || totals.Observations%5 != 0 {
		t.Errorf("%d observations, %v: a batch is half-written", totals.Observations, err)
	}
	if err := errors.Join(s.Bound(1<<30), add(n)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestNoArchive(t *testing.T) {
	if _, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "none"), store.Options{}); !errors.Is(err, store.ErrNoArchive) {
		t.Errorf("a directory that is not there: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), file, store.Options{Write: true}); err == nil {
		t.Error("an archive was opened in a file")
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := openWrite(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := database(t, dir).ExecContext(t.Context(),
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
		t.Fatal(err)
	}
	for _, write := range []bool{true, false} {
		if _, err := store.Open(t.Context(), dir, store.Options{Write: write}); !errors.Is(err, store.ErrNewer) {
			t.Errorf("writing %v: %v", write, err)
		}
	}
}

// The schema is reviewed as a whole: migrations/schema.golden.sql.
func TestSchema(t *testing.T) {
	dir := t.TempDir()
	if err := openWrite(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	result, err := database(t, dir).QueryContext(t.Context(),
		"SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%' ORDER BY type, name")
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	var got strings.Builder
	for result.Next() {
		var statement string
		if err := result.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		got.WriteString(statement + ";\n\n")
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	const golden = "../../migrations/schema.golden.sql"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the schema changed; run the test with -update and review: %s", diff)
	}
}
