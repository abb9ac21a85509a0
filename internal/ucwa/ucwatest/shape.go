package ucwatest

import (
	"bytes"
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// render writes a resource or a batch as this server is to write it for this
// application. s.mu is held.
func (s *Server) render(app *application, v any) []byte {
	b := s.fill(app, marshal(shaper{s, app}.value("", v)))
	if s.opt.Paths == "v0" {
		b = bytes.ReplaceAll(b, []byte("'"), []byte(`\u0027`))
	}
	if s.opt.BOM {
		b = append([]byte("\ufeff"), b...)
	}
	return b
}

// public is an application's href as clients are given it.
func (s *Server) public(app *application) string {
	at := s.prefix() + strings.TrimPrefix(app.href, "/ucwa/oauth/v1")
	if s.opt.AbsoluteHrefs {
		return app.origin + at
	}
	return at
}

// prefix is where applications are.
func (s *Server) prefix() string {
	switch s.opt.Paths {
	case "v1":
		return "/ucwa/v1"
	case "v0":
		return "/ucwa/oauth/v0"
	}
	return "/ucwa/oauth/v1"
}

// shaper rewrites what is made of maps, lists and strings in the shapes that
// the options ask for. It changes nothing in place: events are told to several
// endpoints. Server.mu is held.
type shaper struct {
	s   *Server
	app *application
}

func (sh shaper) value(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) { // one order, so that MixedCase takes the same turns
			out[k] = sh.value(k, v[k])
		}
		sh.event(out)
		if links, ok := out["_links"].(map[string]any); ok {
			sh.links(links)
		}
		if _, isLink := out["href"]; out["rel"] != nil && !isLink {
			return ordered(out)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = sh.value(key, v[i])
		}
		if key == "negotiatedMessageFormats" || key == "supportedMessageFormats" {
			return sh.formats(out)
		}
		return out
	case string:
		return sh.text(key, v)
	}
	return v
}

// ordered is a resource whose members are written in the order of front ends:
// the random member of a PUT first, for clients that take the first there is;
// then what it says, its links, what is embedded, and what it is.
type ordered map[string]any

// MarshalJSON writes the members.
func (o ordered) MarshalJSON() ([]byte, error) {
	rank := func(name string) int {
		switch {
		case o[name] == putMember:
			return 0
		case name == "supportedModalities":
			return 1
		}
		return 3 + slices.Index([]string{"", "_links", "_embedded", "rel", "etag"}, name)
	}
	names := slices.SortedFunc(maps.Keys(o), func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	var b bytes.Buffer
	for i, name := range names {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.Write(marshal(name))
		b.WriteByte(':')
		b.Write(marshal(o[name]))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// event rewrites what an event says of itself.
func (sh shaper) event(e map[string]any) {
	link, _ := e["link"].(map[string]any)
	if sh.s.opt.Started && link["rel"] == "message" && e["type"] == "completed" && e["reason"] == nil {
		e["type"] = "started"
		delete(e, "status")
	}
}

// severals are the links of which a resource may have several.
var severals = []string{"acceptedByContact", "contact", "from", "onBehalfOf", "participant", "to"}

func (sh shaper) links(links map[string]any) {
	if links["plainMessage"] != nil && !sh.app.html {
		delete(links, "htmlMessage")
	}
	if !sh.s.opt.ArrayLinks {
		return
	}
	for _, rel := range severals {
		if one, ok := links[rel].(map[string]any); ok {
			links[rel] = []any{one}
		}
	}
}

// formats are those that the client asked for: plain text unless it did
// (makeMeAvailable_ref.md).
func (sh shaper) formats(all []any) []any {
	return slices.DeleteFunc(all, func(f any) bool { return f == "Html" && !sh.app.html })
}

// netDate is a time as UCWA writes it in JSON.
var netDate = regexp.MustCompile(`^/Date\((\d+|\{ms\})\)/$`)

// keyed are paths to one of several that the oldest servers write with a key.
var keyed = regexp.MustCompile(`/(people|participants)/([^/?]+@[^/?]+)`)

// mailbox finds addresses.
var mailbox = regexp.MustCompile(`[A-Za-z0-9._%-]+@[A-Za-z0-9.-]+`)

func (sh shaper) text(key, v string) string {
	if strings.HasPrefix(v, "data:") {
		return v
	}
	opt := sh.s.opt
	if m := netDate.FindStringSubmatch(v); opt.ISODates && m != nil {
		at := sh.s.now()
		if ms, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			at = time.UnixMilli(ms)
		}
		return at.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	switch key {
	case "href", "uri", "sipUri", "organizerUri", "onlineMeetingUri":
		if opt.MixedCase {
			v = mailbox.ReplaceAllStringFunc(v, sh.inTurn)
		}
		if opt.Paths == "v0" {
			v = keyed.ReplaceAllString(v, "/$1('$2')")
		}
	}
	return v
}

// inTurn writes an address in small letters, or begins each of its names with a
// capital one, by turns.
func (sh shaper) inTurn(address string) string {
	sh.s.turns++
	if sh.s.turns%2 == 0 {
		return strings.ToLower(address)
	}
	local, domain, _ := strings.Cut(address, "@")
	begins := true
	return strings.Map(func(r rune) rune {
		if begins {
			r = unicode.ToUpper(r)
		}
		begins = r == '.' || r == '-'
		return r
	}, local) + "@" + domain
}

// collapse is what a queue has left when changes run together; see
// Options.Aggregate.
func (s *Server) collapse(events []sent) []sent {
	if !s.opt.Aggregate {
		return events
	}
	var out []sent
	for i, e := range events {
		if !slices.ContainsFunc(events[i+1:], e.overtaken) && !slices.ContainsFunc(events[:i], func(before sent) bool { return e.undoes(before) }) {
			out = append(out, e)
		}
	}
	return out
}

// overtaken tells whether what an event says does not matter after another one.
func (e sent) overtaken(later sent) bool {
	if !e.about(later) {
		return false
	}
	switch is, after := e.event["type"], later.event["type"]; is {
	case "updated", "started":
		return after == "completed" || after == "updated" && is == "updated"
	case "added":
		return later.undoes(e)
	}
	return false
}

// undoes tells whether an event is the going of somebody whose coming another
// one told.
func (e sent) undoes(before sent) bool {
	return e.about(before) && e.event["type"] == "deleted" && before.event["type"] == "added" && e.event["link"].(map[string]any)["rel"] == "participant"
}

// about tells whether two events are about the same thing, in the same place.
func (e sent) about(other sent) bool {
	at := func(e sent, member string) any {
		link, _ := e.event[member].(map[string]any)
		return link["href"]
	}
	return at(e, "link") == at(other, "link") && at(e, "in") == at(other, "in")
}
