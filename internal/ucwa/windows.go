package ucwa

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/Azure/go-ntlmssp"

	"archiver/internal/archive"
)

// byWindows gets a token by the Windows grant: the request names nobody, and
// the token service asks for Kerberos or NTLM on the level of HTTP (AuthenticationInUCWA.md;
// messages in MS-NLMP 2.2.1). The message that answers the server's challenge is
// the one that the server judges the password by; it is sent once, and only on
// the connection the challenge came on.
func (t *tokens) byWindows(ctx context.Context) (granted, error) {
	line := newLine(t.client.http)
	defer line.close()
	r, err := t.ask(ctx, line, "")
	if err != nil || r.Status != http.StatusUnauthorized {
		return t.readAfter(r, err)
	}
	if t.kerberos != nil {
		return t.byKerberos(ctx, line, r)
	}
	scheme, _ := ntlmOffer(r.Header)
	if scheme == "" {
		return granted{}, fmt.Errorf("the token service offers no NTLM: %w", archive.ErrUnauthorized)
	}
	// Neither machine nor domain: what they name is nobody's business.
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return granted{}, fmt.Errorf("NTLM: %w", archive.ErrInvalid)
	}
	if r, err = t.ask(ctx, line, authorization(scheme, first)); err != nil || r.Status != http.StatusUnauthorized {
		return t.readAfter(r, err)
	}
	line.hold()
	scheme, challenge := ntlmOffer(r.Header)
	last, err := ntlmssp.NewAuthenticateMessage(challenge, t.username, t.password.Reveal(), nil)
	if err != nil {
		// The library's errors describe the challenge, which is the server's.
		return granted{}, fmt.Errorf("the token service's NTLM challenge is not usable: %w", archive.ErrUnavailable)
	}
	return t.readAfter(t.ask(ctx, line, authorization(scheme, last)))
}

// byKerberos answers a 401 with a ticket, in one message.
func (t *tokens) byKerberos(ctx context.Context, l *line, r Response) (granted, error) {
	if !slices.ContainsFunc(r.Header.Values("WWW-Authenticate"), func(s string) bool { return authScheme(s) == "Negotiate" }) {
		return granted{}, fmt.Errorf("the token service offers no Kerberos (Negotiate): %w", archive.ErrUnauthorized)
	}
	endpoint, err := url.Parse(t.endpoint)
	if err != nil {
		return granted{}, fmt.Errorf("token service: %w", archive.ErrInvalid)
	}
	message, err := t.kerberos.negotiate(ctx, endpoint.Hostname())
	if err != nil {
		return granted{}, err
	}
	return t.readAfter(t.ask(ctx, l, authorization("Negotiate", message)))
}

func (t *tokens) readAfter(r Response, err error) (granted, error) {
	if err != nil {
		return granted{}, fmt.Errorf("token: %w", err)
	}
	return t.read(r)
}

// ask sends the request for a token.
func (t *tokens) ask(ctx context.Context, l *line, authorization string) (Response, error) {
	return t.client.send(ctx, call{
		method: http.MethodPost, body: []byte("grant_type=" + windowsGrant),
		media: "application/x-www-form-urlencoded;charset=UTF-8",
		wait:  requestTimeout, via: l.http, authorization: authorization,
	}, t.endpoint, Secret{})
}

func authorization(scheme string, message []byte) string {
	return scheme + " " + base64.StdEncoding.EncodeToString(message)
}

// ntlmOffer finds the scheme under which a 401 speaks NTLM, and the message
// that came with it. Front ends put the bare messages under Negotiate too.
func ntlmOffer(h http.Header) (scheme string, message []byte) {
	for _, wanted := range []string{"NTLM", "Negotiate"} {
		for offer := range strings.SplitSeq(strings.Join(h.Values("WWW-Authenticate"), ","), ",") {
			name, text, _ := strings.Cut(strings.TrimSpace(offer), " ")
			if !strings.EqualFold(name, wanted) {
				continue
			}
			// What is not base64 is not a message; the library refuses it empty.
			message, _ = base64.StdEncoding.DecodeString(strings.TrimSpace(text))
			return wanted, message
		}
	}
	return "", nil
}

// wrapper is a transport around another.
type wrapper interface {
	inner() http.RoundTripper
	around(base http.RoundTripper) http.RoundTripper
}

// Wrapper is a transport of another package around one that may be asked to
// keep to one connection.
type Wrapper interface {
	// Inner is the transport inside.
	Inner() http.RoundTripper
	// Around is the same wrapper around another transport.
	Around(base http.RoundTripper) http.RoundTripper
}

// line is a client with one connection of its own. NTLM signs in a connection,
// so nobody else's request may come between the messages.
type line struct {
	http  *http.Client
	held  atomic.Bool
	close func()
}

func newLine(c *http.Client) *line {
	l := &line{close: func() {}}
	own := *c
	own.Transport = l.own(c.Transport)
	l.http = &own
	return l
}

// own copies a transport with what is around it. One of a kind that is not
// known is used as it is.
func (l *line) own(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		rt = http.DefaultTransport
	}
	switch rt := rt.(type) {
	case wrapper:
		return rt.around(l.own(rt.inner()))
	case Wrapper:
		return rt.Around(l.own(rt.Inner()))
	case *http.Transport:
		t := rt.Clone()
		t.MaxConnsPerHost, t.MaxIdleConnsPerHost, t.MaxIdleConns = 1, 1, 1
		t.DisableKeepAlives = false
		if t.DialContext == nil {
			t.DialContext = dialer().DialContext
		}
		t.DialContext = l.dialUnlessHeld(t.DialContext)
		if t.DialTLSContext != nil {
			t.DialTLSContext = l.dialUnlessHeld(t.DialTLSContext)
		}
		l.close = t.CloseIdleConnections
		return t
	}
	return rt
}

// hold keeps the line to the connection that it has.
func (l *line) hold() { l.held.Store(true) }

var errHeld = errors.New("the connection was closed in the middle of signing in")

func (l *line) dialUnlessHeld(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if l.held.Load() {
			return nil, errHeld
		}
		return dial(ctx, network, address)
	}
}
