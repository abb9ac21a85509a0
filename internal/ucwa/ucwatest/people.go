package ucwatest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// note changes the account's note.
func (s *story) note(st step) error {
	text := st.words[1]
	s.effects = append(s.effects, func(srv *Server) { srv.account().note = text })
	e := resource("updated", "note", "/me/note", map[string]any{"rel": "note", "type": "Personal", "message": text,
		"_links": map[string]any{"self": href("/me/note")}})
	s.emit("me", "/me", e)
	return nil
}

// available changes somebody's presence. Servers give the link alone; what it
// says is there to be fetched.
func (s *story) available(st step) error {
	p, err := s.person(st.words[1])
	if err != nil {
		return err
	}
	availability := st.words[2]
	s.effects = append(s.effects, func(srv *Server) { srv.user(p.URI).availability = availability })
	if p.Key == "me" {
		s.emit("me", "/me", bare("updated", "presence", "/me/presence"))
		return nil
	}
	at := "/people/" + address(p)
	s.emit("people", "/people", within(bare("updated", "contactPresence", at+"/presence"), "contact", at))
	return nil
}

// account is the user whose history the scenario is.
func (s *Server) account() *user { return s.user(s.sc.Account.URI) }

// presenceChanged tells a user's endpoints, and those that subscribed to him;
// not the one that is just being told everything. s.mu is held.
func (s *Server) presenceChanged(u *user, but *application) {
	for _, id := range slices.Sorted(maps.Keys(s.apps)) {
		a := s.apps[id]
		switch {
		case !a.available || a == but:
		case a.user == u:
			endpoint{s, a}.emit("me", "/me", bare("updated", "presence", "/me/presence"))
		case time.Now().Before(a.subscribed[u]):
			at := "/people/" + address(u.Person)
			endpoint{s, a}.emit("people", "/people", within(bare("updated", "contactPresence", at+"/presence"), "contact", at))
		}
	}
}

// people is the dashboard of contacts (people_ref.md).
func people() map[string]any {
	return map[string]any{"rel": "people", "_links": map[string]any{"self": href("/people"), "search": href("/people/search"),
		"myContacts": href("/people/contacts"), "myGroups": href("/people/groups"), "presenceSubscriptions": href("/people/presenceSubscriptions"),
		"subscribedContacts": href("/people/subscribedContacts"), "myContactsAndGroupsSubscription": href("/people/myContactsAndGroupsSubscription")}}
}

// contact describes somebody in people/…, or an aspect of him. s.mu is held.
func (s *Server) contact(app *application, who string) any {
	who, aspect, _ := strings.Cut(who, "/")
	u := s.user(who)
	if u == nil {
		return nil
	}
	at := "/people/" + address(u.Person)
	self := map[string]any{"self": href(at + "/" + aspect)}
	switch aspect {
	case "":
		return s.card(app, u)
	case "presence":
		return map[string]any{"rel": "contactPresence", "availability": u.shown(time.Now()), "activity": u.activity, "deviceType": "PC",
			"lastActive": date(s.now()), "_links": self}
	case "note":
		return map[string]any{"rel": "contactNote", "type": "Personal", "message": u.note, "_links": self}
	case "location":
		return map[string]any{"rel": "contactLocation", "location": u.location, "_links": self}
	case "supportedMedia":
		return map[string]any{"rel": "contactSupportedModalities", "modalities": []any{"Messaging"}, "_links": self}
	}
	return nil
}

// card is the contact resource.
func (s *Server) card(app *application, u *user) map[string]any {
	at := "/people/" + address(u.Person)
	return map[string]any{"rel": "contact", "uri": u.URI, "name": u.Name, "type": "User", "etag": "2711418436",
		"sourceNetwork": network(u.Person, app.user.Person), "title": "", "department": "", "company": domain(u.Person),
		"workPhoneNumber": "", "emailAddresses": []any{address(u.Person)}, "_links": map[string]any{
			"self": href(at), "contactPresence": href(at + "/presence"), "contactNote": href(at + "/note"), "contactLocation": href(at + "/location"),
			"contactSupportedModalities": href(at + "/supportedMedia"), "contactPhoto": href("/photos/" + address(u.Person))}}
}

