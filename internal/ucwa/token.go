package ucwa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"archiver/internal/archive"
)

// TokenError is a token service that gave no token. It wraps
// archive.ErrUnauthorized when the credentials were refused, and
// archive.ErrUnavailable when it may succeed later.
type TokenError struct {
	Status int
	Code   string // OAuth's word, such as invalid_grant; "" when none was given
}

// Error says the status and the code.
func (e *TokenError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the token service answered %d", e.Status)
	}
	return fmt.Sprintf("the token service answered %d %s", e.Status, e.Code)
}

// Unwrap is the sentinel of the refusal.
func (e *TokenError) Unwrap() error {
	switch e.Status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		if e.Code != "server_error" && e.Code != "temporarily_unavailable" {
			return archive.ErrUnauthorized
		}
	}
	return archive.ErrUnavailable
}

// tokens holds the current token and gets new ones by the password grant.
// UCWA has no refresh tokens: the grant is repeated and the new token used from
// the next request on.
type tokens struct {
	config   oauth2.Config
	username string
	password Secret
	http     *http.Client
	log      *slog.Logger
	now      func() time.Time

	granting chan struct{} // holds one element while a grant is under way

	mu      sync.Mutex
	value   Secret    // guarded by mu
	renewAt time.Time // guarded by mu; zero when the lifetime is unknown
	refused error     // guarded by mu; set once the password was refused
}

func newTokens(c *Client, cfg Config, endpoint string) *tokens {
	return &tokens{
		// AuthStyleInParams and nothing automatic: finding the style out sends
		// a refused password twice.
		config:   oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: endpoint, AuthStyle: oauth2.AuthStyleInParams}},
		username: cfg.Username, password: cfg.Password,
		http: c.http, log: c.log, now: c.now,
		granting: make(chan struct{}, 1),
	}
}

func (t *tokens) current() Secret {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

// due reports whether half of the token's life is over.
func (t *tokens) due() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.renewAt.IsZero() && !t.now().Before(t.renewAt)
}

// renew gets a new token in place of stale. Callers that come while a grant is
// under way share its result. Once the password was refused it is not sent
// again: every further call has the same error.
func (t *tokens) renew(ctx context.Context, stale Secret) (Secret, error) {
	select {
	case t.granting <- struct{}{}:
		defer func() { <-t.granting }()
	case <-ctx.Done():
		return Secret{}, ctx.Err()
	}
	t.mu.Lock()
	value, refused := t.value, t.refused
	t.mu.Unlock()
	if refused != nil {
		return Secret{}, refused
	}
	if value != stale {
		return value, nil
	}
	return t.grant(ctx)
}

func (t *tokens) grant(ctx context.Context) (Secret, error) {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	token, err := t.config.PasswordCredentialsToken(
		context.WithValue(limited, oauth2.HTTPClient, t.http), t.username, t.password.Reveal())
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		err = t.tokenError(ctx, err)
		if errors.Is(err, archive.ErrUnauthorized) {
			t.refused = err
		}
		return Secret{}, err
	}
	t.value = NewSecret(token.AccessToken)
	t.renewAt = time.Time{}
	if token.ExpiresIn > 0 {
		t.renewAt = t.now().Add(time.Duration(token.ExpiresIn) * time.Second / 2)
	}
	t.log.Debug("token granted", "expires_in", token.ExpiresIn)
	return t.value, nil
}

// tokenError keeps the class of the OAuth library's error and drops its text,
// which quotes the answer.
func (t *tokens) tokenError(ctx context.Context, err error) error {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("token: %w", transportError(ctx, err))
	}
	e := &TokenError{Status: refusal.Response.StatusCode, Code: codeWord(refusal.ErrorCode)}
	t.log.Debug("no token", "status", e.Status, "code", e.Code,
		"diagnostics", diagnosticsNumber(refusal.Response.Header))
	return e
}

// diagnosticsNumber is the number that X-Ms-diagnostics begins with; what
// follows it is free text.
func diagnosticsNumber(h http.Header) string {
	n, _, _ := strings.Cut(h.Get("X-Ms-Diagnostics"), ";")
	return codeWord(n)
}

// RenewIfDue gets a new token when half of the present one's life is over. The
// present one stays in use when that fails.
func (c *Client) RenewIfDue(ctx context.Context) error {
	if !c.tokens.due() {
		return nil
	}
	if _, err := c.tokens.renew(ctx, c.tokens.current()); err != nil {
		return fmt.Errorf("ucwa: renew token: %w", err)
	}
	return nil
}
