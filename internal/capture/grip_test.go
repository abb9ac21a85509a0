package capture_test

import (
	"context"
	"sync"
	"time"

	"archiver/internal/archive"
)

// grip is a process' hold on the disk. Its faults are decided operation by
// operation: a disk can fail before or after it has written, and the process
// can be killed at either.
type grip struct {
	w     *world
	kill  func()
	begun int

	mu     sync.Mutex
	dead   bool
	faults []string // of the next operations: "", before, after, kill before, kill after
	failed time.Time
}

func (g *grip) die() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = true
}

// fail makes the next operations fail.
func (g *grip) fail(n int, how string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range n {
		g.faults = append(g.faults, how)
	}
}

func (g *grip) heal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// failedSince reports whether an operation has failed since a time.
func (g *grip) failedSince(at time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.failed.Before(at)
}

// do runs one operation. Those that read cannot fail after they have read.
func (g *grip) do(op func() error) error {
	g.mu.Lock()
	how := ""
	if len(g.faults) > 0 {
		how, g.faults = g.faults[0], g.faults[1:]
	}
	dead := g.dead
	if how != "" {
		g.failed = time.Now()
	}
	g.mu.Unlock()
	if how == "kill before" {
		g.kill()
	}
	if dead || how == "before" || how == "kill before" {
		return errDisk
	}
	if err := op(); err != nil {
		return err
	}
	switch how {
	case "after":
		return errDisk
	case "kill after":
		g.kill()
		return errDisk
	}
	return nil
}

func (g *grip) EnsureAccount(ctx context.Context, uri, server string) error {
	return g.do(func() error { return g.w.disk.EnsureAccount(ctx, uri, server) })
}

func (g *grip) AppendObservations(ctx context.Context, obs []archive.Observation, cur *archive.Cursor) (out []archive.Appended, err error) {
	err = g.do(func() (err error) {
		out, err = g.w.disk.AppendObservations(ctx, obs, cur)
		if err == nil {
			g.w.kept(obs, cur)
		}
		return err
	})
	if err == nil && cur != nil {
		g.w.wmu.Lock()
		defer g.w.wmu.Unlock()
		g.w.believed = cur.Updated.Time
	}
	return out, err
}

func (w *world) kept(obs []archive.Observation, cur *archive.Cursor) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	for _, o := range obs {
		w.bodies[string(o.Body)] = true
	}
	if cur != nil {
		w.safe[cur.Next], w.cursor = true, *cur
		if w.began.IsZero() && cur.Capture != "" {
			w.began = cur.Updated.Time
		}
	}
}

func (g *grip) Cursor(ctx context.Context, account string) (cur archive.Cursor, err error) {
	err = g.do(func() (err error) { cur, err = g.w.disk.Cursor(ctx, account); return err })
	return cur, err
}

func (g *grip) AppendGap(ctx context.Context, gap archive.Gap) (id archive.GapID, err error) {
	err = g.do(func() (err error) {
		id, err = g.w.disk.AppendGap(ctx, gap)
		if err == nil && !gap.To.Known() {
			g.w.lasts(id, gap.From.Time)
		}
		return err
	})
	return id, err
}

func (g *grip) CloseGap(ctx context.Context, id archive.GapID, to archive.Time) error {
	return g.do(func() error {
		err := g.w.disk.CloseGap(ctx, id, to)
		if err == nil {
			g.w.lasts(id, time.Time{})
		}
		return err
	})
}

func (w *world) lasts(id archive.GapID, from time.Time) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if from.IsZero() {
		delete(w.open, id)
	} else {
		w.open[id] = from
	}
}

func (g *grip) OpenGaps(ctx context.Context, account string) (gaps []archive.Gap, err error) {
	err = g.do(func() (err error) { gaps, err = g.w.disk.OpenGaps(ctx, account); return err })
	return gaps, err
}

func (g *grip) Fetches(ctx context.Context, account string, limit int) (list []archive.Fetch, err error) {
	err = g.do(func() (err error) { list, err = g.w.disk.Fetches(ctx, account, limit); return err })
	return list, err
}

func (g *grip) NoteFetch(ctx context.Context, id archive.FetchID, outcome archive.FetchOutcome) error {
	return g.do(func() error { return g.w.disk.NoteFetch(ctx, id, outcome) })
}

func (g *grip) SeePolicy(ctx context.Context, p archive.Policy) (now archive.Policy, err error) {
	err = g.do(func() (err error) { now, err = g.w.disk.SeePolicy(ctx, p); return err })
	return now, err
}

func (g *grip) AcknowledgePolicy(ctx context.Context, account, name string, at archive.Time) error {
	return g.do(func() error { return g.w.disk.AcknowledgePolicy(ctx, account, name, at) })
}

func (g *grip) Policies(ctx context.Context, account string) (list []archive.Policy, err error) {
	err = g.do(func() (err error) { list, err = g.w.disk.Policies(ctx, account); return err })
	return list, err
}

// SetCapturing is a note beside the archive, not in it.
func (g *grip) SetCapturing(account string, on bool) error { return g.w.disk.SetCapturing(account, on) }
