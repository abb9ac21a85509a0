package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal is a context that the first interrupt ends: what has arrived is
// committed then, and the program ends by itself. A second one ends the process
// at once, which loses nothing that a server was told has arrived.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on the system's way of ending counts
	return ctx, stop
}
