package ucwatest

import "slices"

// atOtherClient is what the account's own other client does with an invitation
// that has rung for a while: see Options.OtherClient. Its events are not this
// server's to tell; the endpoints that rang as well lose the invitation, and
// the rest is in the history. s.mu is held.
func (s *Server) atOtherClient(d *dialogue, who *user) {
	if slices.ContainsFunc(d.legs, func(l *leg) bool { return l.phase == inside && l.app.user == who }) {
		return // an endpoint was faster
	}
	why := reason("LocalFailure", "ConnectedElsewhere", "The invitation was answered on another endpoint.")
	if s.opt.OtherClient == answersDecline {
		why = reason("LocalFailure", "Declined", "Your invitation was declined.")
	}
	caller := s.caller(d)
	if caller == nil && len(d.robots) == 0 {
		return // who called has given up
	}
	for _, l := range s.asked(d, who) {
		s.close(l, func() { l.failed(s.to(l), why) })
	}
	if s.opt.OtherClient == answersDecline {
		if caller != nil {
			s.fail(caller, reason("RemoteFailure", "Declined", "The invitation was declined."))
		} else {
			s.archive(d, false)
		}
		return
	}
	d.robots = append(d.robots, who)
	reply := words{plain: "I am at my other client."}
	if caller != nil {
		s.connect(caller, who.Person)
		s.speak(d, who, reply)
		return
	}
	s.write(d, who.Person, reply)
	s.converse(d, d.robots[0], d.texts)
}

// converse lets somebody say what he has left to say where no endpoint hears
// it; then the conversation is over. s.mu is held.
func (s *Server) converse(d *dialogue, who *user, texts []string) {
	s.later(s.opt.Answer, func() {
		if len(texts) == 0 {
			s.archive(d, false)
			return
		}
		s.write(d, who.Person, words{plain: texts[0]})
		s.converse(d, who, texts[1:])
	})
}
