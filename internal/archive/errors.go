package archive

import "errors"

// The sentinels that classify every error of the program. Packages wrap them
// with the operation and what it was about; two tables translate them for
// people: cmd/archiver/exit.go to an exit code and web/errors.go to a status.
var (
	// ErrNotFound: the thing named does not exist.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the input is wrong and will be wrong again.
	ErrInvalid = errors.New("invalid")
	// ErrConflict: somebody else holds or has changed the thing.
	ErrConflict = errors.New("conflict")
	// ErrUnauthorized: the credentials were refused.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrUnavailable: a server or a resource cannot be reached now.
	ErrUnavailable = errors.New("unavailable")
)
