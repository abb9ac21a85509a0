package ucwatest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

func (s *story) say(st step) error {
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
	s.written(t, p, st.words[3], st)
	return nil
}

// written sends a message event. Recorded traffic shows both directions as
// completed with Success; documentation shows started.
func (s *story) written(t *talk, p Person, text string, st step) {
	m := s.message(t, p, text, st)
	e := operation("completed", "message", s.messageHref(t), m)
	e["status"] = "Success"
	if st.opts["form"] == "started" {
		e["type"] = "started"
		delete(e, "status")
	}
	s.emit("conversation", t.href(), e)
}

// messageHref is where the next message of a conversation is.
func (s *story) messageHref(t *talk) string {
	return fmt.Sprintf("%s/messaging/messages/%d", t.href(), t.messages)
}

func (s *story) message(t *talk, p Person, text string, st step) map[string]any {
	t.messages++
	links := map[string]any{
		"self":      href(s.messageHref(t)),
		"messaging": href(t.href() + "/messaging"),
	}
	direction := "Incoming"
	if p.Key == "me" {
		direction = "Outgoing"
	} else {
		links["contact"] = href("/people/" + address(p))
		links["participant"] = map[string]any{"href": "{app}" + t.participantHref(p), "title": p.Name}
	}
	if st.opts["text"] != "none" {
		links["plainMessage"] = map[string]any{"href": dataURI("text/plain", text, st.opts["form"])}
		if h := st.opts["html"]; h != "" {
			links["htmlMessage"] = map[string]any{"href": dataURI("text/html", h, st.opts["form"])}
		}
	}
	return map[string]any{"rel": "message", "direction": direction, "timeStamp": s.date(), "_links": links}
}

// dataURI writes a text as servers do: form-encoded with lower-case hex, or in
// base64.
func dataURI(mediaType, text, form string) string {
	if form == "base64" {
		return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString([]byte(text))
	}
	var b strings.Builder
	escaped := url.QueryEscape(text)
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == '%' && i+2 < len(escaped) {
			b.WriteString(strings.ToLower(escaped[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(escaped[i])
	}
	return "data:" + mediaType + ";charset=utf-8," + b.String()
}

// date is the time of an event. What happens live gets it when it is released.
func (s *story) date() string {
	if s.isLive {
		return "/Date({ms})/"
	}
	return fmt.Sprintf("/Date(%d)/", s.clock.UnixMilli())
}

func (s *story) undelivered(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	s.pass(s.writing(st.words[2]))
	m := s.message(t, s.sc.Account, st.words[2], st)
	m["_links"].(map[string]any)["failedDeliveryParticipant"] = []any{map[string]any{"href": "{app}" + t.participantHref(t.peer), "title": t.peer.Name}}
	e := operation("completed", "message", s.messageHref(t), m)
	e["status"] = "Failure"
	e["reason"] = s.reason("RemoteFailure", st.words[3], st.words[4])
	s.emit("conversation", t.href(), e)
	return nil
}

func (s *story) typing(st step) error {
	t, err := s.talk(st.words[1])
	if err != nil {
		return err
	}
	p, err := s.person(st.words[2])
	if err != nil {
		return err
	}
	for _, change := range []string{"added", "deleted"} {
		e := titled(change, "participant", t.participantHref(p), p.Name)
		e["in"] = link("typingParticipants", t.href()+"/messaging/typingParticipants")
		s.emit("conversation", t.href(), e)
		if !s.held {
			s.flush()
		}
		s.pass(3 * time.Second)
	}
	return nil
}

// presence is what a server says first to an endpoint that made itself
// available.
func (s *story) presence(step) error {
	s.emit("me", "/me", bare("updated", "me", "/me"))
	for _, rel := range []string{"presence", "note", "location"} {
		s.emit("me", "/me", bare("added", rel, "/me/"+rel))
	}
	s.emit("communication", "/communication", resource("updated", "communication", "/communication", s.communication()))
	return nil
}

func (s *story) unknown(st step) error {
	s.emit("communication", "/communication", resource("added", st.words[1], "/communication/"+st.words[1],
		map[string]any{"rel": st.words[1], "state": "Peculiar", "_links": map[string]any{"self": href("/communication/" + st.words[1])}}))
	return nil
}
