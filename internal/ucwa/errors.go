package ucwa

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"archiver/internal/archive"
)

// Subcodes by which capture decides what to do (Errors in the UCWA reference).
const (
	ApplicationNotFound        = "ApplicationNotFound"
	InactiveApplicationExpired = "InactiveApplicationExpired"
	TooManyApplications        = "TooManyApplications"
	UserAgentNotAllowed        = "UserAgentNotAllowed"
	PGetReplaced               = "PGetReplaced"
)

// APIError is an answer other than the one asked for. It wraps the sentinel of
// its status. Its text holds nothing from the answer but the two codes.
type APIError struct {
	Status  int
	Code    string // UCWA's words; "" when the answer gives none of that form
	Subcode string
	// Message is the server's explanation, in its language. It may go to the
	// operator and is never logged.
	Message string
	// FromUCWA is false for an answer that is neither JSON nor XML: it comes
	// from an intermediary and proves nothing about the application.
	FromUCWA bool
	// RetryAfter is what the server asks for; 0 when it does not.
	RetryAfter time.Duration
}

// Error says the status and the codes.
func (e *APIError) Error() string {
	s := "the server answered " + strconv.Itoa(e.Status)
	if !e.FromUCWA {
		return s + " through an intermediary"
	}
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Subcode != "" {
		s += " " + e.Subcode
	}
	return s
}

// Unwrap is the sentinel of the status.
func (e *APIError) Unwrap() error {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return archive.ErrUnauthorized
	case http.StatusNotFound, http.StatusGone:
		return archive.ErrNotFound
	case http.StatusConflict:
		return archive.ErrConflict
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return archive.ErrUnavailable
	}
	if e.Status >= 400 && e.Status < 500 {
		return archive.ErrInvalid
	}
	return archive.ErrUnavailable
}

// apiError reads what an answer says about why it is not the one asked for.
func apiError(r Response) *APIError {
	e := &APIError{Status: r.Status, FromUCWA: r.FromUCWA(), RetryAfter: retryAfter(r)}
	if !e.FromUCWA {
		return e
	}
	var w wireReason
	if json.Unmarshal(TrimBOM(r.Body), &w, lenient) == nil {
		e.Code, e.Subcode, e.Message = codeWord(w.Code), codeWord(w.Subcode), w.Message
	}
	return e
}

// codeWord is s when it has the form of a code. Any other text might be
// anything and has no place in an error.
func codeWord(s string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	if len(s) > 64 || strings.Trim(s, letters) != "" {
		return ""
	}
	return s
}

func retryAfter(r Response) time.Duration {
	v := r.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		now := r.Received
		if r.Date.Known() {
			now = r.Date // the moment is by the server's clock
		}
		return min(max(0, at.Sub(now.Time)), maxRetryAfter)
	}
	return 0
}

// maxRetryAfter bounds what one header can make the archiver wait.
const maxRetryAfter = 15 * time.Minute

// errCertificate says what to do about a private authority; there is no way to
// go on without verifying.
var errCertificate = errors.New("the server's certificate is not trusted here; " +
	"if your organisation has an authority of its own, give its certificate with --ca-file")

// errTimeout marks requests that were not answered within their time.
var errTimeout = errors.New("no answer in time")

// transportError says why a request was not answered. Errors of the HTTP
// library hold the whole URL, which may contain an address, or pieces of a
// broken answer; only those of known content are passed on.
func transportError(ctx context.Context, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", transportClass(err), archive.ErrUnavailable)
}

func transportClass(err error) error {
	var (
		timeout   net.Error
		op        *net.OpError
		dns       *net.DNSError
		cert      *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
	)
	switch {
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	case errors.Is(err, errHeld):
		return errHeld
	case errors.As(err, &op), errors.As(err, &dns):
		return err
	case errors.As(err, &cert), errors.As(err, &authority), errors.As(err, &hostname):
		return errCertificate
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed")
	case errors.Is(err, errTooLarge):
		return errTooLarge
	}
	return errors.New("the answer is not readable HTTP")
}

// TimedOut reports whether a request failed because nothing came within its
// time, so that it is not known since when the connection was dead.
func TimedOut(err error) bool { return errors.Is(err, errTimeout) }
