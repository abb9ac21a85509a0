package ucwa_test

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"testing"

	"archiver/internal/archive"
)

func TestAcceptAndAddMessaging(t *testing.T) {
	p := newPool(t)
	var bodies []string
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if !p.signedIn(w, r) {
				return
			}
			b, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(b))
			writeJSON(w, status, body)
		}
	}
	p.handle("POST /accept", answer(204, ""))
	p.handle("POST /over", answer(409, `{"code":"Conflict","subcode":"AlreadyExists"}`))
	p.handle("POST /add", answer(201, ""))
	p.handle("POST /alone", answer(409, `{"code":"Conflict","subcode":"None"}`))
	c := p.signIn(t)
	ctx := t.Context()
	if err := errors.Join(c.Accept(ctx, "/accept"), c.AddMessaging(ctx, "/add")); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 2 || bodies[0] != "" || !regexp.MustCompile(`^\{"operationId":"[0-9a-f]{32}"\}$`).MatchString(bodies[1]) {
		t.Errorf("sent %q", bodies)
	}
	if err := c.Accept(ctx, "/over"); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("an invitation that is over: %v", err)
	}
	if err := c.AddMessaging(ctx, "/over"); err != nil {
		t.Errorf("messaging that is there: %v", err)
	}
	if err := c.AddMessaging(ctx, "/alone"); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("a refusal: %v", err)
	}
	for _, href := range []string{"", "https://evil.example/accept", "//evil.example/"} {
		if err := errors.Join(c.Accept(ctx, href)); !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("accept at %q: %v", href, err)
		}
		if err := errors.Join(c.AddMessaging(ctx, href)); !errors.Is(err, archive.ErrInvalid) {
			t.Errorf("add at %q: %v", href, err)
		}
	}
}
