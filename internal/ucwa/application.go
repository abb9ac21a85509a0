package ucwa

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"archiver/internal/archive"
)

// Application is one signed-in endpoint of the user. Its hrefs are valid for
// its own life only.
type Application struct {
	URL       string // absolute
	EventsURL string // absolute; where the event channel begins
	MeURI     string // the user's address as the server has it
	Name      string // the user's name; "" when not said
	// Existing: the server knew the endpoint and gave its application back.
	Existing bool

	// What else it leads to, absolute; "" where the link is missing.
	PoliciesURL, MeURL, CommunicationURL string

	makeAvailable  string // hrefs; "" while not allowed
	reportActivity string
}

// wireApplication is Application as JSON has it (application_ref.md).
type wireApplication struct {
	Links    Links `json:"_links"`
	Embedded struct {
		Me struct {
			Links Links  `json:"_links"`
			URI   string `json:"uri"`
			Name  string `json:"name"`
		} `json:"me"`
		Communication struct {
			Links Links `json:"_links"`
		} `json:"communication"`
	} `json:"_embedded"`
}

// maxField is the longest culture, endpointId or userAgent (applications_ref.md).
const maxField = 100

// CreateApplication signs an endpoint in. endpointID names the archive among
// the user's endpoints: the caller keeps it, so that a server that still knows
// it gives the same application back instead of one more.
func (c *Client) CreateApplication(ctx context.Context, endpointID string) (Application, error) {
	body, err := json.Marshal(struct {
		Culture    string `json:"culture"`
		EndpointID string `json:"endpointId"`
		UserAgent  string `json:"userAgent"`
	}{"en-US", endpointID, c.agent[:min(len(c.agent), maxField)]})
	if err != nil {
		return Application{}, fmt.Errorf("ucwa: create application: %w", err)
	}
	r, err := c.do(ctx, call{method: http.MethodPost, href: c.applications.String(), body: body, wait: requestTimeout})
	if err != nil {
		return Application{}, fmt.Errorf("ucwa: create application: %w", err)
	}
	app, err := c.application(r)
	if err != nil {
		return Application{}, fmt.Errorf("ucwa: create application: %w", err)
	}
	app.Existing = r.Status == http.StatusOK
	return app, nil
}

// Application gets an application as it is now. One that has ended is an
// *APIError that wraps archive.ErrNotFound.
func (c *Client) Application(ctx context.Context, url string) (Application, error) {
	r, err := c.Fetch(ctx, url)
	if err != nil {
		return Application{}, fmt.Errorf("ucwa: application: %w", err)
	}
	app, err := c.application(r)
	if err != nil {
		return Application{}, fmt.Errorf("ucwa: application: %w", err)
	}
	app.Existing = true
	return app, nil
}

func (c *Client) application(r Response) (Application, error) {
	if !r.FromUCWA() {
		return Application{}, apiError(r)
	}
	var w wireApplication
	if err := json.Unmarshal(TrimBOM(r.Body), &w, lenient); err != nil {
		return Application{}, fmt.Errorf("read application: %s: %w", describe(err), archive.ErrInvalid)
	}
	self, err := c.Resolve(w.Links.Href("self"))
	if err != nil {
		return Application{}, fmt.Errorf("self link: %w", err)
	}
	events, err := c.Resolve(w.Links.Href("events"))
	if err != nil {
		return Application{}, fmt.Errorf("events link: %w", err)
	}
	me := w.Embedded.Me
	return Application{
		URL: self, EventsURL: events, MeURI: NormalizeURI(me.URI), Name: me.Name,
		PoliciesURL:      c.optional(w.Links.Href("policies")),
		MeURL:            c.optional(firstOf(me.Links.Href("self"), w.Links.Href("me"))),
		CommunicationURL: c.optional(firstOf(w.Embedded.Communication.Links.Href("self"), w.Links.Href("communication"))),
		makeAvailable:    firstOf(me.Links.Href("makeMeAvailable"), w.Links.Href("makeMeAvailable")),
		reportActivity:   firstOf(me.Links.Href("reportMyActivity"), w.Links.Href("reportMyActivity")),
	}, nil
}

// optional is an href made absolute, "" when it cannot be.
func (c *Client) optional(href string) string {
	u, err := c.Resolve(href)
	if err != nil {
		return ""
	}
	return u
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Available reports whether the application takes part in conversations.
func (a Application) Available() bool { return a.reportActivity != "" }

// Availability is how an application takes part (makeMeAvailable_ref.md). Nil
// lists are left to the server: plain text, and every modality.
type Availability struct {
	// SignInAs is the presence to show: Online, Busy, DoNotDisturb,
	// BeRightBack, Away or Offwork; "" leaves it to the server. Colleagues see it.
	SignInAs   string   `json:"signInAs,omitempty"`
	Formats    []string `json:"supportedMessageFormats,omitempty"` // Plain, Html
	Modalities []string `json:"supportedModalities,omitempty"`     // Messaging and others
}

// MakeAvailable makes the application a full endpoint: until then the server
// sends it no invitations (makeMeAvailable_ref.md). An application that is
// available already is left as it is. Errors are an *APIError or those of the
// transport; older servers refuse modalities other than Messaging and
// PhoneAudio with 403.
func (c *Client) MakeAvailable(ctx context.Context, app Application, as Availability) error {
	if app.makeAvailable == "" {
		return nil
	}
	body, err := json.Marshal(as)
	if err != nil {
		return fmt.Errorf("ucwa: make available: %w", err)
	}
	r, err := c.do(ctx, call{method: http.MethodPost, href: app.makeAvailable, body: body, wait: requestTimeout})
	if r.Status == http.StatusConflict && r.FromUCWA() {
		return nil // AlreadyExists
	}
	if err != nil {
		return fmt.Errorf("ucwa: make available: %w", err)
	}
	return nil
}

// ReportActivity keeps the application alive and its presence from falling to
// idle; the server wants it every 4 minutes at least (reportMyActivity_ref.md).
// It does nothing for an application that is not Available.
func (c *Client) ReportActivity(ctx context.Context, app Application) error {
	if app.reportActivity == "" {
		return nil
	}
	if _, err := c.do(ctx, call{method: http.MethodPost, href: app.reportActivity, wait: requestTimeout}); err != nil {
		return fmt.Errorf("ucwa: report activity: %w", err)
	}
	return nil
}

// DeleteApplication signs the endpoint out and ends its conversations. It is
// right for a planned stop and wrong before a restart.
func (c *Client) DeleteApplication(ctx context.Context, url string) error {
	if _, err := c.do(ctx, call{method: http.MethodDelete, href: url, wait: requestTimeout}); err != nil {
		return fmt.Errorf("ucwa: delete application: %w", err)
	}
	return nil
}
