package ucwatest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dialogue is a conversation between users of this server, as the server knows
// it. Each endpoint in it has its own view, a leg. Server.mu guards it.
type dialogue struct {
	began   time.Time
	meeting *meeting // nil for two people
	legs    []*leg   // in it, or being asked
	robots  []*user  // in it without a client
	texts   []string // what the first of them has left to say
	log     *chronicle
}

// phase is how far an endpoint has come in a conversation.
type phase int

const (
	calling phase = iota // has asked, and waits
	ringing              // is being asked
	inside
	outside
)

// leg is a conversation at one endpoint.
type leg struct {
	talk
	app     *application
	d       *dialogue
	phase   phase
	writing bool // shown as typing to the others
	// outcome tells who asked this endpoint into a meeting how that went: a
	// subcode, or "" when it came; nil when nobody wants to know.
	outcome func(subcode string)
}

// endpoint is the event channel of an application, as a listener.
type endpoint struct {
	s   *Server
	app *application
}

func (e endpoint) emit(rel, href string, event map[string]any) {
	e.s.remember(e.app, event)
	e.app.queue = append(e.app.queue, sent{rel: rel, href: "{app}" + href, event: event, at: time.Now()})
	e.s.changed()
}

func (e endpoint) cut()         {}
func (e endpoint) embeds() bool { return e.s.opt.Embed }

func (s *Server) to(l *leg) endpoint { return endpoint{s, l.app} }

// newID is an id of a live resource. s.mu is held.
func (s *Server) newID(sort string) string {
	s.ids++
	return (&story{sc: s.sc}).id("live", sort, strconv.Itoa(s.ids))
}

// newLeg gives a dialogue to an endpoint. s.mu is held.
func (s *Server) newLeg(d *dialogue, app *application, t talk) *leg {
	t.owner = app.user.Person
	t.guid, t.invitation = s.newID("conversation"), s.newID("invitation")
	if t.importance == "" {
		t.importance = "Normal"
	}
	l := &leg{talk: t, app: app, d: d}
	d.legs = append(d.legs, l)
	app.legs[l.guid] = l
	return l
}

func sortedLegs(a *application) []*leg {
	var legs []*leg
	for _, guid := range slices.Sorted(maps.Keys(a.legs)) {
		legs = append(legs, a.legs[guid])
	}
	return legs
}

// later does something after a while, unless the server has been closed.
func (s *Server) later(d time.Duration, do func()) {
	time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			do()
		}
	})
}

func reason(code, subcode, message string) map[string]any {
	return map[string]any{"code": code, "subcode": subcode, "message": message}
}

// ring asks somebody into a dialogue on behalf of a calling leg: every endpoint
// he has made available, or himself when he has none. s.mu is held.
func (s *Server) ring(caller *leg, who *user, kind string) {
	if who == nil {
		s.later(s.opt.Answer, func() {
			s.fail(caller, reason("RemoteFailure", "DestinationNotFound", "The person could not be found."))
		})
		return
	}
	asked := talk{kind: kind, peer: caller.owner, thread: caller.thread, subject: caller.subject, importance: caller.importance,
		text: caller.text, first: caller.first}
	if !s.knock(caller.d, asked, who, caller.app) {
		s.askRobot(caller, who)
	}
}

// knock rings at every endpoint of somebody but one, and gives up after a
// while. It reports whether there is any. s.mu is held.
func (s *Server) knock(d *dialogue, asked talk, who *user, but *application) bool {
	s.bury(who)
	for _, app := range who.endpoints() {
		if app == but {
			continue
		}
		l := s.newLeg(d, app, asked)
		l.phase = ringing
		l.begun(s.to(l))
		l.came(s.to(l), l.peer)
	}
	if who == s.account() && s.opt.OtherClient != "" {
		s.later(s.opt.Answer, func() { s.atOtherClient(d, who) })
		return true
	}
	if len(s.asked(d, who)) == 0 {
		return false
	}
	s.later(s.opt.Ring, func() { s.unanswered(d, who) })
	return true
}

