package ucwatest

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

// remember keeps what an event says about resources, for a client that asks for
// them by their links. s.mu is held.
func (s *Server) remember(app *application, e map[string]any) {
	l := e["link"].(map[string]any)
	path := strings.TrimPrefix(l["href"].(string), "{app}")
	if e["type"] == "deleted" && e["in"] == nil {
		for known := range app.known {
			if known == path || strings.HasPrefix(known, path+"/") {
				delete(app.known, known)
			}
		}
		return
	}
	embedded, _ := e["_embedded"].(map[string]any)
	for _, r := range embedded {
		app.known[path] = s.fill(app, marshal(r))
	}
}

// lookup answers a GET of a resource: as the last event told of it, or as it
// is in any application.
func (s *Server) lookup(w http.ResponseWriter, r *http.Request, app *application, rest string) {
	s.mu.Lock()
	body, ok := app.known["/"+rest]
	if v := s.standing(app, rest); !ok && v != nil {
		body, ok = s.fill(app, marshal(v)), true
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
		return (&story{sc: s.sc}).communication()
	case "policies":
		return map[string]any{"rel": "policies", "messageArchiving": "None", "saveMessagingHistory": "Enabled", "_links": self}
	case "people":
		return map[string]any{"rel": "people", "_links": map[string]any{"self": href("/people"), "search": href("/people/search")}}
	case "me/presence", "me/note", "me/location":
		if !app.available {
			return nil
		}
		return map[string]any{
			"me/presence": map[string]any{"rel": "presence", "availability": "Online", "_links": self},
			"me/note":     map[string]any{"rel": "note", "type": "Personal", "message": "", "_links": self},
			"me/location": map[string]any{"rel": "location", "location": "", "_links": self},
		}[rest]
	}
	if who, ok := strings.CutPrefix(rest, "people/"); ok {
		return s.contact(who, self)
	}
	return nil
}

// contact describes somebody in people/…, or his presence.
func (s *Server) contact(who string, self map[string]any) any {
	who, presence := strings.CutSuffix(who, "/presence")
	for _, p := range s.sc.people {
		if !strings.EqualFold(address(p), who) {
			continue
		}
		if presence {
			return map[string]any{"rel": "contactPresence", "availability": "Online", "deviceType": "PC", "_links": self}
		}
		self["contactPresence"] = href("/people/" + address(p) + "/presence")
		return map[string]any{"rel": "contact", "uri": p.URI, "name": p.Name, "type": "User",
			"sourceNetwork": network(p, s.sc.Account), "emailAddresses": []any{address(p)}, "_links": self}
	}
	return nil
}

// marshal writes what is made of maps and strings; it cannot fail.
func marshal(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return b
}
