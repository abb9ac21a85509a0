package ucwa_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// askers are all that may need a token.
func askers() map[string]func(context.Context, *ucwa.Client, ucwa.Config) error {
	return map[string]func(context.Context, *ucwa.Client, ucwa.Config) error{
		"sign in": func(ctx context.Context, _ *ucwa.Client, cfg ucwa.Config) error {
			_, err := ucwa.SignIn(ctx, cfg)
			return err
		},
		"renew if due": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error { return c.RenewIfDue(ctx) },
		"poll": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error {
			_, err := c.Poll(ctx, "/401")
			return err
		},
		"fetch": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error {
			_, err := c.Fetch(ctx, "/403")
			return err
		},
		"application": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error {
			_, err := c.Application(ctx, "/401")
			return err
		},
		"create": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error {
			_, err := c.CreateApplication(ctx, "5f0c")
			return err
		},
		"delete": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error {
			return c.DeleteApplication(ctx, "/403")
		},
		"accept":        func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error { return c.Accept(ctx, "/401") },
		"add messaging": func(ctx context.Context, c *ucwa.Client, _ ucwa.Config) error { return c.AddMessaging(ctx, "/401") },
	}
}

// Whatever asks for a token, alone or all at once, a refused password has been
// sent once in the life of the process.
func TestARefusedPasswordIsSpentOnEveryPath(t *testing.T) {
	paths := askers()
	begin := func(t *testing.T) (*pool, *ucwa.Client, ucwa.Config) {
		p := newPool(t)
		p.handle("/401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
		p.handle("/ucwa/oauth/v1/applications", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
		p.handle("/403", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Ms-Diagnostics", "28055;reason=x")
			w.WriteHeader(403)
		})
		cfg := p.config()
		var mu sync.Mutex
		now := time.Now()
		cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		c, err := ucwa.SignIn(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		p.set(func() { p.password, p.token = "changed", "" })
		mu.Lock()
		now = now.Add(5 * time.Hour) // the token is due
		mu.Unlock()
		return p, c, cfg
	}
	for first, ask := range paths {
		t.Run(first, func(t *testing.T) {
			p, c, cfg := begin(t)
			for range 2 {
				if err := ask(t.Context(), c, cfg); !errors.Is(err, archive.ErrUnauthorized) {
					t.Errorf("error %v", err)
				}
			}
			for then, ask := range paths {
				if err := ask(t.Context(), c, cfg); !errors.Is(err, archive.ErrUnauthorized) {
					t.Errorf("then %s: %v", then, err)
				}
			}
			if grants, _ := p.counts(); grants != 2 {
				t.Errorf("%d grants, want the one that succeeded and one that was refused", grants)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		p, c, cfg := begin(t)
		var wg sync.WaitGroup
		for name, ask := range paths {
			for range 3 {
				wg.Go(func() {
					if err := ask(t.Context(), c, cfg); !errors.Is(err, archive.ErrUnauthorized) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		}
		wg.Wait()
		if grants, _ := p.counts(); grants != 2 {
			t.Errorf("%d grants, want the one that succeeded and one that was refused", grants)
		}
	})
	t.Run("another password", func(t *testing.T) {
		p, c, cfg := begin(t)
		_ = c.RenewIfDue(t.Context())
		cfg.Password = ucwa.NewSecret("changed")
		if _, err := ucwa.SignIn(t.Context(), cfg); err != nil {
			t.Error(err)
		}
		if grants, _ := p.counts(); grants != 3 {
			t.Errorf("%d grants", grants)
		}
	})
}

// While a token service thinks, requests go on with the token there is.
func TestADueRenewalBlocksNobody(t *testing.T) {
	p := newPool(t)
	var slow atomic.Bool
	asked, answer := make(chan struct{}, 9), make(chan struct{})
	parked, event := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
	})
	mux.HandleFunc("GET /user", func(w http.ResponseWriter, r *http.Request) {
		if p.signedIn(w, r) {
			writeJSON(w, 200, `{"_links":{"applications":{"href":"/applications"}}}`)
		}
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			asked <- struct{}{}
			<-answer
		}
		p.grant(w, r)
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		if !p.signedIn(w, r) {
			return
		}
		if r.URL.RawQuery == "park" {
			close(parked)
			<-event
		}
		writeJSON(w, 200, `{}`)
	})
	p.mux = mux
	cfg := p.config()
	var mu sync.Mutex
	now := time.Now()
	cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	c, err := ucwa.SignIn(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	slow.Store(true)
	mu.Lock()
	now = now.Add(5 * time.Hour)
	mu.Unlock()
	var polls, renewals sync.WaitGroup
	polls.Go(func() {
		if _, err := c.Poll(t.Context(), "/events?park"); err != nil {
			t.Error(err)
		}
	})
	<-parked
	for range 3 {
		renewals.Go(func() {
			if err := c.RenewIfDue(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	<-asked
	close(event)
	polls.Wait() // the parked one ends, and the next ones begin and end
	for range 3 {
		if _, err := c.Poll(t.Context(), "/events"); err != nil {
			t.Error(err)
		}
	}
	close(answer)
	renewals.Wait()
	if grants, _ := p.counts(); grants != 2 {
		t.Errorf("%d grants, want 2: all who found the renewal due share it", grants)
	}
	if _, err := c.Poll(t.Context(), "/events"); err != nil {
		t.Errorf("with the new token: %v", err)
	}
}

func TestTheLifeThatAServerClaims(t *testing.T) {
	for seconds, due := range map[int]bool{0: false, -5: false, 3600: true, 1<<62 - 1: false} {
		p := newPool(t)
		p.expiresIn = seconds
		now := time.Now()
		cfg := p.config()
		cfg.Now = func() time.Time { return now }
		c, err := ucwa.SignIn(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(30 * time.Minute)
		if err := c.RenewIfDue(t.Context()); err != nil {
			t.Error(err)
		}
		if grants, _ := p.counts(); (grants == 2) != due {
			t.Errorf("a life of %d s: %d grants after half an hour", seconds, grants)
		}
	}
}
