package web

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"time"
)

// contentPolicy lets a page load nothing but the program's own files and run
// no script but those.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types archiver"

// guard is what every request passes on its way, outermost first.
func (s *site) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, errCrossSite)
	}))
	return s.logged(headers(s.recovered(s.ourHost(s.ourReader(crossOrigin.Handler(next))))))
}

// logged notes each request by its route: addresses hold what people search.
func (s *site) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, rec := time.Now(), &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		s.Logger.DebugContext(r.Context(), "request", "route", r.Pattern, "status", rec.code(), "ms", time.Since(start).Milliseconds())
	})
}

// recorder remembers the status of a response.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and event streams reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into a page with a reference. What the panic says
// may quote a message, so only the kinds the runtime words are logged whole.
func (s *site) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v := v.(type) {
			case nil:
			case runtime.Error:
				s.fail(w, r, fmt.Errorf("web: panic: %w", v))
			default:
				if v == http.ErrAbortHandler {
					panic(v)
				}
				s.fail(w, r, fmt.Errorf("web: panic of type %T", v))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// ourHost refuses requests that were sent to another name, as those of a web
// site whose name has been made to resolve to this machine.
func (s *site) ourHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(s.Hosts, r.Host) {
			http.Error(w, "This is archiver, and it does not answer to that name. Use the address it printed when it started.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ourReader refuses reads that another site's page makes; following a link
// from there in a tab of its own is fine.
func (s *site) ourReader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "none", "same-origin":
		default:
			followed := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
			if !followed {
				s.fail(w, r, errCrossSite)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
