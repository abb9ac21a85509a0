package ucwa

// OAuthChallenge finds the token service in a 401's headers.
var OAuthChallenge = oauthChallenge

// MaxBody is the largest body that is accepted.
const MaxBody = maxBody

// Dialer is what a transport connects with.
var Dialer = dialer
