package ucwatest

import (
	"slices"
	"strings"
	"time"
)

// join takes an endpoint into an online meeting, which is made when it is not
// yet there (joinOnlineMeeting_ref.md, startOnlineMeeting_ref.md). Text needs
// messaging to be added. s.mu is held.
func (s *Server) join(app *application, in input) *leg {
	uri := in.text("onlineMeetingUri")
	if uri == "" {
		return nil
	}
	d := s.meetings[strings.ToLower(uri)]
	if uri == "adhoc" || d == nil {
		d = s.newConference(app.user.Person, uri, in.text("subject"))
	}
	t := talk{kind: "onlineMeetingInvitation", outgoing: true, subject: d.meeting.subject, importance: in.text("importance"),
		thread: in.text("threadId"), operation: in.text("operationId"), meeting: d.meeting}
	if t.operation == "" {
		t.operation = s.newID("operation")
	}
	if t.thread == "" {
		t.thread = d.log.thread
	}
	l := s.newLeg(d, app, t)
	l.phase = calling
	l.begun(s.to(l))
	l.phase, l.connected = inside, true
	s.admit(l)
	return l
}

// newConference opens a meeting. s.mu is held.
func (s *Server) newConference(organizer Person, uri, subject string) *dialogue {
	m := newMeeting(organizer, strings.ToUpper(s.newID("conference")[:8]), subject)
	if uri != "adhoc" && uri != "" {
		m.uri = uri
		for _, u := range s.users {
			for _, scheduled := range u.meetings {
				if strings.EqualFold(scheduled.uri, uri) {
					m = scheduled
				}
			}
		}
	}
	d := &dialogue{began: time.Now(), meeting: m, log: &chronicle{thread: strings.ReplaceAll(s.newID("thread"), "-", ""),
		subject: m.subject, importance: "Normal", people: []Person{organizer}}}
	s.meetings[strings.ToLower(m.uri)] = d
	return d
}

// admit lets an endpoint that was asked, or that asked, into a meeting: it is
// told who is there, and they of it. s.mu is held.
func (s *Server) admit(l *leg) {
	to := s.to(l)
	to.emit("conversation", l.href(), resource("added", "onlineMeeting", l.href()+"/onlineMeeting", l.onlineMeeting()))
	for _, p := range s.there(l.d) {
		if p.URI != l.owner.URI {
			l.joined(to, p, s.collection(l.d, p))
		}
	}
	to.emit("communication", "/communication", resource("updated", "conversation", l.href(), l.conversation("Conferenced")))
	l.completed(to)
	s.enter(l.d, l.owner)
}

// there are the people in a dialogue. s.mu is held.
func (s *Server) there(d *dialogue) []Person {
	var people []Person
	for _, l := range d.legs {
		if l.phase == inside && !slices.Contains(people, l.owner) {
			people = append(people, l.owner)
		}
	}
	for _, r := range d.robots {
		people = append(people, r.Person)
	}
	return people
}

// collection is where somebody stands in a meeting.
func (s *Server) collection(d *dialogue, p Person) string {
	if d.meeting != nil && d.meeting.organizer.URI == p.URI {
		return "leaders"
	}
	return "attendees"
}

// enter tells everybody in a meeting who came. s.mu is held.
func (s *Server) enter(d *dialogue, who Person) {
	for _, l := range d.legs {
		known := slices.ContainsFunc(l.present, func(p Person) bool { return p.URI == who.URI })
		if l.phase == inside && l.owner.URI != who.URI && !known {
			l.joined(s.to(l), who, s.collection(d, who))
		}
	}
}

// addMessaging gives an endpoint in a meeting its text (addMessaging_ref.md).
// s.mu is held.
func (s *Server) addMessaging(app *application, in input) *leg {
	l := app.legs[in.text("conversation")]
	if l == nil || l.phase != inside {
		return nil
	}
	l.kind, l.outgoing, l.invitation = "messagingInvitation", true, s.newID("invitation")
	if l.operation = in.text("operationId"); l.operation == "" {
		l.operation = s.newID("operation")
	}
	to := s.to(l)
	to.emit("communication", "/communication", resource("started", l.kind, l.invitationHref(), l.invitationResource("Connecting")))
	l.modalityUpdated(to, "Connecting")
	l.media(to, l.owner)
	l.modalityUpdated(to, "Connected")
	l.completed(to)
	return l
}

// add asks another person into a conversation, which becomes a conference
// (addParticipant_ref.md). s.mu is held.
func (s *Server) add(app *application, in input) *leg {
	l := app.legs[in.text("conversation")]
	to := in.text("to")
	if l == nil || l.phase != inside || to == "" {
		return nil
	}
	if l.d.meeting == nil {
		s.escalate(l)
	}
	who := s.user(to)
	peer := Person{URI: uriOf(to)}
	if who != nil {
		peer = who.Person
	}
	asking := &leg{talk: l.talk, app: app, d: l.d, phase: calling}
	asking.kind, asking.outgoing, asking.peer, asking.invitation = "participantInvitation", true, peer, s.newID("invitation")
	if asking.operation = in.text("operationId"); asking.operation == "" {
		asking.operation = s.newID("operation")
	}
	at := asking.invitationHref()
	s.to(l).emit("communication", "/communication", resource("started", asking.kind, at, asking.invitationResource("Connecting")))
	s.askIn(l, asking, who)
	return asking
}

// askIn rings at somebody who is to come into a meeting. s.mu is held.
func (s *Server) askIn(l, asking *leg, who *user) {
	done := func(event map[string]any) {
		s.to(l).emit("communication", "/communication", event)
	}
	failed := func(code string) {
		e := resource("completed", asking.kind, asking.invitationHref(), asking.invitationResource("Failed"))
		e["status"], e["reason"] = "Failure", reason("RemoteFailure", code, "")
		done(e)
	}
	came := func() {
		e := resource("completed", asking.kind, asking.invitationHref(), asking.invitationResource("Connected"))
		e["status"] = "Success"
		done(e)
	}
	switch {
	case who == nil:
		s.later(s.opt.Answer, func() { failed("DestinationNotFound") })
	case len(who.endpoints()) == 0 && who.answers == answersAccept:
		s.later(s.opt.Answer, func() {
			l.d.robots = append(l.d.robots, who)
			s.enter(l.d, who.Person)
			came()
		})
	case len(who.endpoints()) == 0:
		s.later(s.opt.Answer, func() { failed("Declined") })
	default:
		settled := false
		outcome := func(subcode string) {
			switch {
			case settled:
				return
			case subcode == "":
				came()
			default:
				failed(subcode)
			}
			settled = true
		}
		for _, app := range who.endpoints() {
			t := talk{kind: "onlineMeetingInvitation", peer: l.owner, subject: l.subject, thread: l.thread, meeting: l.d.meeting}
			asked := s.newLeg(l.d, app, t)
			asked.phase, asked.outcome = ringing, outcome
			asked.begun(s.to(asked))
		}
		s.later(s.opt.Ring, func() {
			for _, a := range s.asked(l.d, who) {
				s.close(a, func() { a.failed(s.to(a), reason("LocalFailure", "Timeout", "The invitation was not answered.")) })
			}
			outcome("Timeout")
		})
	}
}

// escalate makes a conference of a conversation of two. s.mu is held.
func (s *Server) escalate(l *leg) {
	m := newMeeting(l.owner, strings.ToUpper(s.newID("conference")[:8]), l.subject)
	l.d.meeting = m
	s.meetings[strings.ToLower(m.uri)] = l.d
	for _, one := range l.d.legs {
		if one.phase == inside {
			one.conferenced(s.to(one), m)
		}
	}
}
