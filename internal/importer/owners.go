package importer

import (
	"bytes"
	"context"
	"strings"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// unknownApplication stands for the application of a body without hrefs.
const unknownApplication = "unknown"

// owners finds out whose bodies they are. An application belongs to one user,
// and its href is in every body: so one body that names the user tells it for
// all of that application.
type owners struct {
	byApp   map[string]string // application href → account
	certain map[string]bool   // applications whose account a local participant told
	only    string            // the account that the file tells of when it is one; set by settle
	given   string            // Options.Account, normalised
}

func newOwners(account string) *owners {
	return &owners{
		byApp:   make(map[string]string),
		certain: make(map[string]bool),
		given:   ucwa.NormalizeURI(account),
	}
}

// of is the account of the body with this href: what the bodies of its
// application tell, or else the only account that the file tells of, or else
// the one given, or else a name made of the application.
func (o *owners) of(href string) string {
	app := ucwa.ApplicationHref(href)
	if uri := o.byApp[app]; uri != "" {
		return uri
	}
	if o.only != "" {
		return o.only
	}
	if o.given != "" {
		return o.given
	}
	if app == "" {
		return "ucwa:" + unknownApplication
	}
	return "ucwa:" + app[strings.LastIndexByte(app, '/')+1:]
}

// settle ends the learning.
func (o *owners) settle() {
	accounts := make(map[string]bool)
	for _, uri := range o.byApp {
		accounts[uri] = true
		o.only = uri
	}
	if len(accounts) > 1 {
		o.only = ""
	}
}

// body looks for the user in the local participant that an event concerns
// (localParticipant_ref.md), or, with less weight, in the link "to" of an
// incoming invitation.
func (o *owners) body(_ context.Context, _ int, body []byte) error {
	if !bytes.Contains(body, []byte("localParticipant")) && !bytes.Contains(body, []byte("Invitation")) {
		return nil
	}
	env, err := ucwa.ParseEnvelope(body)
	if err != nil {
		return nil // it tells nothing; decoding will say why
	}
	app := ucwa.ApplicationHref(env.Self)
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			e, _ := ucwa.ParseEvent(raw) // what could be read of it will do
			o.learn(app, e)
		}
	}
	return nil
}

func (o *owners) learn(app string, e ucwa.Event) {
	switch {
	case o.certain[app]:
	case e.Link.Rel == "localParticipant":
		if uri := localURI(e); uri != "" {
			o.byApp[app], o.certain[app] = uri, true
		}
	case strings.HasSuffix(e.Link.Rel, "Invitation") && o.byApp[app] == "":
		if uri := invited(e); uri != "" {
			o.byApp[app] = uri
		}
	}
}

// localURI is the address of the local participant an event is about.
func localURI(e ucwa.Event) string {
	var p ucwa.Participant
	if len(e.Embedded) > 0 && ucwa.Parse(e.Embedded, &p) == nil && p.URI != "" {
		return ucwa.NormalizeURI(p.URI)
	}
	return ucwa.URIFromHref(e.Link.Href)
}

// invited is the address of the user an incoming invitation is for.
func invited(e ucwa.Event) string {
	var i ucwa.Invitation
	if len(e.Embedded) == 0 || ucwa.Parse(e.Embedded, &i) != nil || i.Direction != archive.Incoming {
		return ""
	}
	if uri := ucwa.URIFromHref(i.Links.Href("to")); uri != "" {
		return uri
	}
	return ucwa.NormalizeURI(i.To)
}

func (o *owners) skipped(int, string) {}

func (o *owners) problem(int, string) {}
