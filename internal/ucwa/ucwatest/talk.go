package ucwatest

import (
	"slices"
	"time"
)

func (s *story) invite(st step) error { return s.open(st, "messagingInvitation", false) }
func (s *story) start(st step) error  { return s.open(st, "messagingInvitation", true) }
func (s *story) call(st step) error   { return s.open(st, "phoneAudioInvitation", false) }

// open begins a conversation with an invitation (ReceiveAnIM.md, SendAnIM.md).
func (s *story) open(st step, kind string, outgoing bool) error {
	peer, err := s.person(st.words[2])
	if err != nil {
		return err
	}
	t := &talk{key: st.words[1], kind: kind, outgoing: outgoing, peer: peer, subject: st.opts["subject"], importance: "Normal"}
	if i := st.opts["importance"]; i != "" {
		t.importance = i
	}
	if len(st.words) > 3 {
		t.text = st.words[3]
	}
	t.guid, t.invitation = s.newID("conversation"), s.newID("invitation")
	t.thread = s.thread(st.opts["thread"], t.key)
	s.talks[t.key] = t
	s.begun(t)
	s.cut() // remote people come in a batch of their own
	if !outgoing {
		s.came(t, peer)
	}
	s.pass(8 * time.Second)
	return nil
}

func (s *story) begun(t *talk) {
	state := "Incoming"
	if t.outgoing {
		state = "Connecting"
	}
	s.emit("communication", "/communication", operation("started", t.kind, t.invitationHref(), s.invitation(t, "Connecting")))
	s.emit("communication", "/communication", resource("added", "conversation", t.href(), s.conversation(t, state)))
	s.localCame(t)
	if t.outgoing {
		s.modalityUpdated(t, "Connecting")
	}
}

// localCame adds the account to the roster.
func (s *story) localCame(t *talk) {
	me := s.sc.Account
	e := resource("added", "localParticipant", t.participantHref(me), s.participant(t, me, true))
	e["link"].(map[string]any)["title"] = me.Name
	s.emit("conversation", t.href(), e)
}

// came adds somebody to the roster, by link alone as servers do.
func (s *story) came(t *talk, p Person) {
	t.present = append(t.present, p)
	e := titled("added", "participant", t.participantHref(p), p.Name)
	if s.embed {
		e["_embedded"] = map[string]any{"participant": s.participant(t, p, false)}
	}
	s.emit("conversation", t.href(), e)
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
	return s.failed(st, "RemoteFailure", "Timeout", "The invitation was not answered.")
}

func (s *story) cancel(st step) error {
	return s.failed(st, "RemoteFailure", "Canceled", "The invitation was cancelled.")
}

func (s *story) elsewhere(st step) error {
	return s.failed(st, "LocalFailure", "ConnectedElsewhere", "The invitation was answered on another endpoint.")
}

func (s *story) fail(st step) error {
	return s.failed(st, st.words[2], st.words[3], st.words[4])
}

// failed ends an invitation without a conversation, as in recorded traffic:
// the invitation, then the modality, the account and the conversation.
func (s *story) failed(st step, code, subcode, message string) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	done := operation("completed", t.kind, t.invitationHref(), s.invitation(t, "Failed"))
	done["status"] = "Failure"
	done["reason"] = s.reason(code, subcode, message)
	s.emit("communication", "/communication", done)
	if !s.held {
		s.flush()
	}
	s.over(t)
	return nil
}

func (s *story) reason(code, subcode, message string) map[string]any {
	return map[string]any{"code": code, "subcode": subcode, "message": message,
		"debugInfo": map[string]any{"errorReportId": s.id("report", s.clock.String())}}
}

// over deletes what there is of a conversation.
func (s *story) over(t *talk) {
	s.modalityUpdated(t, "Disconnected")
	s.emit("conversation", t.href(), titled("deleted", "localParticipant", t.participantHref(s.sc.Account), s.sc.Account.Name))
	s.emit("communication", "/communication", bare("deleted", "conversation", t.href()))
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
	s.over(t)
	return nil
}

func (s *story) reopen(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	t.guid, t.text, t.messages, t.conference = s.newID("conversation"), "", 0, false
	s.emit("communication", "/communication", resource("added", "conversation", t.href(), s.conversation(t, "Connected")))
	s.localCame(t)
	people := t.present
	t.present = nil
	for _, p := range people {
		s.came(t, p)
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
	if len(t.present) > 0 && !t.conference {
		t.conference = true
		s.emit("communication", "/communication", resource("updated", "conversation", t.href(), s.conversation(t, "Conferencing")))
		s.emit("conversation", t.href(), resource("added", "onlineMeeting", t.href()+"/onlineMeeting", s.meeting(t)))
		s.emit("communication", "/communication", resource("updated", "conversation", t.href(), s.conversation(t, "Conferenced")))
	}
	s.came(t, p)
	collection := "attendees"
	if st.opts["role"] == "Leader" {
		collection = "leaders"
	}
	e := titled("added", "participant", t.participantHref(p), p.Name)
	if s.embed {
		e["_embedded"] = map[string]any{"participant": s.participant(t, p, false)}
	}
	e["in"] = link(collection, t.href()+"/"+collection)
	s.emit("conversation", t.href(), e)
	s.pass(3 * time.Second)
	return nil
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
	if t.conference {
		state = "Conferenced"
	}
	s.emit("communication", "/communication", resource("updated", "conversation", t.href(), s.conversation(t, state)))
	return nil
}
