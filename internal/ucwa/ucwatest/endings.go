package ucwatest

import (
	"slices"
	"strings"
	"time"
)

// fail ends an invitation that nobody took. s.mu is held.
func (s *Server) fail(caller *leg, why map[string]any) {
	if caller.phase != calling {
		return
	}
	s.close(caller, func() { caller.failed(s.to(caller), why) })
	for _, l := range slices.Clone(caller.d.legs) {
		if l.phase == ringing {
			s.close(l, func() { l.failed(s.to(l), why) })
		}
	}
	s.archive(caller.d, false)
}

// close takes an endpoint out of a dialogue, telling it so. s.mu is held.
func (s *Server) close(l *leg, tell func()) {
	if l.phase == outside {
		return
	}
	l.phase = outside
	if s.apps[l.app.id] == l.app {
		tell()
	}
	delete(l.app.legs, l.guid)
	delete(l.app.known, strings.ToLower(l.invitationHref()))
	l.d.legs = slices.DeleteFunc(l.d.legs, func(m *leg) bool { return l == m })
}

// unanswered gives up ringing at somebody. s.mu is held.
func (s *Server) unanswered(d *dialogue, who *user) {
	asked := s.asked(d, who)
	if len(asked) == 0 {
		return
	}
	caller := s.caller(d)
	for _, l := range asked {
		s.close(l, func() { l.failed(s.to(l), reason("LocalFailure", "Timeout", "The invitation was not answered.")) })
	}
	s.missed(d, who)
	if caller != nil {
		s.fail(caller, reason("RemoteFailure", "Timeout", "The invitation was not answered."))
	}
}

// decline is an endpoint turning an invitation down; everywhere, with global,
// for all endpoints of its user. s.mu is held.
func (s *Server) decline(l *leg, global bool) {
	declined := []*leg{l}
	if global {
		declined = s.asked(l.d, l.app.user)
	}
	caller := s.caller(l.d)
	for _, d := range declined {
		s.close(d, func() { d.failed(s.to(d), reason("LocalFailure", "Declined", "Your invitation was declined.")) })
	}
	if len(s.asked(l.d, l.app.user)) > 0 {
		return
	}
	if l.outcome != nil {
		l.outcome("Declined")
	} else if caller != nil {
		s.fail(caller, reason("RemoteFailure", "Declined", "The invitation was declined."))
	}
}

// cancel is a caller giving up. s.mu is held.
func (s *Server) cancel(caller *leg) {
	for _, l := range slices.Clone(caller.d.legs) {
		if l.phase == ringing {
			s.close(l, func() { l.failed(s.to(l), reason("RemoteFailure", "Canceled", "The invitation was cancelled.")) })
		}
	}
	s.fail(caller, reason("LocalFailure", "Canceled", "The invitation was cancelled."))
}

// leave is an endpoint going out of a conversation. Where two were, the other
// one is alone, and it is over. s.mu is held.
func (s *Server) leave(l *leg, why string) {
	switch l.phase {
	case outside:
		return
	case calling:
		s.cancel(l)
		return
	case ringing:
		s.decline(l, false)
		return
	}
	s.close(l, func() { l.over(s.to(l)) })
	for _, other := range slices.Clone(l.d.legs) {
		if other.phase != inside {
			continue
		}
		gone := titled("deleted", "participant", other.participantHref(l.owner), l.owner.Name)
		gone["reason"] = reason("RemoteFailure", why, "")
		other.present = slices.DeleteFunc(other.present, func(p Person) bool { return p.URI == l.owner.URI })
		s.to(other).emit("conversation", other.href(), gone)
		if l.d.meeting == nil {
			s.close(other, func() { other.over(s.to(other)) })
		}
	}
	if len(l.d.legs) == 0 || l.d.meeting == nil {
		s.archive(l.d, false)
	}
}

// archive files the history of a dialogue with everybody who took part.
// s.mu is held.
func (s *Server) archive(d *dialogue, missed bool) {
	if d.log == nil {
		return
	}
	c := d.log
	d.log = nil
	for _, p := range c.people {
		if u := s.user(p.URI); u != nil && !slices.ContainsFunc(u.logs, func(l *chronicle) bool { return l.of == d }) {
			own := *c
			own.id, own.of, own.missed, own.filed = s.newID("log"), d, missed, time.Now()
			own.people = slices.DeleteFunc(slices.Clone(c.people), func(q Person) bool { return q.URI == p.URI })
			own.outgoing = len(c.entries) > 0 && c.entries[0].who.URI == p.URI
			u.logs = append(u.logs, &own)
			s.tellMissed(u)
		}
	}
}

// missed files an invitation that its receiver did not answer. s.mu is held.
func (s *Server) missed(d *dialogue, who *user) {
	if d.log == nil { // it is filed already, with whoever called
		return
	}
	own := *d.log
	own.id, own.of, own.missed, own.filed = s.newID("log"), d, true, time.Now()
	own.people = slices.DeleteFunc(slices.Clone(own.people), func(p Person) bool { return p.URI == who.URI })
	who.logs = append(who.logs, &own)
	s.tellMissed(who)
}

// tellMissed tells a user's endpoints that there is something in the history.
func (s *Server) tellMissed(u *user) {
	if !s.opt.History {
		return
	}
	for _, a := range u.endpoints() {
		endpoint{s, a}.emit("communication", "/communication", resource("updated", "missedItems", "/communication/missedItems", u.missedItems()))
	}
}
