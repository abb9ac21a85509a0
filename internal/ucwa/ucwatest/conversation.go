package ucwatest

import (
	"fmt"
	"slices"
)

// talk is a conversation as one endpoint sees it: the hrefs are its own.
type talk struct {
	owner               Person // whose endpoint it is
	key, guid, thread   string
	subject, importance string
	invitation, kind    string // id and rel of the invitation
	operation           string // operationId of an outgoing one
	outgoing            bool
	text                string   // the invitation's
	first               string   // href of that text; "" has it made from text
	peer                Person   // the inviter or the invited
	present             []Person // who is there besides the owner
	messages            int
	meeting             *meeting // of a conference; nil for two people
	connected           bool
}

// meeting is what the members of a conference share.
type meeting struct {
	uri, id   string
	subject   string
	organizer Person
}

// href is where the conversation is.
func (t *talk) href() string { return "/communication/conversations/" + t.guid }

func (t *talk) invitationHref() string { return "/communication/" + t.kind + "s/" + t.invitation }

// participantHref is where somebody is in the conversation.
func (t *talk) participantHref(p Person) string { return t.href() + "/participants/" + address(p) }

// messageHref is where the last message of the conversation is.
func (t *talk) messageHref() string {
	return fmt.Sprintf("%s/messaging/messages/%d", t.href(), t.messages)
}

// isCall tells a telephone call from what is written.
func (t *talk) isCall() bool { return t.kind == "phoneAudioInvitation" }

func (t *talk) conversation(state string) map[string]any {
	links := map[string]any{"self": href(t.href())}
	for _, m := range []string{"messaging", "phoneAudio", "audioVideo", "applicationSharing", "dataCollaboration"} {
		links[m] = href(t.href() + "/" + m)
	}
	r := map[string]any{"rel": "conversation", "state": state, "subject": t.subject, "importance": t.importance,
		"recording": false, "activeModalities": []any{"Messaging"}, "_links": links}
	if t.isCall() {
		r["activeModalities"] = []any{"Audio"}
	}
	if t.thread != "" {
		r["threadId"] = t.thread
	}
	if t.connected {
		links["localParticipant"] = map[string]any{"href": "{app}" + t.participantHref(t.owner), "title": t.owner.Name}
		links["addParticipant"] = href("/communication/participantInvitations?conversation=" + t.guid)
	}
	return r
}

func (t *talk) invitationResource(state string) map[string]any {
	direction, from, to := "Incoming", t.peer, t.owner
	if t.outgoing {
		direction, from, to = "Outgoing", t.owner, t.peer
	}
	// Documented as a link, recorded as embedded when it is somebody else:
	// there are clients for either.
	links := map[string]any{"self": href(t.invitationHref()), "conversation": href(t.href()),
		"from": map[string]any{"href": "{app}" + t.participantHref(from), "title": from.Name}}
	r := map[string]any{"rel": t.kind, "state": state, "subject": t.subject, "importance": t.importance, "_links": links}
	if t.outgoing {
		r["operationId"] = t.operation
	} else {
		r["_embedded"] = map[string]any{"from": t.participant(from)}
	}
	r["direction"] = direction
	if t.kind == "onlineMeetingInvitation" && t.meeting != nil {
		r["onlineMeetingUri"] = t.meeting.uri
	} else {
		links["to"] = href("/people/" + address(to))
	}
	t.invitationLinks(links, state)
	if t.thread != "" {
		r["threadId"] = t.thread
	}
	return r
}

// invitationLinks says what can be done with an invitation now.
func (t *talk) invitationLinks(links map[string]any, state string) {
	switch t.kind {
	case "messagingInvitation":
		links["messaging"] = href(t.href() + "/messaging")
		if t.text != "" {
			links["message"] = map[string]any{"href": dataURI("text/plain", t.text, "")}
		}
		if t.first != "" {
			links["message"] = map[string]any{"href": t.first}
		}
	case "phoneAudioInvitation":
		links["phoneAudio"] = href(t.href() + "/phoneAudio")
	}
	if state != "Connecting" {
		return
	}
	if t.outgoing {
		links["cancel"] = href(t.href() + "/messaging/terminate")
		return
	}
	if !t.connected {
		links["decline"] = href(t.invitationHref() + "/decline")
	}
	if !t.connected && !t.isCall() { // a telephone is answered by hand (phoneAudioInvitation_ref.md)
		links["accept"] = href(t.invitationHref() + "/accept")
	}
}

