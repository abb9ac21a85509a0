package ucwatest

import (
	"slices"
	"time"
)

func (s *story) invite(st step) error { return s.open(st, "messagingInvitation", false) }
func (s *story) start(st step) error  { return s.open(st, "messagingInvitation", true) }
func (s *story) call(st step) error   { return s.open(st, "phoneAudioInvitation", false) }

// open begins a conversation with an invitation.
func (s *story) open(st step, kind string, outgoing bool) error {
	peer, err := s.person(st.words[2])
	if err != nil {
		return err
	}
	t := &talk{owner: s.sc.Account, key: st.words[1], kind: kind, outgoing: outgoing, peer: peer,
		subject: st.opts["subject"], importance: "Normal", operation: s.id("operation", st.words[1])}
	if i := st.opts["importance"]; i != "" {
		t.importance = i
	}
	if len(st.words) > 3 {
		t.text = st.words[3]
	}
	t.guid, t.invitation = s.newID("conversation"), s.newID("invitation")
	t.thread = s.thread(st.opts["thread"], t.key)
	s.talks[t.key] = t
	s.record(t)
	t.begun(s)
	s.cut() // remote people come in a batch of their own
	if !outgoing {
		t.came(s, peer)
	}
	s.pass(8 * time.Second)
	return nil
}

// accept plays what follows when an invitation is accepted. Incoming and
// outgoing ones differ in their order (ReceiveAnIM.md, SendAnIM.md).
func (s *story) accept(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	t.connected = true
	if t.outgoing {
		t.accepted(s)
		return nil
	}
	t.answered(s)
	if t.text != "" {
		s.cut()
		t.said(s, t.peer, words{plain: t.text, date: s.date()}) // the first text comes again
		s.emit("communication", "/communication", resource("updated", "conversation", t.href(), t.conversation("Connected")))
	}
	return nil
}

func (s *story) decline(st step) error {
	code := "LocalFailure"
	if st.opts["by"] == "remote" {
		code = "RemoteFailure"
	}
	return s.failed(st, code, "Declined", "Your invitation was declined.")
}

func (s *story) miss(st step) error {
	s.pass(30 * time.Second)
	if err := s.failed(st, "RemoteFailure", "Timeout", "The invitation was not answered."); err != nil {
		return err
	}
	s.filed(st.words[1], true)
	return nil
}

func (s *story) cancel(st step) error {
	return s.failed(st, "RemoteFailure", "Canceled", "The invitation was cancelled.")
}

func (s *story) elsewhere(st step) error {
	return s.failed(st, "LocalFailure", "ConnectedElsewhere", "The invitation was answered on another endpoint.")
}

func (s *story) fail(st step) error {
	if len(st.words) > 4 {
		return s.failed(st, st.words[2], st.words[3], st.words[4])
	}
	return s.failed(st, st.words[2], st.words[3], nil)
}

// failed ends an invitation; its reason may have no message.
func (s *story) failed(st step, code, subcode string, message any) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	t.failed(s, s.reason(code, subcode, message))
	if subcode != "ConnectedElsewhere" && subcode != "Timeout" {
		s.filed(st.words[1], false)
	}
	return nil
}

func (s *story) reason(code, subcode string, message any) map[string]any {
	return map[string]any{"code": code, "subcode": subcode, "message": message,
		"debugInfo": map[string]any{"errorReportId": s.id("report", s.clock.String())}}
}

func (s *story) end(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	s.pass(20 * time.Second)
	for _, p := range t.present {
		s.emit("conversation", t.href(), titled("deleted", "participant", t.participantHref(p), p.Name))
	}
	t.over(s)
	s.filed(st.words[1], false)
	return nil
}

func (s *story) reopen(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	t.guid, t.text, t.messages, t.meeting, t.connected = s.newID("conversation"), "", 0, nil, true
	s.record(t)
	s.emit("communication", "/communication", resource("added", "conversation", t.href(), t.conversation("Connected")))
	t.localCame(s)
	people := t.present
	t.present = nil
	for _, p := range people {
		t.came(s, p)
	}
	return nil
}

func (s *story) join(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	p, err := s.person(st.words[2])
	if err != nil {
		return err
	}
	if len(t.present) > 0 && t.meeting == nil {
		t.conferenced(s, s.meeting(t))
	}
	collection := "attendees"
	if st.opts["role"] == "Leader" {
		collection = "leaders"
	}
	t.joined(s, p, collection)
	s.pass(3 * time.Second)
	return nil
}

// meeting is the conference that a conversation turns into.
func (s *story) meeting(t *talk) *meeting {
	id := s.id("conference", t.key)[:8]
	return newMeeting(s.sc.Account, id, t.subject)
}

// newMeeting is a meeting of somebody, under a URI as servers make them.
func newMeeting(organizer Person, id, subject string) *meeting {
	return &meeting{uri: organizer.URI + ";gruu;opaque=app:conf:focus:id:" + id, id: id, subject: subject, organizer: organizer}
}

func (s *story) leave(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	p, err := s.person(st.words[2])
	if err != nil {
		return err
	}
	t.present = slices.DeleteFunc(t.present, func(q Person) bool { return q.URI == p.URI })
	s.emit("conversation", t.href(), titled("deleted", "participant", t.participantHref(p), p.Name))
	return nil
}

func (s *story) subject(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	t.subject = st.words[2]
	state := "Connected"
	if t.meeting != nil {
		state = "Conferenced"
	}
	s.emit("communication", "/communication", resource("updated", "conversation", t.href(), t.conversation(state)))
	return nil
}
