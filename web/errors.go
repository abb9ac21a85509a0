package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"

	"archiver/internal/archive"
)

var errCrossSite = errors.New("web: asked by another site")

// problem is an error as a reader sees it.
type problem struct {
	status int
	title  string
	advice string // what to do next
}

// problems translates the kinds of errors. The first line that matches holds;
// an error that none matches is ours and shows a reference only.
var problems = []struct {
	is error
	problem
}{
	{errCrossSite, problem{http.StatusForbidden, "Refused", "Another web site asked for this page. Open it by its address instead."}},
	{archive.ErrNotFound, problem{http.StatusNotFound, "Not here", "The archive holds nothing at this address. It may belong to another archive, or have another id since a rebuild."}},
	{archive.ErrInvalid, problem{http.StatusBadRequest, "That address is not understood", "A part of it is malformed. Go back and follow a link, or search."}},
	{archive.ErrConflict, problem{http.StatusConflict, "Somebody else holds it", "Another process is using the archive in a way that excludes this. Try again when it has ended."}},
	{archive.ErrUnauthorized, problem{http.StatusForbidden, "Not allowed", "The credentials were refused."}},
	{archive.ErrUnavailable, problem{http.StatusServiceUnavailable, "Not available now", "The archive or its index cannot be read at the moment. Reload in a little while."}},
	{context.DeadlineExceeded, problem{http.StatusServiceUnavailable, "That took too long", "Narrow it down, or reload in a little while."}},
}

// ours is what a reader sees of an error that is nobody's fault but ours.
func ours() problem {
	return problem{http.StatusInternalServerError, "Something went wrong", "The log has the details under this reference:"}
}

// fail renders an error. Only our own errors are logged, with a reference that
// the page shows too.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	p, reference := ours(), ""
	for _, line := range problems {
		if errors.Is(err, line.is) {
			p = line.problem
			break
		}
	}
	if p.status >= http.StatusInternalServerError {
		reference = rand.Text()[:8]
		s.Logger.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "reference", reference, "err", err)
	}
	f := s.frame(r, p.title, "")
	if err := s.render(w, r, p.status, f, problemView(p, reference)); err != nil {
		s.Logger.ErrorContext(r.Context(), "render error page", "err", err)
	}
}

// nowhere answers for addresses that are no page.
func (s *site) nowhere(http.ResponseWriter, *http.Request) error { return archive.ErrNotFound }
