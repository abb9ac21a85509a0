package capture

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// verdict is what a failure means for the loop.
type verdict struct {
	cause archive.GapCause
	// fatal: trying again would be wrong.
	fatal bool
	// gone: the application has ended and another is needed.
	gone bool
	// signIn: the server may be another, or the token of no use: start anew.
	signIn bool
	// unclear: whether the application still lives is worth asking.
	unclear bool
	// atLeast is the shortest time to wait.
	atLeast time.Duration
}

// The least waits. UCWA documents none: they keep a server in trouble from
// being asked more than a few times a minute.
const (
	throttledWait = 10 * time.Second
	tooManyWait   = 2 * time.Minute
)

// storageError is a failure of the Log.
type storageError struct{ err error }

func (e storageError) Error() string { return "log: " + e.err.Error() }
func (e storageError) Unwrap() error { return e.err }

// fatalError is a failure that would come again.
type fatalError struct{ err error }

func (e fatalError) Error() string { return e.err.Error() }
func (e fatalError) Unwrap() error { return e.err }

// Answers that came but do not lead on.
var (
	errNoLink   = errors.New("an answer without a link to go on with")
	errSameLink = errors.New("an answer whose next link is itself")
	errSpinning = errors.New("empty answers without a pause")
	errAsleep   = errors.New("the machine slept while the request was parked")
)

// judge decides by the tables of the UCWA reference (Errors, Event channel
// details).
func judge(err error) verdict {
	var storage storageError
	var fatal fatalError
	var api *ucwa.APIError
	switch {
	case errors.As(err, &fatal):
		return verdict{cause: archive.GapUnreachable, fatal: true}
	case errors.As(err, &storage):
		return verdict{cause: archive.GapStorage}
	case errors.As(err, &api):
		return judgeAnswer(api)
	case errors.Is(err, archive.ErrUnauthorized):
		return verdict{cause: archive.GapUnauthorized, fatal: true}
	}
	return verdict{cause: archive.GapUnreachable}
}

func judgeAnswer(e *ucwa.APIError) verdict {
	if !e.FromUCWA && e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests {
		return verdict{cause: archive.GapUnreachable, unclear: true, atLeast: e.RetryAfter}
	}
	switch {
	case e.Subcode == ucwa.PGetReplaced, e.Subcode == ucwa.UserAgentNotAllowed:
		return verdict{cause: archive.GapStopped, fatal: true}
	case e.Subcode == ucwa.TooManyApplications:
		return verdict{cause: archive.GapApplicationGone, atLeast: tooManyWait}
	case e.Subcode == ucwa.ApplicationNotFound, e.Subcode == ucwa.InactiveApplicationExpired:
		return verdict{cause: archive.GapApplicationGone, gone: true}
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return verdict{cause: archive.GapUnauthorized, signIn: true}
	case e.Status == http.StatusTooManyRequests:
		return verdict{cause: archive.GapUnreachable, atLeast: max(e.RetryAfter, throttledWait)}
	}
	return verdict{cause: archive.GapUnreachable, unclear: true, atLeast: e.RetryAfter}
}

// explain adds what the operator can do to a fatal failure.
func explain(err error) error {
	var api *ucwa.APIError
	switch {
	case !errors.As(err, &api):
	case api.Subcode == ucwa.PGetReplaced:
		return fmt.Errorf("another program captures this account through the same application; stop it first: %w", err)
	case api.Subcode == ucwa.UserAgentNotAllowed:
		return fmt.Errorf("the server's policy does not allow this program: %w: %w", archive.ErrUnauthorized, err)
	}
	return err
}
