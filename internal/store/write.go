package store

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"archiver/internal/archive"
)

// writing is one caller's transaction on its way to the disk. Its last fields
// belong to whoever holds Store.mu.
type writing struct {
	ctx  context.Context
	op   string
	fn   func(*sqlite.Conn) error
	done bool
	err  error
}

// mostTogether is how many callers share one commit at most, so that the last
// of them does not wait long for the first.
const mostTogether = 64

// tx runs fn in one write transaction that is durable when tx returns nil.
// Making it so costs the disk milliseconds, which all callers that come
// meanwhile share: whoever gets the connection commits what is waiting. Each
// fails alone. fn may run twice.
func (s *Store) tx(ctx context.Context, op string, fn func(*sqlite.Conn) error) error {
	w := &writing{ctx: ctx, op: op, fn: fn}
	s.queueing.Lock()
	s.queue = append(s.queue, w)
	s.queueing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !w.done { // else somebody before us has taken it along
		s.commit(s.waiting())
	}
	return w.err
}

// waiting takes the next writings off the queue.
func (s *Store) waiting() []*writing {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	n := min(len(s.queue), mostTogether)
	together := s.queue[:n:n]
	s.queue = s.queue[n:]
	return together
}

// commit writes what several callers want. s.mu is held.
func (s *Store) commit(together []*writing) {
	finished := false
	defer func() { // a panic in one of them is its caller's: the others learn that they failed
		for _, w := range together {
			w.done = true
			if !finished && w.err == nil {
				w.err = fmt.Errorf("store: %s: another write broke down: %w", w.op, archive.ErrUnavailable)
			}
		}
	}()
	if len(together) == 1 || !s.share(together) {
		// Alone, or something went wrong that took the others with it.
		for _, w := range together {
			w.err = s.single(w.ctx, w.op, w.fn)
		}
	}
	finished = true
}

// share writes all in one transaction. It reports false, having written
// nothing, when that cannot be. s.mu is held.
func (s *Store) share(together []*writing) (ok bool) {
	if s.write == nil {
		return false
	}
	end, err := sqlitex.ImmediateTransaction(s.write)
	if err != nil {
		return false
	}
	defer s.write.SetInterrupt(nil)
	for _, w := range together {
		s.write.SetInterrupt(w.ctx.Done())
		if w.err = within(s.write, w.fn); w.err == nil {
			continue
		}
		w.err = fmt.Errorf("store: %s: %w", w.op, classify(w.err))
		if s.write.AutocommitEnabled() { // SQLite has given up the whole transaction
			return false
		}
	}
	s.write.SetInterrupt(nil)
	end(&err)
	return err == nil
}

// within runs fn so that its failure undoes what it did and nothing else.
func within(c *sqlite.Conn, fn func(*sqlite.Conn) error) (err error) {
	release := sqlitex.Save(c)
	defer func() {
		if c.AutocommitEnabled() {
			return // there is nothing left to release
		}
		release(&err)
	}()
	return fn(c)
}

// derive runs fn in a transaction of its own that a power cut may undo: what it
// writes can be made again from the log.
func (s *Store) derive(ctx context.Context, op string, fn func(*sqlite.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.write == nil || !s.durable {
		return s.single(ctx, op, fn)
	}
	if err := sqlitex.ExecuteTransient(s.write, "PRAGMA synchronous = NORMAL", nil); err != nil {
		return fmt.Errorf("store: %s: %w", op, classify(err))
	}
	err := s.single(ctx, op, fn)
	if safe := sqlitex.ExecuteTransient(s.write, durably, nil); safe != nil {
		// What is written through this connection would not be safe any more.
		err = errors.Join(err, safe, s.write.Close())
		s.write = nil
	}
	return err
}

// single runs fn in a transaction of its own. s.mu is held.
func (s *Store) single(ctx context.Context, op string, fn func(*sqlite.Conn) error) (err error) {
	if s.write == nil {
		return fmt.Errorf("store: %s: the archive is not open for writing: %w", op, archive.ErrConflict)
	}
	s.write.SetInterrupt(ctx.Done())
	defer s.write.SetInterrupt(nil)
	end, err := sqlitex.ImmediateTransaction(s.write)
	if err != nil {
		return fmt.Errorf("store: %s: %w", op, classify(err))
	}
	defer func() {
		end(&err)
		if err != nil {
			err = fmt.Errorf("store: %s: %w", op, classify(err))
		}
	}()
	return fn(s.write)
}
