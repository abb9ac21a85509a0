package main

import (
	"context"
	"net/http"
	"time"
)

func (a *app) pages(ctx context.Context, now func() time.Time, hosts []string) http.Handler {
	return http.NotFoundHandler()
}
