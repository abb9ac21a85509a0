package ucwatest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// chronicle is what a server's history keeps of a conversation: UCWA's
// conversationLog (conversationLog_ref.md). It comes from Exchange some time
// after the conversation and has nothing in common with the live resources but
// the threadId.
type chronicle struct {
	id, thread, subject, importance string
	outgoing, missed                bool
	filed                           time.Time // creationTime: when it reached the history
	people                          []Person  // but for its owner
	entries                         []entry
	of                              *dialogue // live; nil in a script
}

// entry is one line of a transcript.
type entry struct {
	at  time.Time
	who Person
	words
}

// logPage is how many lines one page of a transcript has.
const logPage = 20

// record begins the history of a conversation.
func (s *story) record(t *talk) {
	c := &chronicle{id: s.id("log", t.guid), thread: t.thread, subject: t.subject, importance: t.importance, outgoing: t.outgoing, people: []Person{t.peer}}
	s.logs[t.key] = c
	if t.text != "" {
		from := t.peer
		if t.outgoing {
			from = t.owner
		}
		s.keep(t, from, words{plain: t.text})
	}
}

// keep adds a line to the history of a conversation.
func (s *story) keep(t *talk, p Person, w words) {
	c := s.logs[t.key]
	if c == nil {
		return
	}
	c.entries = append(c.entries, entry{at: s.clock, who: p, words: w})
	if s.isLive { // it happens when its move is made
		line := len(c.entries) - 1
		s.effects = append(s.effects, func(srv *Server) { c.entries[line].at = srv.now() })
	}
	if p.URI != t.owner.URI && !slices.Contains(c.people, p) {
		c.people = append(c.people, p)
	}
}

// wrote is a message of a conversation that another client of the account has
// taken: no event tells of it.
func (s *story) wrote(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	p, err := s.person(st.words[2])
	if err != nil {
		return err
	}
	s.said++
	s.pass(s.writing(st.words[3]))
	s.keep(t, p, words{plain: st.words[3], html: st.opts["html"]})
	return nil
}

// file makes the history of a conversation readable.
func (s *story) file(st step) error {
	if _, err := s.talk(st.words[1]); err != nil {
		return err
	}
	s.filed(st.words[1], false)
	return nil
}

// filed ends the history of a conversation; a client is told that there is
// something new.
func (s *story) filed(key string, missed bool) {
	c := s.logs[key]
	if c == nil {
		return
	}
	delete(s.logs, key)
	c.filed, c.missed = s.clock, missed
	if s.isLive {
		s.effects = append(s.effects, func(srv *Server) { c.filed = srv.now() })
	}
	s.chronicles = append(s.chronicles, c)
	if s.history {
		s.emit("communication", "/communication", bare("updated", "missedItems", "/communication/missedItems"))
	}
}

// logs answers what lies under conversationLogs. It reports whether there is
// such a thing.
func (s *Server) logs(w http.ResponseWriter, r *http.Request, app *application, rest string) bool {
	path, ok := strings.CutPrefix(rest, "communication/conversationLogs")
	if !ok || !s.opt.History {
		return false
	}
	s.mu.Lock()
	kept := slices.Clone(app.user.logs)
	s.mu.Unlock()
	if path == "" {
		s.listLogs(w, r, app, kept)
		return true
	}
	id, below, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	at := slices.IndexFunc(kept, func(c *chronicle) bool { return c.id == id })
	if at < 0 {
		return false
	}
	switch {
	case below == "" && r.Method == http.MethodDelete:
		s.mu.Lock()
		app.user.logs = slices.DeleteFunc(app.user.logs, func(c *chronicle) bool { return c.id == id })
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case below == "markAsRead" && r.Method == http.MethodPost:
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		problem(w, r, http.StatusMethodNotAllowed, "MethodNotAllowed", "")
	case below == "":
		s.give(w, r, app, kept[at].resource())
	case below == "conversationLogTranscripts":
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		s.give(w, r, app, kept[at].transcripts(from, app.user.Person))
	default:
		return false
	}
	return true
}

// give answers with a resource of an application.
func (s *Server) give(w http.ResponseWriter, r *http.Request, app *application, v map[string]any) {
	s.mu.Lock()
	body := s.render(app, v)
	s.mu.Unlock()
	answerBytes(w, r, http.StatusOK, body)
}

