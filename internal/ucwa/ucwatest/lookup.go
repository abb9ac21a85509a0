package ucwatest

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// remember keeps what an event says about resources, for a client that asks for
// them by their links. s.mu is held.
func (s *Server) remember(app *application, e map[string]any) {
	l := e["link"].(map[string]any)
	path := strings.TrimPrefix(l["href"].(string), "{app}")
	if e["type"] == "deleted" && e["in"] == nil {
		for known := range app.known {
			if gone := strings.ToLower(path); known == gone || strings.HasPrefix(known, gone+"/") {
				delete(app.known, known)
			}
		}
		return
	}
	if l["rel"] == "conversation" {
		app.told[strings.ToLower(path)] = true
	}
	embedded, _ := e["_embedded"].(map[string]any)
	for _, r := range embedded {
		app.known[strings.ToLower(path)] = s.render(app, r)
	}
}

// lookup answers a GET of a resource: as the last event told of it, or as it
// is in any application.
func (s *Server) lookup(w http.ResponseWriter, r *http.Request, app *application, rest string) {
	s.mu.Lock()
	body, ok := app.known[strings.ToLower("/"+rest)]
	if v := s.standing(app, rest); !ok && v != nil {
		body, ok = s.render(app, v), true
	}
	s.mu.Unlock()
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		problem(w, r, http.StatusNotFound, "NotFound", "")
		return
	}
	answerBytes(w, r, http.StatusOK, body)
}

// standing describes what is there before any event; nil for nothing. s.mu is
// held.
func (s *Server) standing(app *application, rest string) any {
	self := map[string]any{"self": href("/" + rest)}
	switch rest {
	case "me":
		return s.me(app)
	case "communication":
		return s.communication(app)
	case "communication/missedItems":
		if !s.opt.History {
			return nil
		}
		return app.user.missedItems()
	case "communication/mediaPolicies", "communication/mediaRelayAccessToken":
		if s.opt.Lync2013 {
			return nil
		}
		return map[string]any{"rel": strings.TrimPrefix(rest, "communication/"), "_links": self}
	case "policies":
		return s.policies(self)
	case "people":
		return people()
	case "me/phones":
		return map[string]any{"rel": "phones", "_links": self, "_embedded": map[string]any{"phone": []any{
			map[string]any{"rel": "phone", "number": "tel:+14255550100", "type": "Work", "includeInContactCard": true}}}}
	case "me/callForwardingSettings":
		return map[string]any{"rel": "callForwardingSettings", "activePeriod": "Always", "activeSetting": "None", "unansweredCallHandling": "None", "_links": self}
	case "onlineMeetings":
		return map[string]any{"rel": "onlineMeetings", "_links": map[string]any{"self": href("/onlineMeetings"), "myOnlineMeetings": href("/onlineMeetings/myOnlineMeetings")}}
	case "me/presence", "me/note", "me/location":
		if !app.available {
			return nil
		}
		u := app.user
		return map[string]any{
			"me/presence": map[string]any{"rel": "presence", "availability": u.shown(time.Now()), "activity": u.activity, "_links": self},
			"me/note":     map[string]any{"rel": "note", "type": "Personal", "message": u.note, "_links": self},
			"me/location": map[string]any{"rel": "location", "location": u.location, "_links": self},
		}[rest]
	}
	if who, ok := strings.CutPrefix(rest, "people/"); ok {
		return s.contact(app, who)
	}
	if p := s.inRoster(app, rest); p != nil {
		return p
	}
	return s.quiet(app, rest)
}

// quiet is a modality of a conversation that no event has told of yet. s.mu is
// held.
func (s *Server) quiet(app *application, rest string) any {
	path := strings.Split(rest, "/")
	if len(path) != 4 || path[1] != "conversations" {
		return nil
	}
	l := &talk{owner: app.user.Person, guid: path[2]}
	if live := app.legs[path[2]]; live != nil {
		l = &live.talk
	} else if _, scripted := app.known[strings.ToLower("/"+strings.Join(path[:3], "/"))]; !scripted {
		return nil
	}
	switch path[3] {
	case "messaging":
		return l.messaging("Disconnected")
	case "phoneAudio", "audioVideo", "applicationSharing", "dataCollaboration":
		return l.modality(path[3], "Disconnected")
	}
	return nil
}

// policies are what the administrator allows (policies_ref.md).
func (s *Server) policies(self map[string]any) map[string]any {
	keep := "Enabled"
	if s.opt.KeepNoHistory {
		keep = "Disabled"
	}
	return map[string]any{"rel": "policies", "messageArchiving": "None", "callLogArchiving": "Enabled", "saveMessagingHistory": keep,
		"saveCallLogs": "Enabled", "htmlMessaging": "Enabled", "messagingUrls": "Enabled", "emoticons": "Enabled", "photos": "Enabled",
		"logging": "Disabled", "exchangeUnifiedMessaging": "Disabled", "telephonyMode": "None", "voicemailUri": "", "_links": self}
}

// inRoster describes somebody in a conversation to a client that was only given
// the link. s.mu is held.
func (s *Server) inRoster(app *application, rest string) any {
	conversation, who, ok := strings.Cut(rest, "/participants/")
	guid, inside := strings.CutPrefix(conversation, "communication/conversations/")
	u := s.user(who)
	if !ok || !inside || u == nil {
		return nil
	}
	if l := app.legs[guid]; l != nil {
		return l.participant(u.Person)
	}
	// The history of a scenario passes faster than a client can ask: who was in
	// a conversation of it can be asked for after its end.
	if !app.told[strings.ToLower("/"+conversation)] {
		return nil
	}
	t := talk{owner: app.user.Person, guid: guid}
	return t.participant(u.Person)
}

// marshal writes what is made of maps and strings; it cannot fail.
func marshal(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return b
}
