package ucwatest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
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
	w := s.words(st, st.words[3])
	e := t.said(s, p, w)
	s.keep(t, p, w)
	if st.opts["form"] == "started" {
		e["type"] = "started"
	}
	if st.opts["form"] == "started" || st.opts["status"] == "none" {
		delete(e, "status")
	}
	return nil
}

// words reads how a step wants its text written.
func (s *story) words(st step, text string) words {
	return words{plain: text, html: st.opts["html"], media: st.opts["type"], form: st.opts["form"], hidden: st.opts["text"] == "none", date: s.date()}
}

// dataURI writes a text as servers do: form-encoded with lower-case hex, or in
// base64; or as others do: bare of a charset, or percent-encoded with capital
// hex and %20 for a blank.
func dataURI(mediaType, text, form string) string {
	switch form {
	case "base64":
		return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString([]byte(text))
	case "percent":
		return "data:" + mediaType + ";charset=utf8," + strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	}
	if form != "bare" {
		mediaType += ";charset=utf-8"
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
	return "data:" + mediaType + "," + b.String()
}

// webAddress is what servers take for a link in a text.
var webAddress = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)]`)

// doubled is the plain text that a server makes of a message in HTML: it says
// each link twice.
func doubled(text string) string {
	return webAddress.ReplaceAllString(text, "$0 <$0>")
}

// dataText reads a text that a client sends as a data URI, and whether it is
// HTML.
func dataText(uri string) (text string, html bool) {
	head, payload, ok := strings.Cut(strings.TrimPrefix(uri, "data:"), ",")
	if !ok {
		return "", false
	}
	html = strings.HasPrefix(head, "text/html")
	if strings.HasSuffix(head, ";base64") {
		b, err := base64.StdEncoding.DecodeString(payload)
		if err != nil {
			b, _ = base64.URLEncoding.DecodeString(payload) // else there is no text
		}
		return string(b), html
	}
	if text, err := url.QueryUnescape(payload); err == nil {
		return text, html
	}
	return payload, html
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
	t.undelivered(s, t.peer, s.words(st, st.words[2]), s.reason("RemoteFailure", st.words[3], st.words[4]))
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
		t.typing(s, p, change)
		s.cut()
		s.pass(3 * time.Second)
	}
	return nil
}

// presence is what a server says first to an endpoint that made itself
// available.
func (s *story) presence(step) error {
	greet(s, communication(s.id("put"), Options{}))
	return nil
}

// greet tells the first events of an endpoint that made itself available
// (makeMeAvailable_ref.md; seen in recorded traffic).
func greet(to listener, communication map[string]any) {
	to.emit("me", "/me", bare("updated", "me", "/me"))
	for _, rel := range []string{"presence", "note", "location"} {
		to.emit("me", "/me", bare("added", rel, "/me/"+rel))
	}
	to.emit("communication", "/communication", resource("updated", "communication", "/communication", communication))
}

func (s *story) unknown(st step) error {
	s.emit("communication", "/communication", resource("added", st.words[1], "/communication/"+st.words[1],
		map[string]any{"rel": st.words[1], "state": "Peculiar", "_links": map[string]any{"self": href("/communication/" + st.words[1])}}))
	return nil
}

// rings lets somebody write to the account through the live server.
func (s *story) rings(st step) error {
	p, err := s.person(st.words[1])
	if err != nil {
		return err
	}
	texts, subject := st.words[2:], st.opts["subject"]
	s.flush()
	s.effects = append(s.effects, func(srv *Server) { srv.rings(srv.user(p.URI), srv.account(), subject, texts) })
	s.move(move{acting: true})
	return nil
}
