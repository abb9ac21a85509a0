package capture_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// ended is what a run has ended with, nil while it goes on.
func (r *running) ended() error {
	select {
	case err := <-r.done:
		return err
	default:
		return nil
	}
}

func TestAnAdministratorWhoWantsNoHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.policy = "Disabled"
		r := f.start(f.config())
		pass(time.Minute)
		err := r.ended()
		var refused *capture.PolicyError
		if !errors.As(err, &refused) || refused.Value != "Disabled" || !strings.Contains(err.Error(), "--policy-acknowledged") {
			t.Fatalf("ended with %v", err)
		}
		if len(f.requests()) != 0 || !f.gone {
			t.Errorf("asked %q of the channel; application ended: %v", f.requests(), f.gone)
		}
		if f.log.capturing[account] {
			t.Error("it says that it captures")
		}

		cfg := f.config()
		cfg.PolicyAcknowledged = true
		r = f.start(cfg)
		f.say(message(1))
		pass(time.Minute)
		at := f.log.wishes[0].Acknowledged
		if err := r.stop(); err != nil || !at.Known() {
			t.Fatalf("acknowledged at %s, ended with %v", at, err)
		}

		pass(time.Hour)
		f.set(func() { f.gone = true })
		r = f.start(f.config()) // it was said once
		f.say(message(2))
		pass(time.Minute)
		if err := r.stop(); err != nil || f.log.wishes[0].Acknowledged != at {
			t.Errorf("asked twice: %v", err)
		}
		if n := len(f.history); n != 2 {
			t.Errorf("%d events", n)
		}
		kept := 0
		for _, o := range f.log.observations(archive.SourceFetch) {
			if strings.HasSuffix(o.URL, "/policies") || strings.HasSuffix(o.URL, "/me") {
				kept++
			}
		}
		if kept != 4 {
			t.Errorf("%d observations of policies and me, want two of each", kept)
		}
	})
}

func TestAPolicyThatChanges(t *testing.T) {
	for _, embedded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			f.policy = "Enabled"
			r := f.start(f.config())
			pass(time.Minute)
			wish := `{"rel":"policies","saveMessagingHistory":"Disabled"}`
			f.set(func() { f.resources[app1Base+"/policies"] = wish })
			event := bare("updated", "policies", app1Base+"/policies", "")
			if embedded {
				event = `{"type":"updated","link":{"rel":"policies","href":"/p"},"_embedded":{"policies":` + wish + `}}`
			}
			f.say(event)
			pass(time.Second)
			f.say(message(1)) // the next answer
			pass(time.Minute)
			var refused *capture.PolicyError
			if err := r.ended(); !errors.As(err, &refused) {
				t.Fatalf("ended with %v", err)
			}
			r = f.start(f.config())
			pass(time.Second)
			if err := r.ended(); !errors.As(err, &refused) {
				t.Errorf("started again, it ended with %v", err)
			}
			cfg := f.config()
			cfg.PolicyAcknowledged = true
			r = f.start(cfg)
			pass(time.Minute)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A server that does not tell its policies is captured from.
func TestPoliciesThatAreNotTold(t *testing.T) {
	for _, status := range []int{404, 403, 500} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			f.policy = "Enabled"
			f.answering("/policies", func(w http.ResponseWriter, _ *http.Request) { reply(w, status, `{"code":"NotFound"}`) })
			r := f.start(f.config())
			f.say(message(1))
			pass(time.Minute)
			if err := r.stop(); err != nil || len(f.log.observations(archive.SourceCapture)) != 1 {
				t.Errorf("%d: not captured: %v", status, err)
			}
		})
	}
}

// An archive from before policies were asked for asks once its application goes on.
func TestThePolicyOfAnApplicationThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		pass(time.Minute)
		_ = r.stop()
		f.set(func() { f.policy = "Disabled" })
		asked := len(f.requests())
		r = f.start(f.config())
		pass(time.Second)
		var refused *capture.PolicyError
		if err := r.ended(); !errors.As(err, &refused) || len(f.requests()) != asked {
			t.Errorf("asked %d times, ended with %v", len(f.requests())-asked, err)
		}
	})
}
