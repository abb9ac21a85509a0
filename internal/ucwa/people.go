package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"archiver/internal/archive"
)

// Contact is somebody as the server's directory has him (contact_ref.md).
type Contact struct {
	Links         Links             `json:"_links"`
	URI           string            `json:"uri"`
	Name          string            `json:"name"`
	Type          string            `json:"type"`
	SourceNetwork string            `json:"sourceNetwork"`
	Emails        OneOrMany[string] `json:"emailAddresses"`
	Title         string            `json:"title"`
	Department    string            `json:"department"`
	Company       string            `json:"company"`
}

// Presence is how somebody can be reached now (contactPresence_ref.md). Empty
// fields were not said.
type Presence struct {
	Availability string `json:"availability"`
	Activity     string `json:"activity"`
	DeviceType   string `json:"deviceType"`
	LastActive   Date   `json:"lastActive"`
}

// Bounds of the search's limit (search2_ref.md).
const (
	minFound = 1
	maxFound = 100
)

// SearchPeople finds contacts by a part of a name or an address, at most limit
// of them (search2_ref.md). Nobody is no error. A server that offers no search
// is archive.ErrNotFound.
func (c *Client) SearchPeople(ctx context.Context, app Application, query string, limit int) ([]Contact, error) {
	href, err := c.searchLink(ctx, app)
	if err != nil {
		return nil, fmt.Errorf("ucwa: search people: %w", err)
	}
	at, err := url.Parse(href)
	if err != nil {
		return nil, fmt.Errorf("ucwa: search people: a link is not a URL: %w", archive.ErrInvalid)
	}
	values := at.Query()
	values.Set("query", query)
	values.Set("limit", strconv.Itoa(min(max(limit, minFound), maxFound)))
	at.RawQuery = values.Encode()
	r, err := c.Fetch(ctx, at.String())
	if err != nil {
		return nil, fmt.Errorf("ucwa: search people: %w", err)
	}
	var w struct {
		Embedded struct {
			Contact OneOrMany[Contact] `json:"contact"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal(TrimBOM(r.Body), &w, lenient); err != nil {
		return nil, fmt.Errorf("ucwa: search people: %s: %w", describe(err), archive.ErrInvalid)
	}
	return w.Embedded.Contact, nil
}

// searchLink is the search link of the people resource, which most servers
// embed into the application.
func (c *Client) searchLink(ctx context.Context, app Application) (string, error) {
	r, err := c.Fetch(ctx, app.URL)
	if err != nil {
		return "", err
	}
	var w struct {
		Links    Links `json:"_links"`
		Embedded struct {
			People Head `json:"people"`
		} `json:"_embedded"`
	}
	if err := json.Unmarshal(TrimBOM(r.Body), &w, lenient); err != nil {
		return "", fmt.Errorf("read application: %s: %w", describe(err), archive.ErrInvalid)
	}
	people := w.Embedded.People
	if at := w.Links.Href("people"); people.Links == nil && at != "" {
		if r, err = c.Fetch(ctx, at); err != nil {
			return "", err
		}
		if people, err = ParseHead(r.Body); err != nil {
			return "", err
		}
	}
	if href := people.Links.Href("search"); href != "" {
		return href, nil
	}
	return "", fmt.Errorf("the server offers no search for people: %w", archive.ErrNotFound)
}

// Presence gets a contact's presence. It is empty where the server offers none
// or withholds it from this user.
func (c *Client) Presence(ctx context.Context, who Contact) (Presence, error) {
	var p Presence
	if err := c.detail(ctx, who.Links.Href("contactPresence"), &p); err != nil {
		return Presence{}, fmt.Errorf("ucwa: presence: %w", err)
	}
	return p, nil
}

// Note gets what a contact wrote beside his name (contactNote_ref.md). It is
// empty where the server offers none or withholds it from this user.
func (c *Client) Note(ctx context.Context, who Contact) (string, error) {
	var note struct {
		Message string `json:"message"`
	}
	if err := c.detail(ctx, who.Links.Href("contactNote"), &note); err != nil {
		return "", fmt.Errorf("ucwa: note: %w", err)
	}
	return note.Message, nil
}

// detail reads a resource of a contact into v, which stays as it is where the
// server says that it has none or that this user must not see it.
func (c *Client) detail(ctx context.Context, href string, v any) error {
	if href == "" {
		return nil
	}
	r, err := c.Fetch(ctx, href)
	var refused *APIError
	if errors.As(err, &refused) && refused.FromUCWA && (errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrUnauthorized)) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(TrimBOM(r.Body), v, lenient); err != nil {
		return fmt.Errorf("%s: %w", describe(err), archive.ErrInvalid)
	}
	return nil
}
