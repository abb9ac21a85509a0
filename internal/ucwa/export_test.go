package ucwa

import "net/url"

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
