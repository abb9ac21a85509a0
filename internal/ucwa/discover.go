package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"archiver/internal/archive"
)

// maxHops bounds how often autodiscovery may be sent on.
const maxHops = 10

// rootTimeout is how long one address that autodiscovery makes up may take to
// answer. Where a network drops what it does not know, four of them pass before
// the operator hears of it.
const rootTimeout = 10 * time.Second

// Discovery is what autodiscovery says without being given any credentials.
type Discovery struct {
	RootURL string // the root resource that named the user resource
	UserURL string // the user resource, where signing in begins
	// TokenURL is the token service; "" when the server names none.
	TokenURL string
	Grants   []string // what the token service grants tokens for, as it writes it
	// Authority is where modern authentication would begin (authorization_uri
	// of the Bearer challenge); "" when the server names none.
	Authority string
	Server    string // the front end that answered (X-MS-Server-Fqdn); "" when not said
}

// Discover finds the server of cfg.Address, or the one behind cfg.RootURL, and
// how one signs in there. It sends no credentials, so it may be repeated. The
// user may still turn out to be at home on another pool, which a server says
// only after signing in.
//
// The order is that of RootURL.md:
// lyncdiscoverinternal before lyncdiscover, https before http. An answer over
// http is believed as far as a link to https, which is then asked.
//
// A host that nobody approved is an *UnapprovedHostError, a user in the closed
// online service ErrHomedOnline, no answer anywhere archive.ErrUnavailable and a
// user whom the server does not know archive.ErrNotFound.
func Discover(ctx context.Context, cfg Config) (Discovery, error) {
	d, err := newDiscovery(newClient(cfg), cfg)
	if err != nil {
		return Discovery{}, fmt.Errorf("ucwa: discover: %w", err)
	}
	found, err := d.find(ctx)
	if err != nil {
		return Discovery{}, fmt.Errorf("ucwa: discover: %w", err)
	}
	return found, nil
}

// discovery finds a user's server (AutodiscoverService in the UCWA
// documentation): root → user → 401 → token → user → applications, started
// anew at each redirect.
type discovery struct {
	client *Client
	config Config
	domain string // of the user's address; "" when he is named otherwise
	root   *url.URL

	wait time.Duration // for one answer
	seen []string      // the roots asked on the present way
}

func newDiscovery(c *Client, cfg Config) (*discovery, error) {
	d := &discovery{client: c, wait: requestTimeout}
	var err error
	if d.domain, err = sipDomain(cfg.Address); err != nil {
		return nil, err
	}
	if d.domain == "" && strings.Contains(cfg.Username, "@") {
		d.domain, _ = sipDomain(cfg.Username) // a name such as ana@corp approves nothing
	}
	if cfg.Username == "" {
		cfg.Username = bareAddress(cfg.Address)
	}
	if cfg.RootURL != "" {
		if d.root, err = resolve(&url.URL{}, cfg.RootURL); err != nil {
			return nil, err
		}
	}
	d.config = cfg
	return d, nil
}

// signIn fills in the client's tokens and applications URL.
func (d *discovery) signIn(ctx context.Context) error {
	found, err := d.find(ctx)
	for err == nil {
		var next *url.URL
		if next, err = d.enter(ctx, found); err != nil {
			return fmt.Errorf("sign in at %s: %w", hostOf(found.UserURL), err)
		}
		if next == nil {
			return nil
		}
		found, err = d.follow(ctx, next)
	}
	return err
}

// find asks the roots one after the other until one leads to a user resource.
func (d *discovery) find(ctx context.Context) (Discovery, error) {
	if d.root != nil {
		if _, err := d.approve(&url.URL{}, d.root.String()); err != nil {
			return Discovery{}, err
		}
		return d.follow(ctx, d.root)
	}
	if d.domain == "" || d.config.Address == "" {
		return Discovery{}, fmt.Errorf("neither an address nor a root URL says where to begin: %w", archive.ErrInvalid)
	}
	d.wait = rootTimeout
	defer func() { d.wait = requestTimeout }()
	var failed []error
	for _, root := range rootsOf(d.domain) {
		d.seen = nil
		found, err := d.follow(ctx, root)
		if err == nil || ctx.Err() != nil || errors.Is(err, errAtUser) {
			return found, err
		}
		d.client.log.Debug("autodiscovery root failed", "scheme", root.Scheme, "host", root.Host)
		failed = append(failed, err)
	}
	return Discovery{}, noRoot(d.domain, failed)
}

// rootsOf are the addresses where a domain's autodiscovery may be, in their
// order of precedence.
func rootsOf(domain string) []*url.URL {
	var roots []*url.URL
	for _, host := range []string{"lyncdiscoverinternal.", "lyncdiscover."} {
		for _, scheme := range []string{"https", "http"} {
			roots = append(roots, &url.URL{Scheme: scheme, Host: host + domain, Path: "/"})
		}
	}
	return roots
}

