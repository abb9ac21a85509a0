package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

// The exit codes (docs/glossary.md). Codes that are not listed mean failure.
const (
	exitOK           = 0
	exitError        = 1
	exitUsage        = 2
	exitPartial      = 3
	exitDamaged      = 4
	exitUnreachable  = 5
	exitNoArchive    = 10
	exitLocked       = 11
	exitUnauthorized = 12
	exitInterrupted  = 130
)

// errPartial ends a command that did some of its work; it has said what failed.
var errPartial = errors.New("some inputs failed; the rest is done")

// exits tells the exit code of an error and what to do about it. The first
// line that fits counts.
var exits = []struct {
	err  error
	code int
	hint string
}{
	{context.Canceled, exitInterrupted, ""},
	{errPartial, exitPartial, ""},
	{store.ErrNoArchive, exitNoArchive, "make one with `archiver import FILE` or `archiver init ADDRESS` and `archiver run`, name it with --archive, or look at `archiver demo`"},
	{store.ErrLocked, exitLocked, ""},
	{store.ErrNewer, exitError, "update archiver; this version leaves the archive as it is"},
	{store.ErrFull, exitError, "make room and run the command again: what was committed is safe, and nothing is half-written"},
	{errSignedOut, exitUnauthorized, ""},
	{errNotLetIn, exitUnauthorized, ""},
	{ucwa.ErrModernAuth, exitUnauthorized, ""},
	{archive.ErrUnauthorized, exitUnauthorized, "check the user name and the password, and `archiver login` to renew one that is stored; it was tried once only, because servers lock an account after a few wrong ones"},
	{errUnreachable, exitUnreachable, "check the URL and the network, then run the command again: it goes on where it stopped"},
}

// errUnreachable is a server that could not be reached.
var errUnreachable = errors.New("server unreachable")

// exit tells a person what went wrong and what to do next, and is the only
// place that does.
func (p *program) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	code, hint := exitError, ""
	var usage usageError
	switch {
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"):
		code = exitUsage
	case ctx.Err() != nil:
		code = exitInterrupted
		err = errors.New("interrupted; what was committed is safe")
	default:
		code, hint = next(err)
	}
	if p.json {
		_ = p.printJSONTo(p.err, exitMessage{"exit_error", code, plain(err), hint}) // there is nowhere else to say it
		return code
	}
	fmt.Fprintf(p.err, "archiver: %s\n", plain(err))
	if hint != "" {
		fmt.Fprintf(p.err, "  %s\n", hint)
	}
	return code
}

// next is the exit code of an error and what to do about it.
func next(err error) (code int, hint string) {
	var stranger *ucwa.UnapprovedHostError
	if errors.As(err, &stranger) {
		return exitError, "if it does, `archiver init ADDRESS --trust-host " + stranger.Host + "` approves it; then capture without URL"
	}
	for _, e := range exits {
		if errors.Is(err, e.err) {
			return e.code, e.hint
		}
	}
	return exitError, ""
}

// plain is an error's text without the name of its class, which says nothing to
// a person that the rest does not.
func plain(err error) string {
	text := err.Error()
	for _, class := range []error{archive.ErrInvalid, archive.ErrConflict, archive.ErrUnavailable, archive.ErrUnauthorized} {
		text = strings.TrimSuffix(text, ": "+class.Error())
	}
	if strings.Contains(text, "no such") {
		text = strings.TrimSuffix(text, ": "+archive.ErrNotFound.Error())
	}
	return text
}

// exitMessage is the last line on standard error of a command that failed with
// --json.
type exitMessage struct {
	Type    string `json:"message_type"`
	Code    int    `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do next
}
