package ucwa

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

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

// tokens holds the current token and gets new ones. UCWA has no refresh tokens:
// the grant is repeated and the new token used from the next request on.
type tokens struct {
	client   *Client
	endpoint string
	grant    string // passwordGrant or windowsGrant
	username string
	password Secret
	kerberos *Kerberos // nil is NTLM

	attempt *attempt

	mu      sync.Mutex
	value   Secret    // guarded by mu
	renewAt time.Time // guarded by mu; zero when the lifetime is unknown
}

func newTokens(c *Client, cfg Config, grant, endpoint string) *tokens {
	return &tokens{
		client: c, endpoint: endpoint, grant: grant,
		username: cfg.Username, password: cfg.Password, kerberos: cfg.Kerberos,
		attempt: cfg.Password.tries.of(cfg.Username),
	}
}

func (t *tokens) current() Secret {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

// due is the present token when half of its life is over.
func (t *tokens) due() (Secret, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value, !t.renewAt.IsZero() && !t.client.now().Before(t.renewAt)
}

// renew gets a new token in place of stale. Callers that come while a grant is
// under way share its result; nobody who has a token waits for them. Once the
// password was refused it is not sent again: every further call has the same
// error.
func (t *tokens) renew(ctx context.Context, stale Secret) (Secret, error) {
	if err := t.attempt.begin(ctx); err != nil {
		return Secret{}, err
	}
	var err error
	defer func() { t.attempt.end(err) }()
	if value := t.current(); value != stale {
		return value, nil
	}
	if t.attempt.refused != nil {
		return Secret{}, t.attempt.refused
	}
	var got granted
	if got, err = t.get(ctx); err != nil {
		return Secret{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.renewAt = got.token, time.Time{}
	if got.life > 0 {
		t.renewAt = t.client.now().Add(got.life / 2)
	}
	t.client.log.Debug("token granted", "grant", t.grant, "life", got.life)
	return t.value, nil
}

func (t *tokens) get(ctx context.Context) (granted, error) {
	limited, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var got granted
	var err error
	if t.grant == windowsGrant {
		got, err = t.byWindows(limited)
	} else {
		got, err = t.byPassword(limited)
	}
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = fmt.Errorf("token: %w: %w", errTimeout, archive.ErrUnavailable)
	}
	return got, err
}

// RenewalDue reports whether RenewIfDue would ask for a token.
func (c *Client) RenewalDue() bool {
	_, due := c.tokens.due()
	return due
}

// RenewIfDue gets a new token when half of the present one's life is over. The
// present one stays in use meanwhile, also when that fails, so that no request
// waits for it. Errors are those of a grant: *TokenError or the transport's.
func (c *Client) RenewIfDue(ctx context.Context) error {
	stale, due := c.tokens.due()
	if !due {
		return nil
	}
	if _, err := c.tokens.renew(ctx, stale); err != nil {
		return fmt.Errorf("ucwa: renew token: %w", err)
	}
	return nil
}
