package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"archiver/internal/archive"
)

// maxHops bounds how often autodiscovery may be sent on.
const maxHops = 10

// passwordGrant is the grant this client can use.
const passwordGrant = "password"

// discovery finds a user's server (AutodiscoverService in the UCWA
// documentation): root → user → 401 → token → user → applications, started
// anew at each redirect.
type discovery struct {
	client *Client
	config Config
}

// run fills in the client's tokens and applications URL. The root is the one
// place to try; when roots come from the SIP domain, they are tried here in
// their order of precedence.
func (d *discovery) run(ctx context.Context) error {
	at, err := d.approve(nil, d.config.RootURL)
	if err != nil {
		return err
	}
	var seen []string
	for range maxHops {
		if slices.Contains(seen, at.String()) {
			return fmt.Errorf("discover: autodiscovery goes round in a circle: %w", archive.ErrInvalid)
		}
		seen = append(seen, at.String())
		next, err := d.hop(ctx, at)
		if err != nil {
			return fmt.Errorf("discover at %s: %w", at.Host, err)
		}
		if next == nil {
			return nil
		}
		at = next
	}
	return fmt.Errorf("discover: more than %d redirects: %w", maxHops, archive.ErrInvalid)
}

// hop asks one server. It is done when next is nil, else autodiscovery goes on
// there.
func (d *discovery) hop(ctx context.Context, root *url.URL) (next *url.URL, err error) {
	links, r, err := d.links(ctx, root, Secret{})
	if err != nil {
		return nil, err
	}
	if to := redirection(r, links); to != "" {
		return d.approve(root, to)
	}
	user, err := d.approve(root, links.Href("user"))
	if err != nil {
		return nil, fmt.Errorf("user link: %w", err)
	}
	return d.user(ctx, user)
}

// user signs in at the user resource, which is where a server without the user
// says so or sends on.
func (d *discovery) user(ctx context.Context, user *url.URL) (next *url.URL, err error) {
	r, err := d.get(ctx, user, Secret{})
	if err != nil {
		return nil, err
	}
	tokens, err := d.tokens(user, r)
	if err != nil {
		return nil, err
	}
	token, err := tokens.renew(ctx, Secret{})
	if err != nil {
		return nil, err
	}
	links, r, err := d.links(ctx, user, token)
	if err != nil {
		return nil, err
	}
	if to := redirection(r, links); to != "" {
		return d.approve(user, to)
	}
	applications, err := d.approve(user, links.Href("applications"))
	if err != nil {
		return nil, fmt.Errorf("applications link: %w", err)
	}
	d.client.tokens, d.client.applications = tokens, applications
	return nil, nil
}

// tokens reads where tokens are given from the answer to a request without one.
func (d *discovery) tokens(user *url.URL, r Response) (*tokens, error) {
	if r.Status == http.StatusNotFound {
		return nil, fmt.Errorf("the server does not know this user: %w", archive.ErrNotFound)
	}
	if r.Status != http.StatusUnauthorized {
		return nil, apiError(r)
	}
	href, grants, ok := oauthChallenge(r.Header)
	if !ok {
		return nil, fmt.Errorf("the server names no token service: %w", archive.ErrUnauthorized)
	}
	if !slices.ContainsFunc(grants, func(g string) bool { return strings.EqualFold(g, passwordGrant) }) {
		return nil, fmt.Errorf("the server does not allow signing in by password: %w", archive.ErrUnauthorized)
	}
	endpoint, err := d.approve(user, href)
	if err != nil {
		return nil, fmt.Errorf("token service: %w", err)
	}
	return newTokens(d.client, d.config, endpoint.String()), nil
}

// links gets a discovery resource.
func (d *discovery) links(ctx context.Context, at *url.URL, token Secret) (Links, Response, error) {
	r, err := d.get(ctx, at, token)
	if err != nil || isRedirect(r.Status) {
		return nil, r, err
	}
	if r.Status != http.StatusOK || !r.FromUCWA() {
		return nil, r, apiError(r)
	}
	head, err := ParseHead(r.Body)
	return head.Links, r, err
}

func (d *discovery) get(ctx context.Context, at *url.URL, token Secret) (Response, error) {
	return d.client.send(ctx, call{method: http.MethodGet, wait: requestTimeout}, at.String(), token)
}

// redirection is where an answer sends on: in UCWA's way or in HTTP's.
func redirection(r Response, links Links) string {
	if isRedirect(r.Status) {
		return r.Header.Get("Location")
	}
	return links.Href("redirect")
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

var errNotApproved = errors.New("autodiscovery leads to a host that is not approved")

// approve resolves an href of autodiscovery and checks that it may be asked:
// the password and the token go to approved hosts only, over https unless the
// host is this machine.
func (d *discovery) approve(base *url.URL, href string) (*url.URL, error) {
	if base == nil {
		base = &url.URL{}
	}
	u, err := resolve(base, href)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("%s is not https: %w", u.Host, archive.ErrInvalid)
	}
	root, err := url.Parse(d.config.RootURL)
	if err != nil || originOf(u) != originOf(root) && !d.approvedHost(u.Hostname()) {
		return nil, fmt.Errorf("%w: %s: %w", errNotApproved, u.Hostname(), archive.ErrInvalid)
	}
	return u, nil
}

func (d *discovery) approvedHost(host string) bool {
	_, domain, _ := strings.Cut(d.config.Username, "@")
	return slices.ContainsFunc(append([]string{domain}, d.config.Hosts...), func(domain string) bool {
		domain, host := strings.ToLower(domain), strings.ToLower(host)
		return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
	})
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
