package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver that goose migrates through
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"archiver/internal/archive"
	"archiver/migrations"
)

// Errors that a command has a word of its own for: an exit code or a hint.
var (
	// ErrNoArchive: there is no archive in the directory.
	ErrNoArchive error = classed{"no archive there", archive.ErrNotFound}
	// ErrLocked: another process writes to the archive.
	ErrLocked error = classed{"in use", archive.ErrConflict}
	// ErrNewer: a newer version of the program made the archive.
	ErrNewer error = classed{"made by a newer version of archiver", archive.ErrInvalid}
	// ErrFull: there is no room for what was to be written. Nothing of it was.
	ErrFull error = classed{"the disk is full", archive.ErrUnavailable}
)

// classed is an error of a class, in words of its own.
type classed struct {
	text  string
	class error
}

func (e classed) Error() string { return e.text }
func (e classed) Unwrap() error { return e.class }

const (
	fileName    = "archive.db"
	readers     = 4
	busyTimeout = 10 * time.Second
	pageSize    = 8192
)

// Options say how to open an archive.
type Options struct {
	// Write opens it for writing, which one process can do at a time. A
	// directory without an archive gets one.
	Write bool
	// Owner is the command that writes, as others will read it in ErrLocked.
	Owner string
	// Captures says that the owner captures, for Status to tell.
	Captures bool
	// Logger hears of migrations. nil discards.
	Logger *slog.Logger
}

// Store is an open archive. Its methods may be called from several goroutines;
// writes wait for each other.
type Store struct {
	dir    string
	lock   *lock // nil when opened for reading
	read   *sqlitex.Pool
	logger *slog.Logger

	mu      sync.Mutex // guards write and durable
	write   *sqlite.Conn
	durable bool // a commit is on the disk when it returns

	queueing sync.Mutex // guards queue; never held while mu is waited for
	queue    []*writing
}

// Open opens the archive in a directory, making it and bringing it up to date
// where Options.Write allows. The errors ErrNoArchive, ErrLocked and ErrNewer
// name the directory and what to do.
func Open(ctx context.Context, dir string, opt Options) (_ *Store, err error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{dir: dir, logger: opt.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("store: open %s: %w", dir, err), s.Close())
		}
	}()
	if opt.Write {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return s, err
		}
		if s.lock, err = acquire(dir, opt); err != nil {
			return s, err
		}
		if err := s.create(); err != nil {
			return s, err
		}
	} else if _, err := os.Stat(s.path()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return s, ErrNoArchive
		}
		return s, err
	}
	if err := s.migrate(ctx, opt.Write); err != nil {
		return s, err
	}
	return s, s.connect(opt.Write)
}

func (s *Store) path() string { return filepath.Join(s.dir, fileName) }

// Dir is the archive's directory.
func (s *Store) Dir() string { return s.dir }

// Announce adds to the lock what others should know of the process that holds
// it, such as the address of its pages.
func (s *Store) Announce(url string) error { return s.lock.announce(url) }

// create makes an empty database that only its owner can read. The page size
// can be chosen only now: raw rows of 2 KiB waste half of smaller pages. It
// gets its name when it is ready: changing the journal of a database that a
// reader has already opened fails.
func (s *Store) create() error {
	if _, err := os.Stat(s.path()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unready := s.path() + ".new"
	for _, left := range []string{"", "-wal", "-shm"} { // by a crash
		if err := os.Remove(unready + left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.WriteFile(unready, nil, 0o600); err != nil {
		return err
	}
	c, err := sqlite.OpenConn(unready, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	for _, p := range []string{fmt.Sprintf("PRAGMA page_size = %d", pageSize), "PRAGMA journal_mode = WAL"} {
		if err := sqlitex.ExecuteTransient(c, p, nil); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	return os.Rename(unready, s.path())
}

func (s *Store) connect(write bool) error {
	var err error
	s.read, err = sqlitex.NewPool(s.path(), sqlitex.PoolOptions{
		Flags:       sqlite.OpenReadWrite | sqlite.OpenWAL,
		PoolSize:    readers,
		PrepareConn: func(c *sqlite.Conn) error { return prepare(c, "PRAGMA query_only = 1") },
	})
	if err != nil || !write {
		return err
	}
	s.write, err = sqlite.OpenConn(s.path(), sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return err
	}
	s.durable = true
	return prepare(s.write, durably)
}

// durably makes a commit survive a power cut, which NORMAL in WAL does not.
const durably = "PRAGMA synchronous = FULL"

// prepare sets what must hold on every connection, then the given pragmas.
func prepare(c *sqlite.Conn, pragmas ...string) error {
	c.SetBusyTimeout(busyTimeout)
	if err := c.SetDefensive(true); err != nil {
		return err
	}
	base := []string{"PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF", "PRAGMA cache_size = -16384"}
	for _, p := range append(base, pragmas...) {
		if err := sqlitex.ExecuteTransient(c, p, nil); err != nil {
			return err
		}
	}
	return registerFold(c)
}

// Close ends all connections and gives up the lock.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.write != nil {
		errs = append(errs, s.write.Close())
		s.write = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
		s.lock = nil
	}
	return errors.Join(errs...)
}

// migrate brings the schema up to date, or refuses one it does not know. It
// copies an existing archive aside first.
func (s *Store) migrate(ctx context.Context, write bool) error {
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(s.path()), OmitHost: true,
		RawQuery: "_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	defer db.Close()
	provider, err := newProvider(db, s.logger)
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	switch {
	case current > target:
		return fmt.Errorf("its schema is %d, this program knows %d: %w", current, target, ErrNewer)
	case current == target:
		return nil
	case !write:
		return fmt.Errorf("its schema is %d and must be brought to %d first: run any command that writes, such as `archiver rebuild`: %w",
			current, target, archive.ErrConflict)
	}
	if current > 0 {
		if err := s.backup(ctx, db, current); err != nil {
			return err
		}
	}
	_, err = provider.Up(ctx)
	return err
}

func newProvider(db *sql.DB, logger *slog.Logger) (*goose.Provider, error) {
	files, err := fs.Sub(migrations.SQLite, "sqlite")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(logger))
}

func (s *Store) backup(ctx context.Context, db *sql.DB, version int64) error {
	target := filepath.Join(s.dir, fmt.Sprintf("archive.before-schema-%d.db", version+1))
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := db.ExecContext(ctx, "VACUUM INTO ?", target)
	return err
}
