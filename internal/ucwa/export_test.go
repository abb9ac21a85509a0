package ucwa

import (
	"net/http"
	"net/url"
)

// OAuthChallenge finds the token service in a 401's headers.
var OAuthChallenge = oauthChallenge

// MaxBody is the largest body that is accepted.
const MaxBody = maxBody

// Dialer is what a transport connects with.
var Dialer = dialer

// SignedInAt is a client of which only Resolve works.
func SignedInAt(applications string) *Client {
	u, err := url.Parse(applications)
	if err != nil {
		panic(err)
	}
	return &Client{applications: u}
}

// MaskJSON is a body as the wire log has it.
func MaskJSON(body []byte) string { return string(maskJSON(body)) }

// Written waits until a wire log has written all its lines.
func Written(rt http.RoundTripper) {
	l := rt.(*wireLog).lines
	for {
		l.mu.Lock()
		draining := l.draining
		l.mu.Unlock()
		if draining == nil {
			return
		}
		<-draining
	}
}
