package ucwatest

import "slices"

// href is a link value; the path follows the application's.
func href(path string) map[string]any { return map[string]any{"href": "{app}" + path} }

// link is a link with its rel, as events have it.
func link(rel, path string) map[string]any {
	return map[string]any{"rel": rel, "href": "{app}" + path}
}

// bare is an event without its resource.
func bare(change, rel, path string) map[string]any {
	return map[string]any{"type": change, "link": link(rel, path)}
}

func titled(change, rel, path, title string) map[string]any {
	e := bare(change, rel, path)
	e["link"].(map[string]any)["title"] = title
	return e
}

// resource is an event with its resource.
func resource(change, rel, path string, r map[string]any) map[string]any {
	e := bare(change, rel, path)
	e["_embedded"] = map[string]any{rel: r}
	return e
}

// operation is an event of an operation: started, updated or completed.
func operation(change, rel, path string, r map[string]any) map[string]any {
	return resource(change, rel, path, r)
}

func (s *story) conversation(t *talk, state string) map[string]any {
	links := map[string]any{"self": href(t.href())}
	for _, m := range []string{"messaging", "phoneAudio", "audioVideo", "applicationSharing", "dataCollaboration"} {
		links[m] = href(t.href() + "/" + m)
	}
	r := map[string]any{"rel": "conversation", "state": state, "subject": t.subject, "importance": t.importance,
		"recording": false, "activeModalities": []any{"Messaging"}, "_links": links}
	if t.kind == "phoneAudioInvitation" {
		r["activeModalities"] = []any{"Audio"}
	}
	if t.thread != "" {
		r["threadId"] = t.thread
	}
	if t.connected {
		me := s.sc.Account
		links["localParticipant"] = map[string]any{"href": "{app}" + t.participantHref(me), "title": me.Name}
		links["addParticipant"] = href("/communication/participantInvitations?conversation=" + t.guid)
	}
	return r
}

func (s *story) invitation(t *talk, state string) map[string]any {
	direction, from, to := "Incoming", t.peer, s.sc.Account
	links := map[string]any{"self": href(t.invitationHref()), "conversation": href(t.href())}
	r := map[string]any{"rel": t.kind, "state": state, "subject": t.subject, "importance": t.importance, "_links": links}
	if t.outgoing {
		direction, from, to = "Outgoing", s.sc.Account, t.peer
		links["from"] = map[string]any{"href": "{app}" + t.participantHref(from), "title": from.Name}
		r["operationId"] = s.id("operation", t.key)
	} else {
		r["_embedded"] = map[string]any{"from": s.participant(t, from, false)}
	}
	r["direction"] = direction
	links["to"] = href("/people/" + address(to))
	if t.kind == "messagingInvitation" {
		links["messaging"] = href(t.href() + "/messaging")
		if t.text != "" {
			links["message"] = map[string]any{"href": dataURI("text/plain", t.text, "")}
		}
	}
	if state == "Connecting" && t.outgoing {
		links["cancel"] = href(t.href() + "/messaging/terminate")
	}
	if state == "Connecting" && !t.outgoing && !t.connected {
		links["accept"] = href(t.invitationHref() + "/accept")
		links["decline"] = href(t.invitationHref() + "/decline")
	}
	if t.thread != "" {
		r["threadId"] = t.thread
	}
	return r
}

func (s *story) participant(t *talk, p Person, local bool) map[string]any {
	links := map[string]any{"self": href(t.participantHref(p)), "conversation": href(t.href())}
	if local {
		links["me"] = href("/me")
	} else {
		links["contact"] = href("/people/" + address(p))
		links["contactPresence"] = href("/people/" + address(p) + "/presence")
		if slices.Contains(t.present, p) { // not yet known in the first event of an invitation
			links["contactPhoto"] = href("/photos/" + address(p))
		}
	}
	return map[string]any{"rel": "participant", "uri": p.URI, "name": p.Name, "anonymous": false,
		"sourceNetwork": network(p, s.sc.Account), "_links": links}
}

// network is what the server calls the way to somebody.
func network(p, account Person) string {
	if domain(p) == domain(account) {
		return "SameEnterprise"
	}
	return "Federated"
}

func domain(p Person) string {
	a := address(p)
	for i := range len(a) {
		if a[i] == '@' {
			return a[i+1:]
		}
	}
	return ""
}

func (s *story) messaging(t *talk, state string) map[string]any {
	r := s.modality(t, "messaging", state)
	if state == "Connected" {
		links := r["_links"].(map[string]any)
		for rel, path := range map[string]string{"sendMessage": "messages", "stopMessaging": "terminate",
			"setIsTyping": "typing", "typingParticipants": "typingParticipants"} {
			links[rel] = href(t.href() + "/messaging/" + path)
		}
		r["negotiatedMessageFormats"] = []any{"Plain", "Html"}
	}
	return r
}

func (s *story) modality(t *talk, rel, state string) map[string]any {
	return map[string]any{"rel": rel, "state": state, "_links": map[string]any{
		"self": href(t.href() + "/" + rel), "conversation": href(t.href())}}
}

func (s *story) meeting(t *talk) map[string]any {
	return map[string]any{"rel": "onlineMeeting", "subject": t.subject, "organizerUri": s.sc.Account.URI,
		"conferenceId": s.id("conference", t.key)[:8], "_links": map[string]any{
			"self": href(t.href() + "/onlineMeeting"), "conversation": href(t.href())}}
}

// putMember is the value of the member that a PUT has to bring back.
const putMember = "please pass this in a PUT request"

func (s *story) communication() map[string]any {
	return map[string]any{
		"8" + s.id("put")[1:]: putMember, // sorts before the rest
		"rel":                 "communication",
		"etag":                "1804289383",
		"supportedModalities": []any{"Messaging"}, "supportedMessageFormats": []any{"Plain", "Html"},
		"_links": map[string]any{
			"self":               href("/communication"),
			"conversations":      href("/communication/conversations?filter=active"),
			"startMessaging":     href("/communication/messagingInvitations"),
			"startOnlineMeeting": href("/communication/onlineMeetingInvitations?onlineMeetingUri=adhoc"),
			"joinOnlineMeeting":  href("/communication/onlineMeetingInvitations"),
		}}
}
