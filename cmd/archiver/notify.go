package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellManager tells a service manager of the systemd kind, where one started
// the program, that capture has begun and, as often as its watchdog wants, that
// the program is alive: that its archive answers. A server that cannot be
// reached is no reason to be restarted; it is waited for. stop tells that the
// program ends, and waits.
func (a *app) tellManager(ctx context.Context) (stop func()) {
	if told, err := daemon.SdNotify(false, daemon.SdNotifyReady); !told || err != nil {
		if err != nil {
			a.logger.Warn("tell the service manager", "err", err)
		}
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.watchdog(ctx)
	}()
	return func() {
		cancel()
		<-ended
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) // a manager that has gone needs not be told
	}
}

// watchdog reports in twice as often as it must, until ctx ends.
func (a *app) watchdog(ctx context.Context) {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil || within <= 0 {
		return
	}
	tick := time.NewTicker(within / 2)
	defer tick.Stop()
	for {
		if _, err := a.Watermarks(ctx); err != nil {
			if ctx.Err() == nil {
				a.logger.Error("the archive does not answer", "err", err)
			}
		} else {
			_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog) // the next one is as good
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
