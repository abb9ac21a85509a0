package ucwatest

// describe is the application resource. s.mu is held.
func (s *Server) describe(app *application) map[string]any {
	return map[string]any{
		"rel": "application", "culture": "en-US", "userAgent": app.agent, "type": "Browser", "id": app.id, "etag": "1071366391",
		"_links": map[string]any{"self": href(""), "policies": href("/policies"), "batch": href("/batch"), "events": href("/events?ack=1")},
		"_embedded": map[string]any{
			"me":     s.me(app),
			"people": people(),
			"onlineMeetings": map[string]any{"rel": "onlineMeetings", "_links": map[string]any{
				"self": href("/onlineMeetings"), "myOnlineMeetings": href("/onlineMeetings/myOnlineMeetings")}},
			"communication": s.communication(app),
		},
	}
}

// me is the user's own resource. Before it made itself available an endpoint
// can do little more than that. s.mu is held.
func (s *Server) me(app *application) map[string]any {
	links := map[string]any{"self": href("/me"), "callForwardingSettings": href("/me/callForwardingSettings"), "phones": href("/me/phones"),
		"photo": href("/photos/" + address(app.user.Person))}
	if app.available {
		for _, l := range []string{"presence", "note", "location"} {
			links[l] = href("/me/" + l)
		}
		links["reportMyActivity"] = href("/reportMyActivity")
	} else {
		links["makeMeAvailable"] = href("/me/makeMeAvailable")
	}
	return map[string]any{"rel": "me", "name": app.user.Name, "uri": app.user.URI,
		"emailAddresses": []any{address(app.user.Person)}, "_links": links}
}

// communication is the dashboard. s.mu is held.
func (s *Server) communication(app *application) map[string]any {
	return communication(s.putID(app), s.opt)
}

// putID is the random name of the member that a PUT has to bring back; it is
// another one in each application.
func (s *Server) putID(app *application) string {
	return (&story{sc: s.sc}).id("put", app.id)
}

// putMember is the value of the member that a PUT has to bring back.
const putMember = "please pass this in a PUT request"

// communication is the dashboard of whoever has this random member. Servers
// from 2015 on offer more, and those that keep a history show it.
func communication(random string, opt Options) map[string]any {
	links := map[string]any{
		"self":               href("/communication"),
		"conversations":      href("/communication/conversations?filter=active"),
		"startMessaging":     href("/communication/messagingInvitations"),
		"startPhoneAudio":    href("/communication/phoneAudioInvitations"),
		"startOnlineMeeting": href("/communication/onlineMeetingInvitations?onlineMeetingUri=adhoc"),
		"joinOnlineMeeting":  href("/communication/onlineMeetingInvitations"),
	}
	r := map[string]any{
		random: putMember,
		"rel":  "communication", "etag": "1804289383",
		"supportedModalities": []any{"Messaging"}, "supportedMessageFormats": []any{"Plain", "Html"}, "_links": links}
	if !opt.Lync2013 {
		links["mediaPolicies"] = href("/communication/mediaPolicies")
		links["mediaRelayAccessToken"] = href("/communication/mediaRelayAccessToken")
	}
	if opt.History {
		links["conversationLogs"] = href("/communication/conversationLogs")
		links["missedItems"] = href("/communication/missedItems")
		r["conversationHistory"] = "Enabled"
	}
	return r
}