// aboutPeople answers what is asked of the user and of people. It reports
// whether the path is one of those.
func (s *Server) aboutPeople(w http.ResponseWriter, r *http.Request, app *application, path []string) bool {
	switch strings.Join(path[:2], "/") {
	case "people/search":
		s.search(w, r, app)
	case "people/contacts", "people/subscribedContacts":
		s.contacts(w, r, app, path[1])
	case "people/groups":
		s.groups(w, r, app, path)
	case "people/presenceSubscriptions":
		return s.subscriptions(w, r, app, path)
	case "me/presence", "me/note", "me/location":
		if r.Method != http.MethodPost && r.Method != http.MethodPut {
			return false
		}
		s.set(w, r, app, path[1])
	case "onlineMeetings/myOnlineMeetings":
		return s.schedule(w, r, app, path)
	default:
		return false
	}
	return true
}

// search finds people by parts of their names and addresses
// (search2_ref.md). The list may be empty.
func (s *Server) search(w http.ResponseWriter, r *http.Request, app *application) {
	query := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("query")))
	query = strings.TrimPrefix(query, "sip:")
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit <= 0 {
		limit = 10
	}
	s.mu.Lock()
	found := []any{}
	for _, a := range slices.Sorted(maps.Keys(s.users)) {
		u := s.users[a]
		if query != "" && len(found) < limit && (strings.Contains(a, query) || strings.Contains(strings.ToLower(u.Name), query)) {
			found = append(found, s.card(app, u))
		}
	}
	s.mu.Unlock()
	s.give(w, r, app, map[string]any{"rel": "search", "moreResultsAvailable": false, "_links": map[string]any{"self": href("/people/search")},
		"_embedded": map[string]any{"contact": found}})
}

// contacts lists everybody, or those subscribed to.
func (s *Server) contacts(w http.ResponseWriter, r *http.Request, app *application, which string) {
	s.mu.Lock()
	list := []any{}
	for _, a := range slices.Sorted(maps.Keys(s.users)) {
		u := s.users[a]
		if u != app.user && (which == "contacts" || time.Now().Before(app.subscribed[u])) {
			list = append(list, s.card(app, u))
		}
	}
	s.mu.Unlock()
	rel := map[string]string{"contacts": "myContacts"}[which]
	if rel == "" {
		rel = which
	}
	s.give(w, r, app, map[string]any{"rel": rel, "_links": map[string]any{"self": href("/people/" + which)},
		"_embedded": map[string]any{"contact": list}})
}

// groups are the one group there is, and who is in it.
func (s *Server) groups(w http.ResponseWriter, r *http.Request, app *application, path []string) {
	if len(path) > 2 {
		s.contacts(w, r, app, "contacts")
		return
	}
	at := "/people/groups/default"
	s.give(w, r, app, map[string]any{"rel": "myGroups", "_links": map[string]any{"self": href("/people/groups")},
		"_embedded": map[string]any{"defaultGroup": map[string]any{"rel": "defaultGroup", "id": "~", "name": "Other Contacts",
			"_links": map[string]any{"self": href(at), "groupContacts": href(at + "/contacts"), "subscribeToGroupPresence": href("/people/presenceSubscriptions?groupId=~")}}}})
}

