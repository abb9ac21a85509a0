package ucwatest

import (
	"fmt"
	"slices"
	"time"
)

// delivery is a message on its way to everybody else in a conversation.
type delivery struct {
	waiting int
	failed  []Person
}

// send is an endpoint writing a message. It returns where the message is. Its
// event says whether it arrived: servers tell that once everybody has it, or
// has not fetched it in time. s.mu is held.
func (s *Server) send(l *leg, w words) string {
	w.date, w.hidden = "/Date({ms})/", true
	l.messages++
	at := l.messageHref()
	s.endTyping(l)
	s.write(l.d, l.owner, w)
	out := &delivery{waiting: 1}
	done := func(p *Person) {
		if p != nil {
			out.failed = append(out.failed, *p)
		}
		if out.waiting--; out.waiting == 0 {
			s.delivered(l, at, w, out.failed)
		}
	}
	for _, other := range l.d.legs {
		if other.phase == inside && other != l {
			out.waiting++
			s.deliver(other, l.owner, w, done)
		}
	}
	done(nil)
	for _, r := range l.d.robots {
		if r.echoes {
			s.later(s.opt.Answer, func() { s.speak(l.d, r, w) })
		}
	}
	return at
}

// deliver puts a message into an endpoint's channel and tells what became of
// it: nothing, or who did not get it. s.mu is held.
func (s *Server) deliver(l *leg, from Person, w words, done func(*Person)) {
	w.hidden, w.operation = false, ""
	queue := len(l.app.queue)
	l.said(s.to(l), from, w)
	fetched := false
	l.app.queue[queue].fetched = func() {
		if !fetched {
			fetched = true
			done(nil)
		}
	}
	message := l.app.queue[queue].event
	s.later(s.opt.Ring, func() {
		if fetched {
			return
		}
		fetched = true
		// "Instant messages that are not fetched within 30 seconds time out"
		// (message_ref.md): the endpoint never gets this one.
		l.app.queue = slices.DeleteFunc(l.app.queue, func(e sent) bool {
			return fmt.Sprint(e.event["link"]) == fmt.Sprint(message["link"])
		})
		done(&l.owner)
	})
}

// delivered tells the sender what became of a message. s.mu is held.
func (s *Server) delivered(l *leg, at string, w words, failed []Person) {
	if l.phase == outside {
		return
	}
	// The message has its number since it was sent.
	view := l.talk
	fmt.Sscanf(at[len(l.href()+"/messaging/messages/"):], "%d", &view.messages)
	view.messages--
	if len(failed) > 0 {
		view.undelivered(s.to(l), failed[0], w, reason("RemoteFailure", "Timeout", "The message was not delivered."))
		return
	}
	view.said(s.to(l), l.owner, w)
}

// speak is somebody without a client writing. s.mu is held.
func (s *Server) speak(d *dialogue, who *user, w words) {
	w.date, w.hidden, w.operation = "/Date({ms})/", false, ""
	if !slices.Contains(d.robots, who) {
		return
	}
	s.write(d, who.Person, w)
	for _, l := range d.legs {
		if l.phase == inside {
			s.deliver(l, who.Person, w, func(*Person) {})
		}
	}
}

// write puts a line into the history of a dialogue. s.mu is held.
func (s *Server) write(d *dialogue, who Person, w words) {
	if d.log == nil {
		return
	}
	for _, l := range d.legs {
		if l.phase == inside && !slices.ContainsFunc(d.log.people, func(p Person) bool { return p.URI == l.owner.URI }) {
			d.log.people = append(d.log.people, l.owner)
		}
	}
	d.log.entries = append(d.log.entries, entry{at: time.Now(), who: who, words: w})
}

// typingTime is how long somebody shows as typing after he said so.
const typingTime = 5 * time.Second

// typing is an endpoint saying that its user writes. s.mu is held.
func (s *Server) typing(l *leg) {
	if l.writing {
		return
	}
	l.writing = true
	for _, other := range l.d.legs {
		if other != l && other.phase == inside {
			other.talk.typing(s.to(other), l.owner, "added")
		}
	}
	s.later(typingTime, func() { s.endTyping(l) })
}

func (s *Server) endTyping(l *leg) {
	if !l.writing {
		return
	}
	l.writing = false
	for _, other := range l.d.legs {
		if other != l && other.phase == inside {
			other.talk.typing(s.to(other), l.owner, "deleted")
		}
	}
}
