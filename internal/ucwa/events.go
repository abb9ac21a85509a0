package ucwa

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
)

// lenient accepts what is wrong without being ambiguous about where an entry
// begins and ends, so that one bad event hides none of its neighbours.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Envelope is the outer form of a P-GET response (EventChannelDetails.md).
// Unknown members are ignored here and kept in the stored bytes.
type Envelope struct {
	Self, Next, Resume, Resync string // hrefs; "" where the link is absent
	Senders                    []Sender
}

// Sender is one block of events. The same sender may occur several times; the
// order across blocks is the order of the events.
type Sender struct {
	Rel    string
	Href   string
	Events []RawEvent
}

// RawEvent is the exact bytes of one entry.
type RawEvent []byte

// Link is a reference to a resource.
type Link struct {
	Rel   string `json:"rel"`
	Href  string `json:"href"`
	Title string `json:"title"`
}

// Links are the links of a resource by rel. A rel's value is one link or an
// array of links.
type Links map[string]OneOrMany[Link]

// Href is the href of the first link of a rel, "" when there is none.
func (l Links) Href(rel string) string { return l.First(rel).Href }

// First is the first link of a rel, empty when there is none.
func (l Links) First(rel string) Link {
	if many := l[rel]; len(many) > 0 {
		return many[0]
	}
	return Link{}
}

// OneOrMany is a value that UCWA writes bare when there is one of it and as an
// array when there may be several.
type OneOrMany[T any] []T

// UnmarshalJSONFrom reads a value, an array of values or null.
func (o *OneOrMany[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '[' {
		return json.UnmarshalDecode(d, (*[]T)(o))
	}
	if d.PeekKind() == 'n' {
		*o = nil
		return d.SkipValue()
	}
	var one T
	if err := json.UnmarshalDecode(d, &one); err != nil {
		return err
	}
	*o = OneOrMany[T]{one}
	return nil
}

// wireEnvelope is Envelope as JSON has it.
type wireEnvelope struct {
	Links  Links `json:"_links"`
	Sender []struct {
		Rel    string           `json:"rel"`
		Href   string           `json:"href"`
		Events []jsontext.Value `json:"events"`
	} `json:"sender"`
}

// ParseEnvelope reads a P-GET response. It is lenient: duplicate members and
// invalid UTF-8 inside an event are left for ParseEvent to judge. The error
// wraps archive.ErrInvalid and holds no text from the body.
func ParseEnvelope(body []byte) (Envelope, error) {
	var w wireEnvelope
	if err := json.Unmarshal(TrimBOM(body), &w, lenient); err != nil {
		return Envelope{}, fmt.Errorf("ucwa: read envelope: %s: %w", describe(err), archive.ErrInvalid)
	}
	env := Envelope{
		Self: w.Links.Href("self"), Next: w.Links.Href("next"),
		Resume: w.Links.Href("resume"), Resync: w.Links.Href("resync"),
	}
	for _, s := range w.Sender {
		sender := Sender{Rel: s.Rel, Href: s.Href, Events: make([]RawEvent, len(s.Events))}
		for i, e := range s.Events {
			sender.Events[i] = RawEvent(e)
		}
		env.Senders = append(env.Senders, sender)
	}
	return env, nil
}

// Count is the number of events in the envelope.
func (e Envelope) Count() int {
	n := 0
	for _, s := range e.Senders {
		n += len(s.Events)
	}
	return n
}

// Event is one entry of an envelope.
type Event struct {
	Type     string // added, updated, deleted; started, updated, completed
	Link     Link   // the thing concerned
	In       Link   // the collection or parent concerned; empty when not said
	Status   string // Success or Failure on completed operations; may be absent
	Reason   *archive.Reason
	Embedded []byte // the resource, when it came with the event
}

// wireEvent is Event as JSON has it.
type wireEvent struct {
	Type     string                    `json:"type"`
	Link     Link                      `json:"link"`
	In       Link                      `json:"in"`
	Status   string                    `json:"status"`
	Reason   *wireReason               `json:"reason"`
	Embedded map[string]jsontext.Value `json:"_embedded"`
}

// wireReason is an error object (Errors in the UCWA reference). Its message
// may be null.
type wireReason struct {
	Code    string `json:"code"`
	Subcode string `json:"subcode"`
	Message string `json:"message"`
}

func (r *wireReason) reason() *archive.Reason {
	if r == nil {
		return nil
	}
	return &archive.Reason{Code: r.Code, Subcode: r.Subcode, Message: r.Message}
}

// ParseEvent reads one entry strictly: duplicate members and invalid UTF-8 are
// errors, since which of two values was meant cannot be known. The error wraps
// archive.ErrInvalid and holds no text from the body; what could be read of the
// entry is returned beside it.
func ParseEvent(raw RawEvent) (Event, error) {
	var w wireEvent
	err := json.Unmarshal(raw, &w)
	if err != nil {
		w = wireEvent{}
		// What is readable is shown in the event list beside the error.
		_ = json.Unmarshal(raw, &w, lenient)
		err = fmt.Errorf("ucwa: read event: %s: %w", describe(err), archive.ErrInvalid)
	}
	return Event{
		Type: w.Type, Link: w.Link, In: w.In, Status: w.Status,
		Reason: w.Reason.reason(), Embedded: embedded(w),
	}, err
}

// embedded picks the resource out of _embedded. Its member is normally named
// after the link's rel; a single member of another name is taken too.
func embedded(w wireEvent) []byte {
	if v, ok := w.Embedded[w.Link.Rel]; ok {
		return v
	}
	if len(w.Embedded) == 1 {
		for _, v := range w.Embedded {
			return v
		}
	}
	return nil
}

// TrimBOM drops a UTF-8 byte order mark, which some front ends send.
func TrimBOM(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }
