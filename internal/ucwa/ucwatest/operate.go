package ucwatest

import (
	"net/http"
	"strings"
	"time"
)

// operate does what a client asks of conversations that are going on, and
// shows them. It reports whether the path is of that sort.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, app *application, rest string) bool {
	path := strings.Split(rest, "/")
	if len(path) < 2 {
		return false
	}
	switch path[0] {
	case "communication":
		switch {
		case path[1] == "conversations" && len(path) == 2:
			s.conversations(w, r, app)
			return true
		case path[1] == "conversations":
			return s.inConversation(w, r, app, path[2], strings.Join(path[3:], "/"))
		case strings.HasSuffix(path[1], "Invitations") && len(path) == 2 && r.Method == http.MethodPost:
			s.start(w, r, app, strings.TrimSuffix(path[1], "s"))
			return true
		case strings.HasSuffix(path[1], "Invitations") && len(path) == 4 && r.Method == http.MethodPost:
			return s.respond(w, r, app, path[2], path[3])
		}
	case "me", "people", "onlineMeetings":
		return s.aboutPeople(w, r, app, path)
	}
	return false
}

// conversations lists the live ones.
func (s *Server) conversations(w http.ResponseWriter, r *http.Request, app *application) {
	s.mu.Lock()
	links := []any{}
	for _, l := range sortedLegs(app) {
		links = append(links, href(l.href()))
	}
	s.mu.Unlock()
	v := map[string]any{"self": href("/communication/conversations")}
	if len(links) > 0 {
		v["conversation"] = links
	}
	s.give(w, r, app, map[string]any{"rel": "conversations", "_links": v})
}

