package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"archiver/internal/archive"
)

// Accept takes an invitation up (messagingInvitation_ref.md): href is its accept
// link as read, which is absent once it may no longer be accepted. The outcome
// comes as an event. From then on the conversation belongs to this endpoint, and
// the user's others stop ringing. An invitation that is over is an *APIError
// that wraps archive.ErrNotFound or archive.ErrConflict.
func (c *Client) Accept(ctx context.Context, href string) error {
	if _, err := c.do(ctx, call{method: http.MethodPost, href: href, wait: requestTimeout}); err != nil {
		return fmt.Errorf("ucwa: accept: %w", err)
	}
	return nil
}

// AddMessaging asks for the texts of a conversation that has none yet, such as
// a meeting just joined (addMessaging_ref.md): href is the addMessaging link of
// its messaging resource as read. It sends no text of its own. What comes of it
// is a messagingInvitation in the event channel. A conversation whose messaging
// is there already is left as it is; other refusals are an *APIError.
func (c *Client) AddMessaging(ctx context.Context, href string) error {
	body, err := json.Marshal(struct {
		OperationID string `json:"operationId"` // at most 50 characters
	}{strings.ReplaceAll(uuid.NewString(), "-", "")})
	if err != nil {
		return fmt.Errorf("ucwa: add messaging: %w", err)
	}
	_, err = c.do(ctx, call{method: http.MethodPost, href: href, body: body, wait: requestTimeout})
	var api *APIError
	if errors.As(err, &api) && errors.Is(err, archive.ErrConflict) && api.Subcode == alreadyExists {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ucwa: add messaging: %w", err)
	}
	return nil
}

// alreadyExists is the subcode for what need not be done again.
const alreadyExists = "AlreadyExists"
