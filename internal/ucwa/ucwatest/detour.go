package ucwatest

import (
	"net/http"
	"strings"
)

// mislead answers a P-GET with a planned detour: see FaultHelp. Anything else
// that the fault says is not done.
func (s *Server) mislead(w http.ResponseWriter, r *http.Request, f Fault) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/ucwa/oauth/v1/applications/")
	id, what, _ := strings.Cut(rest, "/")
	if ok {
		r.SetPathValue("id", id)
	}
	app := s.current(w, r)
	switch {
	case app == nil:
	case f.Detour == "gone":
		s.mu.Lock()
		s.remove(app)
		s.mu.Unlock()
		if f.Status == 0 {
			f.Status, f.Subcode = http.StatusNotFound, "ApplicationNotFound"
		}
		f.refuse(w, r)
	case what != "events":
		problem(w, r, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
	case f.Detour == "resync":
		answerBytes(w, r, http.StatusOK, s.resync(app, f.Next))
	default:
		s.mu.Lock()
		s.acknowledge(app)
		s.forget(app)
		body := s.detour(app, "resume")
		s.mu.Unlock()
		answerBytes(w, r, http.StatusOK, body)
	}
}

// resync says that the channel has lost its place: it leads back to the first
// batch that was not acknowledged. Some servers give a next as well.
func (s *Server) resync(app *application, next bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := app.sent + 1
	if app.held != nil {
		first = app.sent
	}
	links := map[string]any{"self": eventsLink(first), "resync": eventsLink(first)}
	if next {
		links["next"] = eventsLink(first + 1)
	}
	return s.render(app, map[string]any{"_links": links})
}

// forget closes an endpoint's conversations and subscriptions without a word,
// as a long silence does before a resume. s.mu is held.
func (s *Server) forget(app *application) {
	app.queue = nil
	clear(app.subscribed)
	for _, l := range sortedLegs(app) {
		s.leave(l, "Removed")
	}
	app.queue = nil
}