// noRoot is the error after every root has failed: the one that says most.
func noRoot(domain string, failed []error) error {
	for _, tells := range []func(error) bool{
		func(err error) bool { return errors.Is(err, ErrHomedOnline) },
		func(err error) bool {
			return !errors.Is(err, archive.ErrUnavailable) && !errors.Is(err, archive.ErrNotFound)
		},
	} {
		if i := slices.IndexFunc(failed, tells); i >= 0 {
			return failed[i]
		}
	}
	causes := make([]string, len(failed))
	for i, err := range failed {
		causes[i] = strings.TrimSuffix(err.Error(), ": "+archive.ErrUnavailable.Error())
	}
	return fmt.Errorf("no server answers for %s; check the address and whether this network reaches the server "+
		"(a VPN may be needed), or give the root URL: %s: %w", domain, strings.Join(causes, "; "), archive.ErrUnavailable)
}

// errAtUser marks what failed at the user resource: by then the server is
// found, and no other root would know better.
var errAtUser = errors.New("user resource")

// follow goes from a root to the user resource and its challenge.
func (d *discovery) follow(ctx context.Context, at *url.URL) (Discovery, error) {
	for {
		if slices.Contains(d.seen, at.String()) {
			return Discovery{}, fmt.Errorf("autodiscovery goes round in a circle: %w", archive.ErrInvalid)
		}
		if len(d.seen) == maxHops {
			return Discovery{}, fmt.Errorf("more than %d redirects: %w", maxHops, archive.ErrInvalid)
		}
		d.seen = append(d.seen, at.String())
		user, next, err := d.rootAt(ctx, at)
		if err != nil {
			return Discovery{}, fmt.Errorf("discover at %s: %w", at.Host, err)
		}
		if next == nil {
			found, err := d.challenge(ctx, user)
			if err != nil {
				return Discovery{}, fmt.Errorf("discover at %s: %w: %w", user.Host, errAtUser, err)
			}
			found.RootURL = at.String()
			return found, nil
		}
		at = next
	}
}

// rootAt asks one root. Autodiscovery goes on at next when that is not nil,
// else at user.
func (d *discovery) rootAt(ctx context.Context, at *url.URL) (user, next *url.URL, err error) {
	links, r, err := d.links(ctx, at, Secret{})
	if err != nil {
		return nil, nil, err
	}
	to := redirection(r, links)
	if to == "" && !confidential(at) {
		to = links.Href("self") // the same root over https
	}
	if to != "" {
		next, err = d.approve(at, to)
		return nil, next, err
	}
	if user, err = d.approve(at, links.Href("user")); err != nil {
		return nil, nil, fmt.Errorf("user link: %w", err)
	}
	return user, nil, nil
}

// challenge asks for the user resource without a token, which is how a server
// says where tokens are given.
func (d *discovery) challenge(ctx context.Context, user *url.URL) (Discovery, error) {
	r, err := d.get(ctx, user, Secret{})
	if err != nil {
		return Discovery{}, err
	}
	if r.Status == http.StatusNotFound {
		return Discovery{}, fmt.Errorf("the server does not know this user: %w", archive.ErrNotFound)
	}
	if r.Status != http.StatusUnauthorized {
		return Discovery{}, apiError(r)
	}
	found := Discovery{
		UserURL: user.String(), Server: hostWord(r.Header.Get("X-MS-Server-Fqdn")),
		Authority: authority(r.Header),
	}
	href, grants, ok := oauthChallenge(r.Header)
	if !ok && found.Authority == "" {
		return Discovery{}, fmt.Errorf("the server names no token service: %w", archive.ErrUnauthorized)
	}
	if !ok {
		return found, nil
	}
	endpoint, err := d.approve(user, href)
	if err != nil {
		return Discovery{}, fmt.Errorf("token service: %w", err)
	}
	found.TokenURL, found.Grants = endpoint.String(), grants
	return found, nil
}

// enter signs in at a user resource. It is done when next is nil, else the user
// is at home behind another root.
func (d *discovery) enter(ctx context.Context, found Discovery) (next *url.URL, err error) {
	grant, err := chooseGrant(d.config, found)
	if err != nil {
		return nil, err
	}
	user, err := url.Parse(found.UserURL)
	if err != nil {
		return nil, fmt.Errorf("user link: %w", archive.ErrInvalid)
	}
	tokens := newTokens(d.client, d.config, grant, found.TokenURL)
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
	return d.client.send(ctx, call{method: http.MethodGet, wait: d.wait}, at.String(), token)
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
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
