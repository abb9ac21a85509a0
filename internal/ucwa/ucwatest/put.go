package ucwatest

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// putCommunication checks what a PUT must bring: the etag that was read, and
// the member that asks to be passed on (UCWA reference, PUT). What else is in
// it changes nothing here.
func (s *Server) putCommunication(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	is := s.communication(app)
	s.mu.Unlock()
	var put map[string]any
	err := json.UnmarshalRead(io.LimitReader(r.Body, 64<<10), &put)
	match := r.Header.Get("If-Match")
	switch {
	case match == "":
		problem(w, r, http.StatusPreconditionRequired, "PreconditionRequired", "")
	case strings.Trim(match, `"`) != is["etag"]:
		problem(w, r, http.StatusPreconditionFailed, "PreconditionFailed", "")
	case err != nil || !passesOn(put, is):
		problem(w, r, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// passesOn tells whether the random member came back.
func passesOn(put, is map[string]any) bool {
	for name, value := range is {
		if value == putMember {
			return put[name] == value
		}
	}
	return true
}
