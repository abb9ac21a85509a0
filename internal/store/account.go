package store

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// errEnough ends a read early; it never leaves the package.
var errEnough = errors.New("enough rows")

func ignoreEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// EnsureAccount makes an account known. A server that is not "" becomes its
// server.
func (s *Store) EnsureAccount(ctx context.Context, uri, server string) error {
	return s.tx(ctx, "ensure account", func(c *sqlite.Conn) error {
		_, err := ensureAccount(c, uri, server)
		return err
	})
}

func ensureAccount(c *sqlite.Conn, uri, server string) (rowID, error) {
	n, known, err := accountRow(c, uri)
	if err != nil {
		return 0, err
	}
	if !known {
		err = exec(c, `INSERT INTO account (uri, server) VALUES (?, ?)`, uri, server)
		return rowID(c.LastInsertRowID()), err
	}
	if server != "" {
		err = exec(c, `UPDATE account SET server = ? WHERE n = ? AND server <> ?`, server, n, server)
	}
	return n, err
}

func accountRow(c *sqlite.Conn, uri string) (n rowID, known bool, err error) {
	known, err = one(c, `SELECT n FROM account WHERE uri = ?`, func(r row) { n = rowID(r.int()) }, uri)
	return n, known, err
}

// Accounts lists the accounts in the order in which they came.
func (s *Store) Accounts(ctx context.Context) ([]archive.Account, error) {
	var out []archive.Account
	err := s.view(ctx, "list accounts", func(c *sqlite.Conn) error {
		return rows(c, `SELECT a.uri, ifnull(p.name, ''), a.server, min(o.received), max(o.received), count(o.id)
			FROM account a LEFT JOIN person p ON p.uri = a.uri LEFT JOIN observation o ON o.account = a.n
			GROUP BY a.n ORDER BY a.n`,
			func(r row) error {
				a := archive.Account{URI: r.text(), Name: r.text(), Server: r.text(),
					First: r.time(), Last: r.time(), Observations: r.int()}
				a.ID = archive.AccountID(a.URI)
				out = append(out, a)
				return nil
			})
	})
	return out, err
}

// Cursor is where capture goes on for an account; archive.ErrNotFound when it
// was never captured.
func (s *Store) Cursor(ctx context.Context, account string) (archive.Cursor, error) {
	var cur archive.Cursor
	err := s.view(ctx, "read cursor", func(c *sqlite.Conn) error {
		found, err := one(c, `SELECT a.uri, k.application, k.next, k.endpoint_id, k.capture, k.updated, k.polled
			FROM cursor k JOIN account a ON a.n = k.account WHERE a.uri = ?`,
			func(r row) {
				cur = archive.Cursor{Account: r.text(), Application: r.text(), Next: r.text(),
					EndpointID: r.text(), Capture: r.text(), Updated: r.time(), Polled: r.time()}
			}, account)
		if err == nil && !found {
			return archive.ErrNotFound
		}
		return err
	})
	return cur, err
}

func putCursor(c *sqlite.Conn, cur archive.Cursor) error {
	account, err := ensureAccount(c, cur.Account, "")
	if err != nil {
		return err
	}
	return exec(c, `INSERT INTO cursor (account, application, next, endpoint_id, capture, updated, polled)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account) DO UPDATE SET application = excluded.application, next = excluded.next,
			endpoint_id = excluded.endpoint_id, capture = excluded.capture, updated = excluded.updated, polled = excluded.polled`,
		account, cur.Application, cur.Next, cur.EndpointID, cur.Capture, cur.Updated, cur.Polled)
}