func (t *talk) participant(p Person) map[string]any {
	links := map[string]any{"self": href(t.participantHref(p)), "conversation": href(t.href())}
	if p.URI == t.owner.URI {
		links["me"] = href("/me")
	} else {
		links["contact"] = href("/people/" + address(p))
		links["contactPresence"] = href("/people/" + address(p) + "/presence")
		if slices.Contains(t.present, p) { // not yet known in the first event of an invitation
			links["contactPhoto"] = href("/photos/" + address(p))
		}
	}
	return map[string]any{"rel": "participant", "uri": p.URI, "name": p.Name, "anonymous": false,
		"sourceNetwork": network(p, t.owner), "_links": links}
}

func (t *talk) messaging(state string) map[string]any {
	r := t.modality("messaging", state)
	links := r["_links"].(map[string]any)
	switch state {
	case "Connected":
		for rel, path := range map[string]string{"sendMessage": "messages", "stopMessaging": "terminate",
			"setIsTyping": "typing", "typingParticipants": "typingParticipants"} {
			links[rel] = href(t.href() + "/messaging/" + path)
		}
		r["negotiatedMessageFormats"] = []any{"Plain", "Html"}
	case "Connecting":
		links["stopMessaging"] = href(t.href() + "/messaging/terminate")
	case "Disconnected":
		if t.connected {
			links["addMessaging"] = href("/communication/messagingInvitations?conversation=" + t.guid)
		}
	}
	return r
}

func (t *talk) modality(rel, state string) map[string]any {
	return map[string]any{"rel": rel, "state": state, "_links": map[string]any{
		"self": href(t.href() + "/" + rel), "conversation": href(t.href())}}
}

func (t *talk) onlineMeeting() map[string]any {
	m := t.meeting
	return map[string]any{"rel": "onlineMeeting", "subject": m.subject, "organizerUri": m.organizer.URI,
		"organizerName": m.organizer.Name, "onlineMeetingUri": m.uri, "conferenceId": m.id, "_links": map[string]any{
			"self": href(t.href() + "/onlineMeeting"), "conversation": href(t.href())}}
}

// words are the texts of one message, and how they are written.
type words struct {
	plain, html string
	form        string // how the data URI is written: see dataURI
	media       string // a type that is neither; "" is text/plain
	hidden      bool   // an own one, whose text no event tells
	operation   string // operationId, when its sender gave one
	date        string
}

// message makes the next message resource of the conversation.
func (t *talk) message(p Person, w words) map[string]any {
	t.messages++
	links := map[string]any{
		"self":      href(t.messageHref()),
		"messaging": href(t.href() + "/messaging"),
	}
	direction := "Incoming"
	if p.URI == t.owner.URI {
		direction = "Outgoing"
	} else {
		links["contact"] = href("/people/" + address(p))
		links["participant"] = map[string]any{"href": "{app}" + t.participantHref(p), "title": p.Name}
	}
	if !w.hidden {
		if w.plain != "" || w.html == "" {
			media, plain := "text/plain", w.plain
			if w.media != "" {
				media = w.media
			}
			if w.html != "" {
				plain = doubled(plain)
			}
			links["plainMessage"] = map[string]any{"href": dataURI(media, plain, w.form)}
		}
		if w.html != "" {
			links["htmlMessage"] = map[string]any{"href": dataURI("text/html", w.html, w.form)}
		}
	}
	r := map[string]any{"rel": "message", "direction": direction, "timeStamp": w.date, "_links": links}
	if w.operation != "" {
		r["operationId"] = w.operation
	}
	return r
}