// listLogs gives the newest first, as many as asked for.
func (s *Server) listLogs(w http.ResponseWriter, r *http.Request, app *application, kept []*chronicle) {
	links := []any{}
	for _, c := range slices.Backward(kept) {
		links = append(links, href(c.href()))
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n >= 0 && n < len(links) {
		links = links[:n]
	}
	s.give(w, r, app, map[string]any{"rel": "conversationLogs", "_links": map[string]any{
		"self": href("/communication/conversationLogs"), "conversationLog": links}})
}

func (c *chronicle) href() string { return "/communication/conversationLogs/" + c.id }

func (c *chronicle) resource() map[string]any {
	links := map[string]any{"self": href(c.href()), "conversationLogTranscripts": href(c.href() + "/conversationLogTranscripts"),
		"continueMessaging": href("/communication/messagingInvitations?conversationLog=" + c.id), "markAsRead": href(c.href() + "/markAsRead")}
	direction, status, preview := "Incoming", "Archived", ""
	if c.outgoing {
		direction = "Outgoing"
	}
	if c.missed {
		status = "Missed"
	}
	if len(c.entries) > 0 {
		preview = c.entries[0].plain
	}
	recipients := []any{}
	for _, p := range c.people {
		recipients = append(recipients, map[string]any{"rel": "conversationLogRecipient", "displayName": p.Name, "sipUri": p.URI,
			"_links": map[string]any{"contact": href("/people/" + address(p)), "contactPresence": href("/people/" + address(p) + "/presence")}})
	}
	r := map[string]any{"rel": "conversationLog", "creationTime": date(c.filed), "direction": direction, "importance": c.importance,
		"modalities": []any{"Messaging"}, "previewMessage": preview, "status": status, "subject": c.subject,
		"totalRecipientsCount": len(c.people), "type": "MessageLog", "_links": links,
		"_embedded": map[string]any{"conversationLogRecipient": recipients}}
	if c.thread != "" {
		r["threadId"] = c.thread
	}
	return r
}

func date(t time.Time) string { return fmt.Sprintf("/Date(%d)/", t.UnixMilli()) }

// transcripts is one page of the lines (conversationLogTranscripts_ref.md).
func (c *chronicle) transcripts(from int, owner Person) map[string]any {
	self := c.href() + "/conversationLogTranscripts"
	links := map[string]any{"self": href(self)}
	from = min(max(from, 0), len(c.entries))
	until := min(from+logPage, len(c.entries))
	if until < len(c.entries) {
		links["nextConversationLogTranscripts"] = href(fmt.Sprintf("%s?from=%d", self, until))
	}
	lines := []any{}
	for i, e := range c.entries[from:until] {
		at := fmt.Sprintf("%s/%d", self, from+i)
		texts := map[string]any{"self": href(at + "/messageTranscript"), "plainMessage": map[string]any{"href": dataURI("text/plain", e.plain, "")}}
		if e.html != "" {
			texts["htmlMessage"] = map[string]any{"href": dataURI("text/html", e.html, "")}
		}
		author, where := "contact", "/people/"+address(e.who)
		if e.who.URI == owner.URI {
			author, where = "me", "/me"
		}
		lines = append(lines, map[string]any{"rel": "conversationLogTranscript", "timeStamp": date(e.at),
			"_links":    map[string]any{"self": href(at), author: map[string]any{"href": "{app}" + where, "title": e.who.Name}},
			"_embedded": map[string]any{"messageTranscript": map[string]any{"rel": "messageTranscript", "_links": texts}}})
	}
	return map[string]any{"rel": "conversationLogTranscripts", "_links": links, "_embedded": map[string]any{"conversationLogTranscript": lines}}
}

// missedItems counts what nobody answered (missedItems_ref.md).
func (u *user) missedItems() map[string]any {
	missed := 0
	for _, c := range u.logs {
		if c.missed {
			missed++
		}
	}
	return map[string]any{"rel": "missedItems", "conversationLogsCount": len(u.logs), "missedConversationsCount": missed,
		"unreadMissedConversationsCount": missed, "voiceMailsCount": 0, "unreadVoicemailsCount": 0,
		"conversationLogsNotifications": "Enabled", "_links": map[string]any{"self": href("/communication/missedItems")}}
}
