package capture

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// PolicyError is an administrator's wish that stands in the way of capture
// until the operator has said that he knows of it. It wraps archive.ErrInvalid.
type PolicyError struct {
	Name, Value string // as the server has them
}

// Error says what the wish is and how to go on.
func (e *PolicyError) Error() string {
	return fmt.Sprintf("the administrator does not want conversations of this account to be saved (policy %s is %s); "+
		"if they may be archived all the same, say so once with --policy-acknowledged", e.Name, e.Value)
}

// Unwrap is archive.ErrInvalid.
func (*PolicyError) Unwrap() error { return archive.ErrInvalid }

// unwanted is the value by which an administrator says no.
const unwanted = "Disabled"

// objection is a policy that changed while capture ran; nil while none did.
type objection struct{ err atomic.Pointer[PolicyError] }

// policy asks for the policies of an application that was just created, before
// its first P-GET, and returns what the log is to keep of that. An answer other
// than the policies is no reason not to capture.
func (r *recorder) policy(ctx context.Context, app ucwa.Application, capture string) ([]archive.Observation, error) {
	if app.PoliciesURL == "" {
		r.policyAsked = true
		return nil, nil
	}
	asking, _ := r.admit(ctx, 1)
	resp, err := r.client.Fetch(asking, app.PoliciesURL)
	var api *ucwa.APIError
	if errors.As(err, &api) && api.FromUCWA {
		r.policyAsked = true
		r.log.Warn("policies unknown", "err", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := r.decided(r.obey(ctx, resp.Body)); err != nil {
		var refused *PolicyError
		if errors.As(err, &refused) && !app.Existing { // else it may hold what was not acknowledged yet
			r.withdraw(ctx, app.URL)
		}
		return nil, err
	}
	o := r.observation(capture, archive.SourceFetch, resp)
	for rel, url := range map[string]string{"me": app.MeURL, "communication": app.CommunicationURL} {
		if url != "" {
			o.Wants = append(o.Wants, archive.Link{Rel: rel, Href: url})
		}
	}
	return []archive.Observation{o}, nil
}

// policyOfOld asks for the policies of an application that goes on, where no
// policy of the account was ever seen. Once is enough: a server that tells none
// would be asked whenever it is in trouble.
func (r *recorder) policyOfOld(ctx context.Context) error {
	if known, err := r.policyKnown(ctx); known || err != nil {
		return err
	}
	r.policyAsked = true
	asking, _ := r.admit(ctx, 1)
	app, err := r.client.Application(asking, r.cursor.Application)
	if err != nil {
		return nil // the P-GET will tell what is wrong, and a new application asks
	}
	told, err := r.policy(ctx, app, r.cursor.Capture)
	var refused *PolicyError
	if errors.As(err, &refused) {
		return err
	}
	if err != nil || len(told) == 0 {
		return nil // likewise
	}
	return r.save(ctx, told, r.cursor)
}

// policyKnown decides by what the archive knows of the policy, if it does.
func (r *recorder) policyKnown(ctx context.Context) (known bool, err error) {
	if r.policyAsked {
		return true, nil
	}
	all, err := r.cfg.Log.Policies(ctx, r.cfg.Account)
	if err != nil {
		return false, storageError{err}
	}
	for _, p := range all {
		if p.Name == archive.SaveMessagingHistory {
			return true, r.decided(r.decide(ctx, p))
		}
	}
	return false, nil
}

// decided classes the error of a decision for the loop.
func (r *recorder) decided(err error) error {
	var refused *PolicyError
	switch {
	case err == nil:
		r.policyAsked = true
		return nil
	case errors.As(err, &refused):
		return fatalError{err}
	}
	return storageError{err}
}

// obey reads policies and notes those that concern the archive. The error is a
// *PolicyError, or one of the log. It may be called from any goroutine.
func (r *recorder) obey(ctx context.Context, body []byte) error {
	var p ucwa.Policies
	if err := ucwa.Parse(ucwa.TrimBOM(body), &p); err != nil || p.SaveMessagingHistory == "" {
		return nil // nothing said
	}
	ctx, cancel := r.committing(ctx)
	defer cancel()
	seen, err := r.cfg.Log.SeePolicy(ctx, archive.Policy{Account: r.cfg.Account, Name: archive.SaveMessagingHistory,
		Value: p.SaveMessagingHistory, Seen: r.now()})
	if err != nil {
		return err
	}
	return r.decide(ctx, seen)
}

// decide is a *PolicyError for a wish that nobody has acknowledged.
func (r *recorder) decide(ctx context.Context, p archive.Policy) error {
	if p.Value != unwanted || p.Acknowledged.Known() {
		return nil
	}
	if !r.cfg.PolicyAcknowledged {
		return &PolicyError{Name: p.Name, Value: p.Value}
	}
	r.log.Warn("the administrator does not want history; the operator has acknowledged that", "policy", p.Name)
	return r.cfg.Log.AcknowledgePolicy(ctx, r.cfg.Account, p.Name, r.now())
}

// changed looks at policies that came while capture runs.
func (r *recorder) changed(ctx context.Context, body []byte) {
	err := r.obey(ctx, body)
	var refused *PolicyError
	if errors.As(err, &refused) {
		r.objection.err.Store(refused)
	} else if err != nil {
		r.log.Error("note policies", "err", err)
	}
}

// withdraw ends an application that will not be used.
func (r *recorder) withdraw(ctx context.Context, url string) {
	if err := r.client.DeleteApplication(ctx, url); err != nil {
		r.log.Warn("sign out", "err", err)
	}
}