// subscriptions begins, prolongs or ends a subscription to people's presence
// (presenceSubscriptions_ref.md, presenceSubscription_ref.md).
func (s *Server) subscriptions(w http.ResponseWriter, r *http.Request, app *application, path []string) bool {
	in := readInput(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	minutes := 30
	if n, err := strconv.Atoi(in.text("duration")); err == nil {
		minutes = n
	} else if n, ok := in.member("duration").(float64); ok {
		minutes = int(n)
	}
	if minutes < 10 || minutes > 30 {
		problem(w, r, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
		return true
	}
	until := time.Now().Add(time.Duration(minutes) * time.Minute)
	switch {
	case r.Method == http.MethodPost && len(path) == 2:
		uris := in.list("uris")
		if len(uris) == 0 { // a group's
			for _, u := range s.users {
				uris = append(uris, u.URI)
			}
		}
		slices.Sort(uris)
		s.subscribe(w, app, uris, until)
	case r.Method == http.MethodPost:
		for u := range app.subscribed {
			app.subscribed[u] = until
		}
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		clear(app.subscribed)
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

func (s *Server) subscribe(w http.ResponseWriter, app *application, uris []string, until time.Time) {
	id := s.newID("subscription")
	to := endpoint{s, app}
	at := "/people/presenceSubscriptions/" + id
	to.emit("people", "/people", resource("added", "presenceSubscription", at, map[string]any{"rel": "presenceSubscription", "id": id,
		"_links": map[string]any{"self": href(at)}}))
	for _, uri := range uris {
		u := s.user(uri)
		if u == nil {
			continue
		}
		app.subscribed[u] = until
		person := "/people/" + address(u.Person)
		to.emit("people", "/people", within(bare("added", "contact", person), "subscribedContacts", "/people/subscribedContacts"))
		to.emit("people", "/people", within(bare("updated", "contactPresence", person+"/presence"), "contact", person))
	}
	w.Header().Set("Location", s.public(app)+at)
	w.WriteHeader(http.StatusCreated)
}

// set changes what the user shows of himself; an empty body takes it back.
func (s *Server) set(w http.ResponseWriter, r *http.Request, app *application, what string) {
	in := readInput(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !app.available {
		problem(w, r, http.StatusConflict, "Conflict", "MakeMeAvailableRequired")
		return
	}
	switch what {
	case "presence":
		app.user.availability, app.user.activity = in.text("availability"), in.text("activity")
		if app.user.availability == "" {
			app.user.availability = "Online"
		}
		s.presenceChanged(app.user, nil)
	case "note":
		app.user.note = in.text("message")
		endpoint{s, app}.emit("me", "/me", bare("updated", "note", "/me/note"))
	case "location":
		app.user.location = in.text("location")
		endpoint{s, app}.emit("me", "/me", bare("updated", "location", "/me/location"))
	}
	w.WriteHeader(http.StatusNoContent)
}

// schedule lists a user's meetings and makes new ones (myOnlineMeetings_ref.md).
func (s *Server) schedule(w http.ResponseWriter, r *http.Request, app *application, path []string) bool {
	in := readInput(r)
	s.mu.Lock()
	describe := func(m *meeting) map[string]any {
		at := "/onlineMeetings/myOnlineMeetings/" + m.id
		return map[string]any{"rel": "myOnlineMeeting", "onlineMeetingId": m.id, "onlineMeetingUri": m.uri, "subject": m.subject,
			"organizerUri": m.organizer.URI, "joinUrl": origin(r) + "/meet/" + m.id, "conferenceId": m.id, "accessLevel": "Everyone",
			"leaders": []any{}, "attendees": []any{}, "etag": "1", "_links": map[string]any{"self": href(at)}}
	}
	v := map[string]any{"rel": "myOnlineMeetings", "_links": map[string]any{"self": href("/onlineMeetings/myOnlineMeetings")}}
	switch {
	case r.Method == http.MethodPost && len(path) == 2:
		m := newMeeting(app.user.Person, strings.ToUpper(s.newID("meeting")[:8]), in.text("subject"))
		app.user.meetings = append(app.user.meetings, m)
		v = describe(m)
	case len(path) == 3:
		at := slices.IndexFunc(app.user.meetings, func(m *meeting) bool { return m.id == path[2] })
		if at < 0 {
			s.mu.Unlock()
			return false
		}
		v = describe(app.user.meetings[at])
	default:
		list := []any{}
		for _, m := range app.user.meetings {
			list = append(list, describe(m))
		}
		v["_embedded"] = map[string]any{"myOnlineMeeting": list}
	}
	body := s.render(app, v)
	s.mu.Unlock()
	status := http.StatusOK
	if r.Method == http.MethodPost {
		status = http.StatusCreated
	}
	answerBytes(w, r, status, body)
	return true
}
