package ucwa

import (
	"context"
	"errors"
	"strings"
	"sync"

	"archiver/internal/archive"
)

// tries are the attempts to sign in with one password, by user. A server counts
// wrong ones towards locking the account, so there is one at a time and none
// after a refusal, however many clients share the password.
type tries struct {
	mu     sync.Mutex
	byUser map[string]*attempt // guarded by mu; keys in lower case
}

// of is the attempt of a user. Without a password nothing is shared.
func (t *tries) of(user string) *attempt {
	if t == nil {
		return newAttempt()
	}
	user = strings.ToLower(user)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byUser == nil {
		t.byUser = make(map[string]*attempt)
	}
	if t.byUser[user] == nil {
		t.byUser[user] = newAttempt()
	}
	return t.byUser[user]
}

type attempt struct {
	turn    chan struct{} // holds one element while an attempt is under way
	refused error         // belongs to who holds the turn; set by the first refusal
}

func newAttempt() *attempt { return &attempt{turn: make(chan struct{}, 1)} }

// begin waits for the turn. The caller has to call end.
func (a *attempt) begin(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end gives the turn back, remembering err when it is a refusal.
func (a *attempt) end(err error) {
	if a.refused == nil && errors.Is(err, archive.ErrUnauthorized) {
		a.refused = err
	}
	<-a.turn
}
