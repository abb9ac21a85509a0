package capture

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// errBroken ends the capture of an account in which the program itself failed.
var errBroken = errors.New("a fault of the program; its log says where")

// guard keeps a panic in the capture of one account from ending the process,
// and with it the capture of all others: that account's capture ends.
type guard struct {
	log    *slog.Logger
	end    context.CancelFunc // set before anything is guarded; nil for none
	broken atomic.Bool
}

// run calls fn, whose panic ends capture. What panicked is not logged: it may
// hold what a person wrote.
func (g *guard) run(fn func()) {
	defer func() {
		if v := recover(); v != nil {
			g.broken.Store(true)
			g.log.Error("capture broke down", "stack", string(debug.Stack()))
			if g.end != nil {
				g.end()
			}
		}
	}()
	fn()
}
