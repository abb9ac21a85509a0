package store

import (
	"context"

	"zombiezen.com/go/sqlite"

	"archiver/internal/archive"
)

// SeePolicy notes a policy as the server tells it and returns what is known of
// it. The same value again alters nothing; another one is not acknowledged yet.
func (s *Store) SeePolicy(ctx context.Context, p archive.Policy) (archive.Policy, error) {
	err := s.tx(ctx, "note policy", func(c *sqlite.Conn) error {
		account, err := ensureAccount(c, p.Account, "")
		if err != nil {
			return err
		}
		if err := exec(c, `INSERT INTO policy (account, name, value, seen) VALUES (?, ?, ?, ?)
			ON CONFLICT (account, name) DO UPDATE SET value = excluded.value, seen = excluded.seen, acknowledged = NULL
				WHERE value <> excluded.value`, account, p.Name, p.Value, p.Seen); err != nil {
			return err
		}
		_, err = one(c, `SELECT value, seen, acknowledged FROM policy WHERE account = ? AND name = ?`,
			func(r row) { p.Value, p.Seen, p.Acknowledged = r.text(), r.time(), r.time() }, account, p.Name)
		return err
	})
	return p, err
}

// AcknowledgePolicy notes that the operator knows of a policy as it is. The
// first time counts; a policy that was never seen is archive.ErrNotFound.
func (s *Store) AcknowledgePolicy(ctx context.Context, account, name string, at archive.Time) error {
	return s.tx(ctx, "acknowledge policy", func(c *sqlite.Conn) error {
		if err := exec(c, `UPDATE policy SET acknowledged = ifnull(acknowledged, ?)
			WHERE name = ? AND account = (SELECT n FROM account WHERE uri = ?)`, at, name, account); err != nil {
			return err
		}
		if c.Changes() == 0 {
			return archive.ErrNotFound
		}
		return nil
	})
}

// Policies lists the policies known of an account, or of all for "".
func (s *Store) Policies(ctx context.Context, account string) ([]archive.Policy, error) {
	var out []archive.Policy
	err := s.view(ctx, "list policies", func(c *sqlite.Conn) error {
		return rows(c, `SELECT a.uri, p.name, p.value, p.seen, p.acknowledged FROM policy p JOIN account a ON a.n = p.account
			WHERE ? IN ('', a.uri) ORDER BY p.account, p.name`,
			func(r row) error {
				out = append(out, archive.Policy{Account: r.text(), Name: r.text(), Value: r.text(), Seen: r.time(), Acknowledged: r.time()})
				return nil
			}, account)
	})
	return out, err
}

func (s *Store) addPolicies(ctx context.Context, all []archive.Status) error {
	known, err := s.Policies(ctx, "")
	for i := range all {
		for _, p := range known {
			if p.Account == all[i].Account {
				all[i].Policies = append(all[i].Policies, p)
			}
		}
	}
	return err
}