// start begins a conversation, or adds to one: an invitation of this kind.
func (s *Server) start(w http.ResponseWriter, r *http.Request, app *application, kind string) {
	in := readInput(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	var l *leg
	switch kind {
	case "messagingInvitation":
		if in.text("conversation") != "" {
			l = s.addMessaging(app, in)
			break
		}
		l = s.call(app, in, kind)
	case "phoneAudioInvitation", "audioVideoInvitation", "applicationSharingInvitation":
		l = s.call(app, in, kind)
	case "onlineMeetingInvitation":
		l = s.join(app, in)
	case "participantInvitation":
		l = s.add(app, in)
	}
	if l == nil {
		w.Header().Set("X-Ms-diagnostics", `28000;reason="A parameter is missing or wrong."`)
		answer(w, r, http.StatusBadRequest, map[string]any{"code": "BadRequest", "subcode": "ParameterValidationFailure",
			"message": "The request was not successful.", "parameters": []any{map[string]any{"name": "to", "reason": "Invalid"}}})
		return
	}
	w.Header().Set("Location", s.public(app)+l.invitationHref())
	w.WriteHeader(http.StatusCreated)
}

// call is an invitation to one person (startMessaging_ref.md). s.mu is held.
func (s *Server) call(app *application, in input, kind string) *leg {
	to := in.text("to")
	if to == "" {
		to = in.text("phoneNumber")
	}
	if to == "" {
		return nil
	}
	who := s.user(to)
	peer := Person{URI: uriOf(to), Name: ""}
	if who != nil {
		peer = who.Person
	}
	text, html := dataText(in.href("message"))
	first := words{plain: text}
	if html {
		first, text = words{plain: stripTags(text), html: text}, ""
	}
	t := talk{kind: kind, outgoing: true, peer: peer, subject: in.text("subject"), importance: in.text("importance"),
		thread: in.text("threadId"), operation: in.text("operationId"), text: text, first: in.href("message")}
	if t.operation == "" {
		t.operation = s.newID("operation")
	}
	if t.thread == "" {
		t.thread = strings.ReplaceAll(s.newID("thread"), "-", "")
	}
	d := &dialogue{began: time.Now(), log: &chronicle{thread: t.thread, subject: t.subject, importance: "Normal",
		people: []Person{app.user.Person, peer}}}
	l := s.newLeg(d, app, t)
	l.phase = calling
	if first.plain != "" {
		d.log.entries = []entry{{at: d.began, who: app.user.Person, words: first}}
	}
	l.begun(s.to(l))
	s.ring(l, who, kind)
	return l
}

// respond is an answer to an invitation.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, app *application, id, what string) bool {
	in := readInput(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	var l *leg
	for _, one := range app.legs {
		if one.invitation == id {
			l = one
		}
	}
	switch {
	case l == nil:
		// One of the scenario goes on as the scenario says.
		if _, scripted := app.known[strings.ToLower("/"+strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, app.href+"/"), "/"+what))]; !scripted {
			return false
		}
	case what == "accept" && l.phase == ringing && !l.isCall():
		s.accept(l)
	case what == "decline" && l.phase == ringing:
		s.decline(l, strings.EqualFold(in.text("reason"), "Global"))
	case what == "cancel" && l.phase == calling:
		s.cancel(l)
	default:
		problem(w, r, http.StatusConflict, "Conflict", "None")
		return true
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// inConversation is a request below one conversation. It reports whether that
// is a live one or an operation.
func (s *Server) inConversation(w http.ResponseWriter, r *http.Request, app *application, guid, what string) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return what == "participants" && s.roster(w, r, app, guid)
	}
	in := readInput(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := app.legs[guid]
	if l == nil {
		return s.inScripted(w, r, app, guid, what, in)
	}
	if r.Method == http.MethodDelete && what == "" || r.Method == http.MethodPost && what == "messaging/terminate" || what == "phoneAudio/terminate" {
		s.leave(l, "Ended")
		w.WriteHeader(http.StatusNoContent)
		return true
	}
	if r.Method != http.MethodPost {
		return false
	}
	if l.phase != inside {
		problem(w, r, http.StatusConflict, "Conflict", "None")
		return true
	}
	switch {
	case what == "messaging/messages", strings.HasPrefix(what, "messaging/messages/"): // its own href is a reply
		at := s.send(l, in.words())
		w.Header().Set("Location", s.public(app)+at)
		w.WriteHeader(http.StatusCreated)
	case what == "messaging/typing":
		s.typing(l)
		w.WriteHeader(http.StatusNoContent)
	case what == "userAcknowledged":
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

// words are the texts of a message that is sent.
func (in input) words() words {
	w := words{plain: string(in.raw), operation: in.text("operationId")}
	if strings.HasPrefix(strings.ToLower(in.media), "text/html") {
		w.plain, w.html = stripTags(w.plain), w.plain
	}
	return w
}

// stripTags is the plain text that a server makes of HTML for those who want
// no other.
func stripTags(html string) string {
	var b strings.Builder
	inside := false
	for _, r := range html {
		switch {
		case r == '<':
			inside = true
		case r == '>' && inside:
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&nbsp;", " ", "&amp;", "&").Replace(b.String())
}

// inScripted lets a client write into a conversation of the scenario. Nobody
// there reads it, but it is sent.
func (s *Server) inScripted(w http.ResponseWriter, r *http.Request, app *application, guid, what string, in input) bool {
	if _, known := app.known[strings.ToLower("/communication/conversations/"+guid)]; !known {
		return false
	}
	switch {
	case r.Method == http.MethodPost && strings.HasPrefix(what, "messaging/messages"):
		s.ids++
		t := talk{owner: app.user.Person, guid: guid, messages: 1000 + s.ids}
		words := in.words()
		words.date, words.hidden = "/Date({ms})/", true
		t.said(endpoint{s, app}, t.owner, words)
		w.Header().Set("Location", s.public(app)+t.messageHref())
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPost || r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

// roster lists the participants.
func (s *Server) roster(w http.ResponseWriter, r *http.Request, app *application, guid string) bool {
	s.mu.Lock()
	l := app.legs[guid]
	if l == nil {
		s.mu.Unlock()
		return false
	}
	links := []any{}
	for _, p := range l.present {
		links = append(links, map[string]any{"href": "{app}" + l.participantHref(p), "title": p.Name})
	}
	v := map[string]any{"rel": "participants", "_links": map[string]any{"self": href(l.href() + "/participants"), "participant": links}}
	s.mu.Unlock()
	s.give(w, r, app, v)
	return true
}
