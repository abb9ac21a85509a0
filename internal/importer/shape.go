package importer

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// shape is what an object is to us.
type shape int

const (
	other    shape = iota // not UCWA's
	resource              // a UCWA body of another sort than a P-GET response
	response              // a P-GET response
)

// shapeOf looks at the outermost members of an object. It is a UCWA body when
// it has "_links" with an object, "sender" with an array, or "rel" with a
// string: every UCWA resource has links or says its rel, and every P-GET
// response has links (EventChannelDetails.md). It is a P-GET response when it
// has senders or a link by which the channel goes on.
func shapeOf(value []byte) shape {
	d := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return other
	}
	found := other
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return other
		}
		switch member := name.String(); {
		case member == "sender" && d.PeekKind() == '[':
			return response
		case member == "_links" && d.PeekKind() == '{':
			links, err := d.ReadValue()
			if err == nil && goesOn(links) {
				return response
			}
			found = resource
			continue
		case member == "rel" && d.PeekKind() == '"':
			found = resource
		}
		if err := d.SkipValue(); err != nil {
			return other
		}
	}
	return found
}

// goesOn tells whether links hold one of those by which the event channel goes
// on.
func goesOn(links []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(links), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return false
		}
		switch name.String() {
		case "next", "resume", "resync":
			return true
		}
		if err := d.SkipValue(); err != nil {
			return false
		}
	}
	return false
}
