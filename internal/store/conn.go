package store

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"archiver/internal/archive"
)

// view runs fn on a reading connection, in one snapshot.
func (s *Store) view(ctx context.Context, op string, fn func(*sqlite.Conn) error) (err error) {
	c, err := s.read.Take(ctx)
	if err != nil {
		return fmt.Errorf("store: %s: %w", op, err)
	}
	defer s.read.Put(c)
	defer func() {
		if err != nil {
			err = fmt.Errorf("store: %s: %w", op, classify(err))
		}
	}()
	defer sqlitex.Transaction(c)(&err)
	return fn(c)
}

// classify adds the class that an error of SQLite belongs to.
func classify(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		return ErrFull
	case sqlite.ResultIOErr, sqlite.ResultBusy, sqlite.ResultCantOpen, sqlite.ResultReadOnly:
		return classed{err.Error(), archive.ErrUnavailable}
	}
	return err
}

// exec runs one statement that returns no rows. The statement stays prepared.
func exec(c *sqlite.Conn, query string, args ...any) error {
	return rows(c, query, func(row) error { return nil }, args...)
}

// rows runs one statement and calls fn for each row it returns. It owns the
// statement's reset.
func rows(c *sqlite.Conn, query string, fn func(row) error, args ...any) (err error) {
	stmt, err := c.Prepare(query)
	if err != nil {
		return err
	}
	defer func() {
		if e := stmt.Reset(); err == nil {
			err = e
		}
		if e := stmt.ClearBindings(); err == nil {
			err = e
		}
	}()
	for i, a := range args {
		bind(stmt, i+1, a)
	}
	at := 0
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		at = 0
		if err := fn(row{stmt: stmt, at: &at}); err != nil {
			return err
		}
	}
}

// one runs a statement and scans its first row; false when there is none.
func one(c *sqlite.Conn, query string, scan func(row), args ...any) (found bool, err error) {
	err = rows(c, query, func(r row) error {
		if !found {
			scan(r)
		}
		found = true
		return nil
	}, args...)
	return found, err
}

// bind sets a parameter. Unknown times and absent ids become NULL.
func bind(stmt *sqlite.Stmt, i int, arg any) {
	switch v := arg.(type) {
	case string:
		stmt.BindText(i, v)
	case int64:
		stmt.BindInt64(i, v)
	case int:
		stmt.BindInt64(i, int64(v))
	case bool:
		stmt.BindBool(i, v)
	case []byte:
		stmt.BindBytes(i, v)
	case archive.Time:
		if v.Known() {
			stmt.BindInt64(i, v.Nanos())
		} else {
			stmt.BindNull(i)
		}
	case archive.EventID:
		bindID(stmt, i, int64(v))
	case archive.ObservationID:
		stmt.BindInt64(i, int64(v))
	case rowID:
		bindID(stmt, i, int64(v))
	case nil:
		stmt.BindNull(i)
	default:
		panic(fmt.Sprintf("store: cannot bind %T", arg))
	}
}

// rowID is the number of a row in its table; 0 is none.
type rowID int64

func bindID(stmt *sqlite.Stmt, i int, id int64) {
	if id == 0 {
		stmt.BindNull(i)
		return
	}
	stmt.BindInt64(i, id)
}

// row reads the columns of a result from left to right.
type row struct {
	stmt *sqlite.Stmt
	at   *int
}

func (r row) next() int { *r.at++; return *r.at - 1 }

func (r row) text() string { return r.stmt.ColumnText(r.next()) }
func (r row) int() int64   { return r.stmt.ColumnInt64(r.next()) }
func (r row) bool() bool   { return r.int() != 0 }

func (r row) bytes() []byte {
	i := r.next()
	b := make([]byte, r.stmt.ColumnLen(i))
	r.stmt.ColumnBytes(i, b)
	return b
}

func (r row) time() archive.Time {
	i := r.next()
	if r.stmt.ColumnIsNull(i) {
		return archive.Time{}
	}
	return archive.FromNanos(r.stmt.ColumnInt64(i))
}

// reason reads the columns code, subcode, reason; nil when the code is NULL.
func (r row) reason() *archive.Reason {
	absent := r.stmt.ColumnIsNull(*r.at)
	reason := archive.Reason{Code: r.text(), Subcode: r.text(), Message: r.text()}
	if absent {
		return nil
	}
	return &reason
}

// registerFold gives SQL the function fold(text): lower case without accents,
// as names and subjects are compared.
func registerFold(c *sqlite.Conn) error {
	return c.CreateFunction("fold", &sqlite.FunctionImpl{
		NArgs: 1, Deterministic: true, AllowIndirect: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			return sqlite.TextValue(fold(args[0].Text())), nil
		},
	})
}

func fold(s string) string {
	stripped, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		stripped = s
	}
	return strings.ToLower(stripped)
}
