package ucwatest

import (
	"embed"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// State is what a server shows of itself at /sim, for people and as JSON.
type State struct {
	Scenario     string             `json:"scenario"`
	Now          time.Time          `json:"now"` // the server's clock, in UTC
	Left         int                `json:"steps_left"`
	Users        []UserState        `json:"users"`
	Applications []ApplicationState `json:"applications"`
	Faults       []FaultState       `json:"faults"`
	Requests     []Request          `json:"requests"` // the last 100, newest first
}

// UserState is somebody who can sign in.
type UserState struct {
	Address      string `json:"address"`
	Name         string `json:"name"`
	Availability string `json:"availability"`
	Answers      string `json:"answers"` // what he does without a client
	Logs         int    `json:"logs"`    // conversations in the server's history
}

// Does says what somebody does without a client.
func (u UserState) Does() string {
	return map[string]string{answersAccept: "answers", answersDecline: "declines", answersIgnore: "does not react", answersOffline: "is offline"}[u.Answers]
}

// ApplicationState is an endpoint.
type ApplicationState struct {
	ID            string    `json:"id"`
	User          string    `json:"user"`
	Agent         string    `json:"agent"`
	Available     bool      `json:"available"`
	Parked        bool      `json:"parked"` // a P-GET is being held
	Sent          int       `json:"sent"`   // number of the last batch
	Acknowledged  bool      `json:"acknowledged"`
	Waiting       int       `json:"waiting"` // events for the next P-GET
	Conversations int       `json:"conversations"`
	Ends          time.Time `json:"ends"` // unless it shows signs of life
}

// FaultState is a planned fault.
type FaultState struct {
	Spec string `json:"spec"`
	Left int    `json:"left"` // how many requests it will break; -1 for all
}

// State tells how things stand.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := State{Scenario: s.sc.Name, Now: s.now().UTC(), Left: len(s.moves) - s.at, Users: []UserState{},
		Applications: []ApplicationState{}, Faults: []FaultState{}, Requests: []Request{}}
	for _, a := range slices.Sorted(maps.Keys(s.users)) {
		u := s.users[a]
		v.Users = append(v.Users, UserState{Address: address(u.Person), Name: u.Name, Availability: u.shown(time.Now()), Answers: u.answers, Logs: len(u.logs)})
	}
	for _, id := range slices.Sorted(maps.Keys(s.apps)) {
		a := s.apps[id]
		v.Applications = append(v.Applications, ApplicationState{ID: id, User: address(a.user.Person), Agent: a.agent, Available: a.available,
			Parked: a.parked != nil, Sent: a.sent, Acknowledged: a.held == nil, Waiting: len(a.queue), Conversations: len(a.legs), Ends: s.deadline(a).UTC()})
	}
	for _, p := range s.faults {
		v.Faults = append(v.Faults, FaultState{Spec: p.Spec, Left: p.left()})
	}
	for _, q := range slices.Backward(s.requests[max(0, len(s.requests)-100):]) {
		v.Requests = append(v.Requests, *q)
	}
	return v
}

//go:embed state.html
var pages embed.FS

// control is the way to look at the server and to interfere with it: /sim is
// the page or, for those that ask for it, JSON; below it are the actions.
func (s *Server) control() http.Handler {
	page := template.Must(template.ParseFS(pages, "state.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sim", func(w http.ResponseWriter, r *http.Request) {
		state := s.State()
		if strings.Contains(r.Header.Get("Accept"), "json") || r.URL.Query().Get("format") == "json" {
			answer(w, r, http.StatusOK, state)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, struct {
			State
			FaultHelp string
		}{state, FaultHelp}) // a client that has gone is the client's business
	})
	mux.HandleFunc("POST /sim/faults", s.addFault)
	mux.HandleFunc("POST /sim/calls", s.letCall)
	mux.HandleFunc("POST /sim/ends", s.endApplication)
	mux.HandleFunc("POST /sim/tokens", s.expireTokens)
	return http.NewCrossOriginProtection().Handler(mux)
}

// done answers an action: to the page a browser came from, or with nothing.
func done(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "html") {
		http.Redirect(w, r, "/sim", http.StatusSeeOther)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// addFault plans one: spec. An empty one takes all back.
func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	spec := r.PostFormValue("spec")
	if spec == "" {
		s.mu.Lock()
		s.faults = nil
		s.mu.Unlock()
		done(w, r)
		return
	}
	p, err := ParseFault(spec)
	if err != nil {
		http.Error(w, err.Error()+"\n\n"+FaultHelp, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.faults = append(s.faults, &p)
	s.mu.Unlock()
	done(w, r)
}

// letCall has somebody without a client write to somebody: from, to, and text,
// which may come several times.
func (s *Server) letCall(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what cannot be read is not there
	s.mu.Lock()
	from, to := s.user(r.PostForm.Get("from")), s.user(r.PostForm.Get("to"))
	texts := r.PostForm["text"]
	ok := from != nil && to != nil && from != to && len(texts) > 0
	if ok {
		s.rings(from, to, r.PostForm.Get("subject"), texts)
	}
	s.mu.Unlock()
	if !ok {
		http.Error(w, "from and to are two people of the scenario; text is what the first says, once or several times", http.StatusBadRequest)
		return
	}
	done(w, r)
}

// expireTokens takes back all tokens that were given, as a server does whose
// keys are renewed.
func (s *Server) expireTokens(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	for t, g := range s.tokens {
		g.void = true
		s.tokens[t] = g
	}
	s.mu.Unlock()
	done(w, r)
}

// endApplication ends one, as a server that restarts does: id.
func (s *Server) endApplication(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	a := s.apps[r.PostFormValue("id")]
	if a != nil {
		s.remove(a)
	}
	s.mu.Unlock()
	if a == nil {
		http.Error(w, "there is no application with this id", http.StatusNotFound)
		return
	}
	done(w, r)
}
