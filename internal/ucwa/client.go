package ucwa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"archiver/internal/archive"
)

// Config says where to sign in and as whom.
type Config struct {
	// Address is the user's SIP address, with "sip:" or without. Its domain says
	// where autodiscovery starts, and the hosts below that may be led to.
	Address string
	// RootURL is where autodiscovery starts instead, such as
	// https://lyncdiscover.contoso.example/. It must be https unless its host
	// is this machine. "" is the roots of Address's domain.
	RootURL string
	// Username is a SIP address without "sip:", or DOMAIN\user; "" is Address.
	// Without an Address, its domain counts as the user's.
	Username string
	// Password is tried once: after a refusal, no further SignIn or renewal with
	// it or a copy of it sends it again for that user.
	Password Secret
	// Grant is how to get tokens: GrantPassword or GrantWindows; "" is the
	// first of the two that the server offers and this configuration can use.
	Grant string
	// Kerberos makes the Windows grant use tickets instead of the password; nil
	// is NTLM.
	Kerberos *Kerberos
	// Hosts are further domains that autodiscovery may lead to. The root's own
	// host and the hosts under the user's domain always may.
	Hosts []string
	// HTTPClient gives the transport (proxy, certificates, limits); nil is the
	// default one. Its redirect policy, cookies and timeout are not used.
	HTTPClient *http.Client
	UserAgent  string           // at most 100 characters; "" is "archiver"
	Logger     *slog.Logger     // nil discards
	Now        func() time.Time // nil is time.Now
}

// Client is a signed-in user. Its methods may be called concurrently.
type Client struct {
	http         *http.Client
	agent        string
	log          *slog.Logger
	now          func() time.Time
	tokens       *tokens
	applications *url.URL
}

