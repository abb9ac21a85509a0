package ucwatest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// application is one signed-in endpoint. Server.mu guards it.
type application struct {
	href      string
	endpoint  string
	available bool
	sent      int               // the ack number of the last batch sent; 0 for none
	held      []byte            // that batch, until it is acknowledged; nil for none
	parked    chan struct{}     // closed to release a parked P-GET with 409
	priority  int               // of the parked one
	hold      time.Duration     // how long to park, as the client asked for last; 0 for the default
	known     map[string][]byte // resources by path below href, as last told
}

// applications creates an application, or gives a known endpoint its own back
// (applications_ref.md). Property names are in any letter case.
func (s *Server) applications(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(r) {
		s.refuse(w, r)
		return
	}
	var asked struct {
		Culture    string `json:"culture"`
		EndpointID string `json:"endpointId"`
		UserAgent  string `json:"userAgent"`
	}
	err := json.UnmarshalRead(io.LimitReader(r.Body, 64<<10), &asked, json.MatchCaseInsensitiveNames(true))
	if r.Method != http.MethodPost || err != nil || asked.EndpointID == "" || asked.Culture == "" || asked.UserAgent == "" {
		problem(w, r, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
		return
	}
	status := http.StatusCreated
	s.mu.Lock()
	if s.app != nil && s.app.endpoint == asked.EndpointID && s.opt.Known200 {
		status = http.StatusOK
	}
	if s.app == nil || s.app.endpoint != asked.EndpointID {
		s.apps++
		number := 10_000_000_000 + int64(len(s.sc.Name))*1_000_003 + int64(s.apps)*7919
		s.app = &application{href: fmt.Sprintf("/ucwa/oauth/v1/applications/%d", number), endpoint: asked.EndpointID,
			known: make(map[string][]byte)}
	}
	where, body := s.app.href, s.fill(s.app, marshal(s.describe()))
	s.mu.Unlock()
	w.Header().Set("Location", where)
	answerBytes(w, r, status, body)
}

// describe is the application resource. s.mu is held.
func (s *Server) describe() map[string]any {
	at := func(path string) map[string]any { return map[string]any{"href": s.app.href + path} }
	return map[string]any{
		"rel": "application", "culture": "en-US", "etag": "1071366391",
		"_links": map[string]any{"self": at(""), "policies": at("/policies"), "batch": at("/batch"), "events": at("/events?ack=1")},
		"_embedded": map[string]any{
			"me":             s.me(s.app),
			"people":         map[string]any{"rel": "people", "_links": map[string]any{"self": at("/people"), "search": at("/people/search")}},
			"onlineMeetings": map[string]any{"rel": "onlineMeetings", "_links": map[string]any{"self": at("/onlineMeetings")}},
			"communication":  (&story{sc: s.sc}).communication(),
		},
	}
}

// me is the account's own resource. Before it made itself available an endpoint
// can do little more than that. s.mu is held.
func (s *Server) me(app *application) map[string]any {
	links := map[string]any{"self": href("/me"), "callForwardingSettings": href("/me/callForwardingSettings"), "phones": href("/me/phones")}
	if app.available {
		for _, l := range []string{"presence", "note", "location"} {
			links[l] = href("/me/" + l)
		}
		links["reportMyActivity"] = href("/reportMyActivity")
	} else {
		links["makeMeAvailable"] = href("/me/makeMeAvailable")
	}
	return map[string]any{"rel": "me", "name": s.sc.Account.Name, "uri": s.sc.Account.URI,
		"emailAddresses": []any{address(s.sc.Account)}, "_links": links}
}

// current is the application that a request is about; it answers the request
// when there is none or it may not.
func (s *Server) current(w http.ResponseWriter, r *http.Request) *application {
	if !s.authorized(r) {
		s.refuse(w, r)
		return nil
	}
	s.mu.Lock()
	app := s.app
	s.mu.Unlock()
	if app == nil || !strings.HasSuffix(app.href, "/"+r.PathValue("id")) {
		problem(w, r, http.StatusNotFound, "NotFound", "ApplicationNotFound")
		return nil
	}
	return app
}

func (s *Server) application(w http.ResponseWriter, r *http.Request) {
	if s.current(w, r) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.app == nil {
		return
	}
	if r.Method == http.MethodDelete {
		s.app = nil
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answerBytes(w, r, http.StatusOK, s.fill(s.app, marshal(s.describe())))
}

// below is everything under an application.
func (s *Server) below(w http.ResponseWriter, r *http.Request) {
	app := s.current(w, r)
	if app == nil {
		return
	}
	rest := r.PathValue("rest")
	switch {
	case rest == "events":
		s.events(w, r, app)
	case strings.HasSuffix(rest, "makeMeAvailable"):
		s.makeAvailable(w, r, app)
	case strings.HasSuffix(rest, "reportMyActivity"):
		w.WriteHeader(http.StatusNoContent)
	case strings.Contains(rest, "/participants/") && strings.Count(rest, "/") == 4:
		s.participant(w, r, app, rest)
	case rest == "communication/conversations":
		answer(w, r, http.StatusOK, map[string]any{"rel": "conversations", "_links": map[string]any{"self": map[string]any{"href": r.URL.Path}}})
	case rest == "communication" && r.Method == http.MethodPut:
		s.putCommunication(w, r)
	default:
		s.lookup(w, r, app, rest)
	}
}

func (s *Server) makeAvailable(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	again := app.available
	app.available = true
	s.changed()
	s.mu.Unlock()
	if again {
		problem(w, r, http.StatusConflict, "Conflict", "AlreadyExists")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// participant describes somebody in a conversation to a client that was only
// given the link.
func (s *Server) participant(w http.ResponseWriter, r *http.Request, app *application, rest string) {
	conv, who, _ := strings.Cut(rest, "/participants/")
	for _, p := range s.sc.people {
		if !strings.EqualFold(address(p), who) {
			continue
		}
		answer(w, r, http.StatusOK, map[string]any{"rel": "participant", "uri": p.URI, "name": p.Name, "anonymous": false,
			"sourceNetwork": network(p, s.sc.Account), "_links": map[string]any{
				"self":         map[string]any{"href": app.href + "/" + rest},
				"conversation": map[string]any{"href": app.href + "/" + conv},
				"contact":      map[string]any{"href": app.href + "/people/" + address(p)},
			}})
		return
	}
	problem(w, r, http.StatusNotFound, "NotFound", "")
}
