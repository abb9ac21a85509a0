package main

import (
	"context"
	"net/http"
	"time"

	"archiver/web"
)

// pages are the web UI over this archive, for requests to the given hosts. They
// stop watching when ctx ends.
func (a *app) pages(ctx context.Context, now func() time.Time, hosts []string) http.Handler {
	return web.New(web.Config{
		Archive: a, Search: a, Inspect: a,
		Logger: a.logger, Hosts: hosts, Now: now, Done: ctx.Done(), Version: version(),
	})
}
