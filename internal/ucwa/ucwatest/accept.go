package ucwatest

// accept plays what follows when an invitation is accepted. Incoming and
// outgoing ones differ in their order (ReceiveAnIM.md, SendAnIM.md).
func (s *story) accept(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	t.connected = true
	if t.outgoing {
		s.accepted(t)
		return nil
	}
	// That it can be accepted no longer may be told before the client has
	// even asked for it.
	if t.kind == "messagingInvitation" {
		s.emit("communication", "/communication", operation("updated", t.kind, t.invitationHref(), s.invitation(t, "Connecting")))
		s.cut()
	}
	s.modalityUpdated(t, "Connected")
	s.emit("communication", "/communication", resource("updated", "conversation", t.href(), s.conversation(t, "Connected")))
	s.media(t, s.sc.Account)
	s.media(t, t.peer)
	s.emit("conversation", t.href(), titled("updated", "participant", t.participantHref(t.peer), t.peer.Name))
	s.completed(t)
	if t.text != "" {
		s.cut()
		s.written(t, t.peer, t.text, step{}) // the first text comes again
		s.emit("communication", "/communication", resource("updated", "conversation", t.href(), s.conversation(t, "Connected")))
	}
	return nil
}

// accepted is an outgoing invitation that the other side took; its completion
// is the last event.
func (s *story) accepted(t *talk) {
	s.emit("communication", "/communication", resource("updated", "conversation", t.href(), s.conversation(t, "Connected")))
	s.came(t, t.peer)
	s.media(t, t.peer)
	s.media(t, s.sc.Account)
	s.modalityUpdated(t, "Connected")
	s.completed(t)
}

func (s *story) completed(t *talk) {
	invitation := s.invitation(t, "Connected")
	if t.outgoing {
		invitation["_embedded"] = map[string]any{"acceptedByParticipant": []any{s.participant(t, t.peer, false)}}
	}
	done := operation("completed", t.kind, t.invitationHref(), invitation)
	done["status"] = "Success"
	s.emit("communication", "/communication", done)
}

// modalityUpdated tells the state of what the conversation was begun with.
func (s *story) modalityUpdated(t *talk, state string) {
	if t.kind == "phoneAudioInvitation" {
		s.emit("conversation", t.href(), resource("updated", "phoneAudio", t.href()+"/phoneAudio", s.modality(t, "phoneAudio", state)))
		return
	}
	s.emit("conversation", t.href(), resource("updated", "messaging", t.href()+"/messaging", s.messaging(t, state)))
}

// media tells that somebody takes part in the modality: with the resource for
// the account, by link alone for others.
func (s *story) media(t *talk, p Person) {
	rel, path, in := "participantMessaging", "/messaging", "participant"
	if t.kind == "phoneAudioInvitation" {
		rel, path = "participantAudio", "/audio"
	}
	at := t.participantHref(p)
	e := bare("added", rel, at+path)
	if p.Key == "me" {
		in = "localParticipant"
		e = resource("added", rel, at+path, map[string]any{"rel": rel, "_links": map[string]any{
			"self": href(at + path), "participant": map[string]any{"href": "{app}" + at, "title": p.Name}}})
	}
	where := link(in, at)
	where["title"] = p.Name
	e["in"] = where
	s.emit("conversation", t.href(), e)
}

// cut ends the batch, unless the scenario groups by hand.
func (s *story) cut() {
	if !s.held {
		s.flush()
	}
}
