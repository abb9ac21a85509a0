package web

import (
	"bytes"
	"net/http"

	"github.com/a-h/templ"

	"archiver/web/component"
)

// frame is what surrounds the content of a page.
type frame struct {
	Title   string
	Section string // the rail's entry that is lit; "" for none
	// Live says that the page shows the newest there is, so it may follow.
	Live                bool
	Clock               component.Clock
	Zones               []string
	Address             string // of this page, to come back to
	Version             string
	Style, Script, Icon string
}

// section is an entry of the rail.
type section struct{ Name, Title, Href string }

func sections() []section {
	return []section{
		{"home", "Home", "/"},
		{"conversations", "Conversations", "/conversations"},
		{"search", "Search", "/search"},
		{"people", "People", "/people"},
		{"events", "Events", "/events"},
		{"status", "Status", "/status"},
	}
}

func (s *site) frame(r *http.Request, title, section string) frame {
	zone := zoneOf(r)
	return frame{
		Title: title, Section: section,
		Clock: component.Clock{Zone: zone, Now: s.Now()}, Zones: zoneChoices(zone.String()),
		Address: r.URL.RequestURI(), Version: s.Version,
		Style: s.assets.Path("app.css"), Script: s.assets.Path("app.js"), Icon: s.assets.Path("icon.svg"),
	}
}

// render writes a page whole or, when rendering fails, nothing of it.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, f frame, content templ.Component) error {
	var b bytes.Buffer
	ctx := templ.WithChildren(r.Context(), content)
	if err := layout(f).Render(ctx, &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a reader that went away is no error of ours
	return nil
}

func (s *site) show(w http.ResponseWriter, r *http.Request, f frame, content templ.Component) error {
	return s.render(w, r, http.StatusOK, f, content)
}