// rings is somebody without a client writing to a user. s.mu is held.
func (s *Server) rings(from, to *user, subject string, texts []string) {
	thread := strings.ReplaceAll(s.newID("thread"), "-", "")
	d := &dialogue{began: time.Now(), robots: []*user{from}, texts: texts[1:], log: &chronicle{thread: thread, subject: subject,
		importance: "Normal", people: []Person{from.Person, to.Person}}}
	s.write(d, from.Person, words{plain: texts[0]})
	asked := talk{kind: "messagingInvitation", peer: from.Person, thread: thread, subject: subject, text: texts[0]}
	if !s.knock(d, asked, to, nil) {
		s.missed(d, to)
	}
}

// asked are the endpoints of somebody that a dialogue rings at.
func (s *Server) asked(d *dialogue, who *user) []*leg {
	var legs []*leg
	for _, l := range d.legs {
		if l.phase == ringing && l.app.user == who {
			legs = append(legs, l)
		}
	}
	return legs
}

// askRobot lets somebody without a client answer by himself. s.mu is held.
func (s *Server) askRobot(caller *leg, who *user) {
	switch who.answers {
	case answersDecline:
		s.later(s.opt.Answer, func() {
			s.fail(caller, reason("RemoteFailure", "Declined", "The invitation was declined."))
		})
	case answersIgnore:
		s.later(s.opt.Ring, func() {
			s.fail(caller, reason("RemoteFailure", "Timeout", "The invitation was not answered."))
		})
	case answersOffline:
		s.later(s.opt.Answer, func() {
			s.fail(caller, reason("RemoteFailure", "TemporarilyUnavailable", "The person is not available."))
		})
	default:
		s.later(s.opt.Answer, func() {
			if caller.phase == outside {
				return
			}
			caller.d.robots = append(caller.d.robots, who)
			s.connect(caller, who.Person)
			if caller.text != "" && who.echoes {
				s.speak(caller.d, who, words{plain: caller.text})
			}
		})
	}
}

// connect tells a caller that somebody has answered. s.mu is held.
func (s *Server) connect(caller *leg, who Person) {
	switch {
	case caller.phase == outside:
	case caller.d.meeting != nil:
		s.enter(caller.d, who)
	case caller.phase == calling:
		caller.phase, caller.connected = inside, true
		caller.accepted(s.to(caller))
	}
}

// accept is an endpoint taking an invitation: its user's other ones lose it
// (ConnectedElsewhere). s.mu is held.
func (s *Server) accept(l *leg) {
	caller := s.caller(l.d)
	for _, other := range s.asked(l.d, l.app.user) {
		if other != l {
			s.close(other, func() {
				other.failed(s.to(other), reason("LocalFailure", "ConnectedElsewhere", "The invitation was answered on another endpoint."))
			})
		}
	}
	l.phase, l.connected = inside, true
	if l.d.meeting != nil {
		s.admit(l)
		if l.outcome != nil {
			l.outcome("")
		}
		return
	}
	if caller != nil {
		s.connect(caller, l.owner)
	}
	l.answered(s.to(l))
	if l.text != "" && !l.isCall() { // the first text comes again (ReceiveAnIM.md)
		l.said(s.to(l), l.peer, words{plain: l.text, date: "/Date({ms})/"})
		s.to(l).emit("communication", "/communication", resource("updated", "conversation", l.href(), l.conversation("Connected")))
	}
	s.goOn(l.d)
}

// goOn lets somebody without a client say what he has left to say. s.mu is
// held.
func (s *Server) goOn(d *dialogue) {
	if len(d.texts) == 0 || len(d.robots) == 0 {
		return
	}
	s.later(s.opt.Answer, func() {
		text := d.texts[0]
		d.texts = d.texts[1:]
		s.speak(d, d.robots[0], words{plain: text})
		s.goOn(d)
	})
}

// caller is the endpoint that waits for an answer; nil when none does.
func (s *Server) caller(d *dialogue) *leg {
	for _, l := range d.legs {
		if l.outgoing && l.phase != outside {
			return l
		}
	}
	return nil
}
