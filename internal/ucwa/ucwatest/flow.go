package ucwatest

// listener is told the events of a conversation: a script that is being
// written, or the event channel of an endpoint.
type listener interface {
	// emit adds an event; the sender's href follows the application's.
	emit(rel, href string, event map[string]any)
	// cut says that a server would send off what there is.
	cut()
	// embeds tells whether participants come with their resource.
	embeds() bool
}

// begun tells of an invitation and of what it makes (ReceiveAnIM.md,
// SendAnIM.md).
func (t *talk) begun(to listener) {
	state := "Incoming"
	if t.outgoing {
		state = "Connecting"
	}
	if t.kind == "onlineMeetingInvitation" && t.outgoing {
		state = "Conferencing"
	}
	to.emit("communication", "/communication", resource("started", t.kind, t.invitationHref(), t.invitationResource("Connecting")))
	to.emit("communication", "/communication", resource("added", "conversation", t.href(), t.conversation(state)))
	t.localCame(to)
	if t.outgoing && t.kind != "onlineMeetingInvitation" {
		t.modalityUpdated(to, "Connecting")
	}
}

// localCame adds the owner to the roster.
func (t *talk) localCame(to listener) {
	e := resource("added", "localParticipant", t.participantHref(t.owner), t.participant(t.owner))
	e["link"].(map[string]any)["title"] = t.owner.Name
	to.emit("conversation", t.href(), e)
}

// came adds somebody to the roster, by link alone as servers do.
func (t *talk) came(to listener, p Person) {
	t.present = append(t.present, p)
	to.emit("conversation", t.href(), t.participantEvent(to, "added", p))
}

func (t *talk) participantEvent(to listener, change string, p Person) map[string]any {
	e := titled(change, "participant", t.participantHref(p), p.Name)
	if to.embeds() {
		e["_embedded"] = map[string]any{"participant": t.participant(p)}
	}
	return e
}

// answered is an incoming invitation that this endpoint took.
func (t *talk) answered(to listener) {
	// That it can be accepted no longer may be told before the client has
	// even asked for it.
	if t.kind == "messagingInvitation" {
		to.emit("communication", "/communication", resource("updated", t.kind, t.invitationHref(), t.invitationResource("Connecting")))
		to.cut()
	}
	t.modalityUpdated(to, "Connected")
	to.emit("communication", "/communication", resource("updated", "conversation", t.href(), t.conversation("Connected")))
	t.media(to, t.owner)
	t.media(to, t.peer)
	to.emit("conversation", t.href(), titled("updated", "participant", t.participantHref(t.peer), t.peer.Name))
	t.completed(to)
}

// accepted is an outgoing invitation that the other side took; its completion
// is the last event.
func (t *talk) accepted(to listener) {
	to.emit("communication", "/communication", resource("updated", "conversation", t.href(), t.conversation("Connected")))
	t.came(to, t.peer)
	t.media(to, t.peer)
	t.media(to, t.owner)
	t.modalityUpdated(to, "Connected")
	t.completed(to)
}

func (t *talk) completed(to listener) {
	invitation := t.invitationResource("Connected")
	if t.outgoing && t.peer.URI != "" {
		invitation["_embedded"] = map[string]any{"acceptedByParticipant": []any{t.participant(t.peer)}}
	}
	done := resource("completed", t.kind, t.invitationHref(), invitation)
	done["status"] = "Success"
	to.emit("communication", "/communication", done)
}

// failed ends an invitation without a conversation, as in recorded traffic:
// the invitation, then the modality, the owner and the conversation.
func (t *talk) failed(to listener, reason map[string]any) {
	done := resource("completed", t.kind, t.invitationHref(), t.invitationResource("Failed"))
	done["status"] = "Failure"
	done["reason"] = reason
	to.emit("communication", "/communication", done)
	to.cut()
	t.over(to)
}

// over deletes what there is of a conversation.
func (t *talk) over(to listener) {
	t.connected = false
	t.modalityUpdated(to, "Disconnected")
	to.emit("conversation", t.href(), titled("deleted", "localParticipant", t.participantHref(t.owner), t.owner.Name))
	to.emit("communication", "/communication", bare("deleted", "conversation", t.href()))
}

// modalityUpdated tells the state of what the conversation was begun with.
func (t *talk) modalityUpdated(to listener, state string) {
	if t.isCall() {
		to.emit("conversation", t.href(), resource("updated", "phoneAudio", t.href()+"/phoneAudio", t.modality("phoneAudio", state)))
		return
	}
	to.emit("conversation", t.href(), resource("updated", "messaging", t.href()+"/messaging", t.messaging(state)))
}

// media tells that somebody takes part in the modality: with the resource for
// the owner, by link alone for others.
func (t *talk) media(to listener, p Person) {
	rel, path, in := "participantMessaging", "/messaging", "participant"
	if t.isCall() {
		rel, path = "participantAudio", "/audio"
	}
	at := t.participantHref(p)
	e := bare("added", rel, at+path)
	if p.URI == t.owner.URI {
		in = "localParticipant"
		e = resource("added", rel, at+path, map[string]any{"rel": rel, "_links": map[string]any{
			"self": href(at + path), "participant": map[string]any{"href": "{app}" + at, "title": p.Name}}})
	}
	e = within(e, in, at)
	e["in"].(map[string]any)["title"] = p.Name
	to.emit("conversation", t.href(), e)
}

// said tells a message. Recorded traffic shows both directions as completed
// with Success; documentation shows started.
func (t *talk) said(to listener, p Person, w words) map[string]any {
	m := t.message(p, w)
	e := resource("completed", "message", t.messageHref(), m)
	e["status"] = "Success"
	to.emit("conversation", t.href(), e)
	return e
}

// undelivered tells of an own message that did not reach somebody.
func (t *talk) undelivered(to listener, p Person, w words, reason map[string]any) {
	m := t.message(t.owner, w)
	m["_links"].(map[string]any)["failedDeliveryParticipant"] = []any{map[string]any{"href": "{app}" + t.participantHref(p), "title": p.Name}}
	e := resource("completed", "message", t.messageHref(), m)
	e["status"] = "Failure"
	e["reason"] = reason
	to.emit("conversation", t.href(), e)
}

// typing tells that somebody began (added) or ended (deleted) to write.
func (t *talk) typing(to listener, p Person, change string) {
	to.emit("conversation", t.href(), within(titled(change, "participant", t.participantHref(p), p.Name),
		"typingParticipants", t.href()+"/messaging/typingParticipants"))
}

// conferenced turns a conversation of two into a conference.
func (t *talk) conferenced(to listener, m *meeting) {
	t.meeting = m
	to.emit("communication", "/communication", resource("updated", "conversation", t.href(), t.conversation("Conferencing")))
	to.emit("conversation", t.href(), resource("added", "onlineMeeting", t.href()+"/onlineMeeting", t.onlineMeeting()))
	to.emit("communication", "/communication", resource("updated", "conversation", t.href(), t.conversation("Conferenced")))
}

// joined adds somebody to a conference and to one of its collections,
// attendees or leaders.
func (t *talk) joined(to listener, p Person, collection string) {
	t.came(to, p)
	to.emit("conversation", t.href(), within(t.participantEvent(to, "added", p), collection, t.href()+"/"+collection))
}