// SignIn discovers the user's server and gets a token. Refused credentials are
// an error that wraps archive.ErrUnauthorized after exactly one attempt, since
// a second would count towards locking the account. A server that does not
// answer is archive.ErrUnavailable. It discovers as Discover does, with the
// same errors; ErrModernAuth is a server that offers no way in without a browser.
func SignIn(ctx context.Context, cfg Config) (*Client, error) {
	c := newClient(cfg)
	d, err := newDiscovery(c, cfg)
	if err == nil {
		err = d.signIn(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("ucwa: sign in: %w", err)
	}
	c.log.Info("signed in", "server", c.Origin())
	return c, nil
}

func newClient(cfg Config) *Client {
	c := &Client{agent: cfg.UserAgent, log: cfg.Logger, now: cfg.Now, http: &http.Client{}}
	if cfg.HTTPClient != nil {
		c.http.Transport = cfg.HTTPClient.Transport
	}
	if c.agent == "" {
		c.agent = "archiver"
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.http.Transport = agentTransport{agent: c.agent, base: c.http.Transport}
	// A redirect would take the token along to wherever it leads: Go keeps
	// Authorization for another port of the same host.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// agentTransport names the program in every request, those of the OAuth
// library included.
type agentTransport struct {
	agent string
	base  http.RoundTripper
}

func (t agentTransport) inner() http.RoundTripper { return t.base }
func (t agentTransport) around(base http.RoundTripper) http.RoundTripper {
	return agentTransport{agent: t.agent, base: base}
}

// RoundTrip sends a copy of the request with the common headers.
func (t agentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", t.agent)
	r.Header.Set("Accept", "application/json")
	if t.base == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return t.base.RoundTrip(r)
}

// Origin is the scheme, host and port of the user's server, the only one that
// is ever sent the token after signing in.
func (c *Client) Origin() string { return originOf(c.applications) }

// Resolve makes an href absolute. One that leads to another origin is
// archive.ErrInvalid: whatever a payload says, the token stays with the server
// that autodiscovery found.
func (c *Client) Resolve(href string) (string, error) {
	u, err := resolve(c.applications, href)
	if err != nil {
		return "", err
	}
	if originOf(u) != c.Origin() {
		return "", fmt.Errorf("ucwa: a link leads away from the server: %w", archive.ErrInvalid)
	}
	return u.String(), nil
}

func resolve(base *url.URL, href string) (*url.URL, error) {
	ref, err := url.Parse(href)
	if err != nil || href == "" {
		return nil, fmt.Errorf("ucwa: a link is not a URL: %w", archive.ErrInvalid)
	}
	u := base.ResolveReference(ref)
	if u.Hostname() == "" || u.User != nil {
		return nil, fmt.Errorf("ucwa: a link is not a web address: %w", archive.ErrInvalid)
	}
	if u.Host, err = asciiHost(u.Host); err != nil {
		return nil, fmt.Errorf("ucwa: a link is not a web address: %w", archive.ErrInvalid)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// originOf is the scheme, host and port of a URL in one spelling.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

// call is one request to the pinned server.
type call struct {
	method, href string
	body         []byte // nil for none
	media        string // of the body; "" is JSON
	wait         time.Duration
	held         *held // when this is not the first attempt

	via           *http.Client // nil is the client's own
	authorization string       // in place of the token's
}

// requestTimeout is how long an ordinary request may take.
const requestTimeout = 30 * time.Second

// do sends a request with the token. When the server rejects the token, it
// gets a new one and sends the request once more. A status other than 2xx is
// an *APIError beside the Response.
func (c *Client) do(ctx context.Context, q call) (Response, error) {
	target, err := c.Resolve(q.href)
	if err != nil {
		return Response{}, err
	}
	token := c.tokens.current()
	r, err := c.send(ctx, q, target, token)
	if err != nil || !tokenRejected(r) {
		return r, statusError(r, err)
	}
	c.log.Debug("token rejected", "status", r.Status)
	r.held.refused(r.Received.Time)
	q.held = r.held
	token, err = c.tokens.renew(ctx, token)
	if err != nil {
		return r, err
	}
	r, err = c.send(ctx, q, target, token)
	return r, statusError(r, err)
}

func statusError(r Response, err error) error {
	if err == nil && (r.Status < 200 || r.Status > 299) {
		return apiError(r)
	}
	return err
}

// tokenRejected tells a 403 about the token from one about a permission.
func tokenRejected(r Response) bool {
	if r.Status == http.StatusUnauthorized {
		return true
	}
	if r.Status != http.StatusForbidden {
		return false
	}
	_, _, challenged := oauthChallenge(r.Header)
	return challenged || strings.Contains(r.Header.Get("Warning"), "InvalidToken") ||
		strings.HasPrefix(r.Header.Get("X-Ms-Diagnostics"), "28055")
}

// send makes one request and reads the answer to its end. A token that is ""
// is not sent.
func (c *Client) send(ctx context.Context, q call, target string, token Secret) (Response, error) {
	r := Response{URL: target, held: q.held}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	ctx, release := detach(ctx, q.wait)
	defer release.done()
	req, err := http.NewRequestWithContext(r.trace(ctx, c.now, release.restart), q.method, target, bytes.NewReader(q.body))
	if err != nil {
		return r, fmt.Errorf("ucwa: a link is not a URL: %w", archive.ErrInvalid)
	}
	q.describe(req, token)
	via := q.via
	if via == nil {
		via = c.http
	}
	r.Requested = archive.At(c.now())
	resp, err := via.Do(req)
	if err != nil {
		return r, release.reason(err)
	}
	defer resp.Body.Close()
	release.headersArrived()
	err = r.read(resp)
	r.Received = archive.At(c.now())
	if err != nil {
		return r, release.reason(err)
	}
	return r, nil
}

// describe sets the headers of a request.
func (q call) describe(req *http.Request, token Secret) {
	switch {
	case q.body == nil:
	case q.media == "":
		req.Header.Set("Content-Type", "application/json")
	default:
		req.Header.Set("Content-Type", q.media)
	}
	if t := token.Reveal(); t != "" {
		req.Header.Set("Authorization", "Bearer "+t)
	}
	if q.authorization != "" {
		req.Header.Set("Authorization", q.authorization)
	}
}

// readGrace is how long an answer whose headers have arrived may go on
// arriving after the caller wanted to stop: what is nearly here is kept.
const readGrace = 5 * time.Second

// detached is the context of one request. Until the headers arrive the caller
// can end it at once, after that only with readGrace. Its time counts from when
// the request was last written: the HTTP library writes a request again, on
// another connection, when the one that it had kept proves dead.
type detached struct {
	parent, own context.Context
	stop        func() bool
	cancel      context.CancelFunc
	wait        time.Duration
	timer       *time.Timer
}

func detach(parent context.Context, wait time.Duration) (context.Context, *detached) {
	own, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	d := &detached{parent: parent, own: own, wait: wait, cancel: func() { cancel(context.Canceled) }}
	d.timer = time.AfterFunc(wait, func() { cancel(errTimeout) })
	d.stop = context.AfterFunc(parent, d.cancel)
	return own, d
}

// restart gives the request its whole time again.
func (d *detached) restart() { d.timer.Reset(d.wait) }

// headersArrived lets the body outlive the caller's wish to stop.
func (d *detached) headersArrived() {
	d.stop()
	d.stop = context.AfterFunc(d.parent, func() {
		select {
		case <-d.own.Done():
		case <-time.After(readGrace):
			d.cancel()
		}
	})
}

func (d *detached) done() {
	d.stop()
	d.timer.Stop()
	d.cancel()
}

func (d *detached) reason(err error) error {
	if errors.Is(context.Cause(d.own), errTimeout) {
		err = errTimeout
	}
	return transportError(d.parent, err)
}

// errTooLarge marks a body over the limit.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)

// maxBody is the largest body that is accepted, in bytes after decompression.
const maxBody = 32 << 20

func readLimited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(b) > maxBody {
		return nil, errTooLarge
	}
	return b, err
}
