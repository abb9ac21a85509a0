package ucwatest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// user is somebody who has an account at this server: the scenario's own one,
// and everybody else in it. Server.mu guards it.
type user struct {
	Person
	password     string
	answers      string // what he does without a client: see the person step
	echoes       bool
	availability string // "" until an endpoint or the scenario shows one
	activity     string
	note         string
	location     string
	logs         []*chronicle // oldest first
	meetings     []*meeting   // scheduled
	apps         []*application
}

// What somebody without a client does with an invitation.
const (
	answersAccept  = "accept"
	answersDecline = "decline"
	answersIgnore  = "ignore"
	answersOffline = "offline"
)

// newUsers makes an account for everybody in a scenario.
func newUsers(sc *Scenario) map[string]*user {
	users := make(map[string]*user)
	for _, key := range slices.Sorted(maps.Keys(sc.people)) {
		p := sc.people[key]
		u := &user{Person: p, password: sc.Password, answers: answersAccept}
		if o := sc.habits[key]; o != nil {
			u.echoes = o["echo"] == "yes"
			if a := o["answers"]; a != "" {
				u.answers = a
			}
			if pw := o["password"]; pw != "" {
				u.password = pw
			}
		}
		users[mailboxOf(p.URI)] = u
	}
	return users
}

// user finds somebody by his address, with a scheme or without; nil when there
// is no such person. s.mu is held, or s is new.
func (s *Server) user(uri string) *user {
	return s.users[mailboxOf(uri)]
}

// mailboxOf is what tells people apart: an address in small letters without
// its scheme and parameters.
func mailboxOf(uri string) string {
	a := strings.ToLower(uri)
	if scheme, rest, ok := strings.Cut(a, ":"); ok && (scheme == "sip" || scheme == "tel" || scheme == "sips") {
		a = rest
	}
	a, _, _ = strings.Cut(a, ";")
	return a
}

// login finds who signs in as name: an address, with its scheme or without, or
// DOMAIN\name. s.mu is held.
func (s *Server) login(name string) *user {
	if u := s.user(name); u != nil {
		return u
	}
	_, short, ok := strings.Cut(name, `\`)
	if !ok {
		return nil
	}
	for _, a := range slices.Sorted(maps.Keys(s.users)) {
		if local, _, _ := strings.Cut(a, "@"); strings.EqualFold(local, short) {
			return s.users[a]
		}
	}
	return nil
}

// shown is the availability that others see: of the endpoints signed in, or
// what the scenario says.
func (u *user) shown(now time.Time) string {
	switch {
	case u.availability == "" && u.answers == answersOffline:
		return "Offline"
	case u.availability == "":
		return "Online"
	case u.idle(now) && u.availability == "Online":
		return "IdleOnline"
	case u.idle(now) && u.availability == "Busy":
		return "IdleBusy"
	}
	return u.availability
}

// idleAfter is how long an endpoint may report no activity before its user
// shows as idle (reportMyActivity_ref.md).
const idleAfter = 5 * time.Minute

func (u *user) idle(now time.Time) bool {
	for _, a := range u.apps {
		if a.available && now.Sub(a.active) < idleAfter {
			return false
		}
	}
	return len(u.apps) > 0
}

// endpoints are those of his applications that are to ring.
func (u *user) endpoints() []*application {
	var ring []*application
	for _, a := range u.apps {
		if a.available {
			ring = append(ring, a)
		}
	}
	return ring
}
