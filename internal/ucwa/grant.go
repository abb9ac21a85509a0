package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"

	"archiver/internal/archive"
)

// The values of Config.Grant.
const (
	GrantPassword = "password" // name and password in the request for a token
	GrantWindows  = "windows"  // a Kerberos ticket, or name and password by NTLM
)

// The grants' names at the token service (AuthenticationInUCWA.md).
const (
	passwordGrant = "password"
	windowsGrant  = "urn:microsoft.rtc:windows"
)

// chooseGrant picks the grant, or says why nobody can sign in with what was
// found.
func chooseGrant(cfg Config, found Discovery) (string, error) {
	if !slices.Contains([]string{"", GrantPassword, GrantWindows}, cfg.Grant) {
		return "", fmt.Errorf("grant is to be %q, %q or empty: %w", GrantPassword, GrantWindows, archive.ErrInvalid)
	}
	if cfg.Kerberos != nil {
		if err := cfg.Kerberos.check(); err != nil {
			return "", err
		}
	}
	hasPassword := cfg.Password.Reveal() != ""
	if !hasPassword && cfg.Kerberos == nil {
		return "", fmt.Errorf("there is no password to sign in with: %w", archive.ErrUnauthorized)
	}
	if hasPassword && cfg.Grant != GrantWindows && offers(found.Grants, passwordGrant) {
		return passwordGrant, nil
	}
	if cfg.Grant != GrantPassword && offers(found.Grants, windowsGrant) {
		return windowsGrant, nil
	}
	if found.Authority != "" {
		return "", ErrModernAuth
	}
	return "", fmt.Errorf("the server offers neither Windows nor password logon as configured; "+
		"ask its administrator (Set-CsAuthConfig): %w", archive.ErrUnauthorized)
}

func offers(grants []string, grant string) bool {
	return slices.ContainsFunc(grants, func(g string) bool { return strings.EqualFold(g, grant) })
}

// granted is a token with how long it lives; 0 is unknown.
type granted struct {
	token Secret
	life  time.Duration
}

// maxLife bounds what a server can claim; tokens live about 8 hours.
const maxLife = 7 * 24 * time.Hour

func newGranted(token string, seconds int64) granted {
	longest := int64(maxLife / time.Second)
	return granted{NewSecret(token), time.Duration(min(max(seconds, 0), longest)) * time.Second}
}

// byPassword sends name and password (password_grant of AuthenticationInUCWA.md).
func (t *tokens) byPassword(ctx context.Context) (granted, error) {
	// AuthStyleInParams and nothing automatic: finding the style out sends a
	// refused password twice.
	config := oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: t.endpoint, AuthStyle: oauth2.AuthStyleInParams}}
	token, err := config.PasswordCredentialsToken(
		context.WithValue(ctx, oauth2.HTTPClient, t.client.http), t.username, t.password.Reveal())
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) {
		// The library's error quotes the answer.
		return granted{}, t.refusal(refusal.Response.StatusCode, refusal.ErrorCode, refusal.Response.Header)
	}
	if err != nil {
		return granted{}, fmt.Errorf("token: %w", transportError(ctx, err))
	}
	return newGranted(token.AccessToken, token.ExpiresIn), nil
}

func (t *tokens) refusal(status int, code string, h http.Header) error {
	e := &TokenError{Status: status, Code: codeWord(code)}
	t.client.log.Debug("no token", "status", e.Status, "code", e.Code, "diagnostics", diagnosticsNumber(h))
	return e
}

// diagnosticsNumber is the number that X-Ms-diagnostics begins with; what
// follows it is free text.
func diagnosticsNumber(h http.Header) string {
	n, _, _ := strings.Cut(h.Get("X-Ms-Diagnostics"), ";")
	return codeWord(n)
}

// wireToken is the token service's answer (AuthenticationInUCWA.md), good or bad.
type wireToken struct {
	AccessToken string         `json:"access_token"`
	ExpiresIn   jsontext.Value `json:"expires_in"` // a number; some write it as a string
	Error       string         `json:"error"`
}

// read takes the token out of an answer. One that comes from an intermediary
// says nothing about the credentials.
func (t *tokens) read(r Response) (granted, error) {
	if r.Status != http.StatusUnauthorized && !r.FromUCWA() {
		return granted{}, apiError(r)
	}
	var w wireToken
	err := json.Unmarshal(TrimBOM(r.Body), &w, lenient)
	if r.Status != http.StatusOK {
		return granted{}, t.refusal(r.Status, w.Error, r.Header)
	}
	if err != nil || w.AccessToken == "" {
		return granted{}, fmt.Errorf("token: the answer holds none: %w", archive.ErrUnavailable)
	}
	seconds, err := strconv.ParseInt(strings.Trim(string(w.ExpiresIn), `"`), 10, 64)
	if err != nil {
		seconds = 0
	}
	return newGranted(w.AccessToken, seconds), nil
}
