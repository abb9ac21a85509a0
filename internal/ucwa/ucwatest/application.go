package ucwatest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// application is one signed-in endpoint. Server.mu guards it.
type application struct {
	user      *user
	id        string // the last element of its href
	href      string
	endpoint  string
	agent     string
	available bool
	html      bool      // it takes messages in HTML too
	origin    string    // the scheme and host that it was made under
	asked     time.Time // when the last P-GET began or ended
	active    time.Time // when activity was last reported

	sent     int               // the ack number of the last batch sent; 0 for none
	held     []byte            // that batch, until it is acknowledged; nil for none
	batch    []sent            // its events; nil when they are not known
	queue    []sent            // waiting for a P-GET
	parked   chan struct{}     // closed to release a parked P-GET with 409
	priority int               // of the parked one
	hold     time.Duration     // how long to park, as the client asked for last; 0 for the default
	medium   time.Duration     // how long events of medium priority may wait, as it asked for last
	known    map[string][]byte // resources by path below href in small letters, as last told
	told     map[string]bool   // paths of conversations there were, in small letters
	legs     map[string]*leg   // live conversations by their GUID

	subscribed map[*user]time.Time // whose presence it is told, and until when
}

// applications creates an application, or gives a known endpoint its own back
// (applications_ref.md). Property names are in any letter case.
func (s *Server) applications(w http.ResponseWriter, r *http.Request) {
	who, known := s.authorized(r)
	switch {
	case !known && s.foreign(r):
		problem(w, r, http.StatusInternalServerError, "ServiceFailure", "")
		return
	case !known:
		s.refuse(w, r)
		return
	}
	var asked struct {
		Culture    string `json:"culture"`
		EndpointID string `json:"endpointId"`
		UserAgent  string `json:"userAgent"`
	}
	if s.opt.Lync2013 && r.Header.Get("X-MS-RequiresMinResourceVersion") > "1" {
		problem(w, r, http.StatusNotFound, "NotFound", "APIVersionNotSupported")
		return
	}
	err := json.UnmarshalRead(io.LimitReader(r.Body, 64<<10), &asked, json.MatchCaseInsensitiveNames(true))
	if r.Method != http.MethodPost || err != nil || asked.EndpointID == "" || asked.Culture == "" || asked.UserAgent == "" {
		problem(w, r, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
		return
	}
	s.mu.Lock()
	app, status := s.endpoint(who, asked.EndpointID)
	if app == nil {
		s.mu.Unlock()
		problem(w, r, http.StatusGone, "Gone", "TooManyApplications")
		return
	}
	app.agent, app.origin = asked.UserAgent, origin(r)
	where, body := s.public(app), s.render(app, s.describe(app))
	s.mu.Unlock()
	w.Header().Set("Location", where)
	answerBytes(w, r, status, body)
}

// endpoint finds or makes an endpoint of a user; nil when he has too many.
// s.mu is held.
func (s *Server) endpoint(who *user, id string) (*application, int) {
	s.bury(who)
	if at := slices.IndexFunc(who.apps, func(a *application) bool { return a.endpoint == id }); at >= 0 {
		if s.opt.Known200 {
			return who.apps[at], http.StatusOK
		}
		return who.apps[at], http.StatusCreated
	}
	if len(who.apps) >= s.opt.MaxApplications {
		return nil, 0
	}
	s.made++
	number := 10_000_000_000 + int64(len(s.sc.Name))*1_000_003 + int64(s.made)*7919
	app := &application{user: who, id: fmt.Sprint(number), href: fmt.Sprintf("/ucwa/oauth/v1/applications/%d", number), endpoint: id,
		medium: 5 * time.Second, asked: time.Now(), active: time.Now(), known: make(map[string][]byte), told: make(map[string]bool), legs: make(map[string]*leg), subscribed: make(map[*user]time.Time)}
	who.apps = append(who.apps, app)
	s.apps[app.id] = app
	return app, http.StatusCreated
}

// bury ends those of a user's applications that have been silent for too long.
// s.mu is held.
func (s *Server) bury(who *user) {
	for _, a := range slices.Clone(who.apps) {
		if why := s.deadline(a); !time.Now().Before(why) {
			s.remove(a)
		}
	}
}

// deadline is when an application ends unless it shows signs of life: a P-GET,
// and once it is available reports of activity (reportMyActivity_ref.md).
func (s *Server) deadline(a *application) time.Time {
	const never = 100 * 365 * 24 * time.Hour
	at := a.asked.Add(never)
	if a.parked == nil {
		at = a.asked.Add(s.opt.Silence)
	}
	if idle := a.active.Add(s.opt.Idle); a.available && idle.Before(at) {
		at = idle
	}
	return at
}

// remove ends an application. Who is in a conversation with it sees it leave.
// s.mu is held.
func (s *Server) remove(a *application) {
	delete(s.apps, a.id)
	a.user.apps = slices.DeleteFunc(a.user.apps, func(b *application) bool { return a == b })
	if a.available && len(a.user.endpoints()) == 0 {
		a.user.availability = ""
	}
	for _, l := range sortedLegs(a) {
		s.leave(l, "Removed")
	}
	if a.parked != nil {
		close(a.parked)
		a.parked = nil
	}
	s.changed()
}

// current is the application that a request is about; it answers the request
// when there is none or it may not.
func (s *Server) current(w http.ResponseWriter, r *http.Request) *application {
	who, known := s.authorized(r)
	if !known {
		s.refuse(w, r)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.apps[r.PathValue("id")]
	if app == nil || app.user != who {
		problem(w, r, http.StatusNotFound, "NotFound", "ApplicationNotFound")
		return nil
	}
	if !time.Now().Before(s.deadline(app)) {
		idle := app.available && app.parked == nil && time.Since(app.asked) < s.opt.Silence
		s.remove(app)
		if idle {
			problem(w, r, http.StatusGone, "Gone", "InactiveApplicationExpired")
			return nil
		}
		problem(w, r, http.StatusNotFound, "NotFound", "ApplicationNotFound")
		return nil
	}
	return app
}

func (s *Server) application(w http.ResponseWriter, r *http.Request) {
	app := s.current(w, r)
	if app == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodDelete {
		s.remove(app)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answerBytes(w, r, http.StatusOK, s.render(app, s.describe(app)))
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
	case rest == "batch":
		s.batch(w, r)
	case strings.HasSuffix(rest, "makeMeAvailable"):
		s.makeAvailable(w, r, app)
	case strings.HasSuffix(rest, "reportMyActivity"):
		s.reportActivity(w, r, app)
	case rest == "communication" && r.Method == http.MethodPut:
		s.putCommunication(w, r, app)
	case s.logs(w, r, app, rest):
	case s.operate(w, r, app, rest):
	default:
		s.lookup(w, r, app, rest)
	}
}

func (s *Server) makeAvailable(w http.ResponseWriter, r *http.Request, app *application) {
	in := readInput(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if app.available {
		problem(w, r, http.StatusConflict, "Conflict", "AlreadyExists")
		return
	}
	if s.opt.Lync2013 && slices.ContainsFunc(in.list("supportedModalities"), func(m string) bool { return m != "Messaging" && m != "PhoneAudio" }) {
		problem(w, r, http.StatusForbidden, "Forbidden", "None")
		return
	}
	app.available, app.active = true, time.Now()
	app.html = slices.ContainsFunc(in.list("supportedMessageFormats"), func(f string) bool { return strings.EqualFold(f, "Html") })
	app.user.availability = in.text("signInAs")
	if app.user.availability == "" {
		app.user.availability = "Online"
	}
	s.welcome(app)
	s.presenceChanged(app.user, app)
	s.changed()
	w.WriteHeader(http.StatusNoContent)
}

// welcome tells an endpoint what servers tell first: in the words of the
// scenario, for the account whose history it is. s.mu is held.
func (s *Server) welcome(app *application) {
	switch {
	case app.user.URI != s.sc.Account.URI || len(s.moves) == 0:
		greet(endpoint{s, app}, s.communication(app))
	case s.at == 0 && s.moves[0].live && s.moves[0].wait == 0 && len(s.moves[0].events) > 0:
		app.queue = append(app.queue, s.play(app).events...)
	}
}

func (s *Server) reportActivity(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !app.available {
		problem(w, r, http.StatusConflict, "Conflict", "MakeMeAvailableRequired")
		return
	}
	app.active = time.Now()
	w.WriteHeader(http.StatusNoContent)
}
