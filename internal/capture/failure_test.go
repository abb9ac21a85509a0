package capture_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/archive"
)

func TestSomebodyElseCaptures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.intercept = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			reply(w, 409, `{"code":"Conflict","subcode":"PGetReplaced"}`)
			return true
		}
		r := f.start(f.config())
		err := <-r.done
		if !errors.Is(err, archive.ErrConflict) || !strings.Contains(err.Error(), "another program captures this account") {
			t.Errorf("error %v", err)
		}
		if n := len(f.requests()); n != 1 {
			t.Errorf("fought for the channel with %d requests", n)
		}
	})
}

func TestWrongPasswordStopsAfterOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.password = "another"
		r := f.start(f.config())
		if err := <-r.done; !errors.Is(err, archive.ErrUnauthorized) {
			t.Errorf("error %v", err)
		}
		if f.grants != 1 {
			t.Errorf("%d attempts", f.grants)
		}
	})
}

func TestAPasswordThatChangesWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		pass(10 * time.Minute)
		f.set(func() { f.password = "changed" })
		pass(5 * time.Hour) // past half the token's life: it is still good
		if f.grants != 2 {
			t.Errorf("%d attempts, want the first and one renewal", f.grants)
		}
		f.set(func() { f.tokens++ }) // now it is not
		if err := <-r.done; !errors.Is(err, archive.ErrUnauthorized) {
			t.Errorf("error %v", err)
		}
		if f.grants != 2 {
			t.Errorf("%d attempts, want the first and one renewal", f.grants)
		}
		gaps := f.log.allGaps()
		if len(gaps) != 1 || gaps[0].Cause != archive.GapUnauthorized || gaps[0].To.Known() {
			t.Errorf("gaps %+v, want one that is open", gaps)
		}
	})
}

func TestATokenThatExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		pass(time.Minute)
		f.set(func() { f.tokens++ })
		pass(3 * time.Minute)
		f.say(message(1))
		pass(time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if gaps := f.log.allGaps(); len(gaps) != 0 || f.grants != 2 {
			t.Errorf("%d grants, gaps %+v", f.grants, gaps)
		}
	})
}

func TestThrottling(t *testing.T) {
	for header, least := range map[string]time.Duration{"": 10 * time.Second, "60": time.Minute, "date": time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			var times []time.Time
			f.intercept = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				times = append(times, time.Now())
				w.Header().Set("Retry-After", header)
				if header == "date" { // by the clock of a server that is an hour behind
					w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
					w.Header().Set("Retry-After", time.Now().Add(time.Minute-time.Hour+time.Second).UTC().Format(http.TimeFormat))
				}
				w.WriteHeader(429)
				return true
			}
			r := f.start(f.config())
			pass(10 * time.Minute)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			for i := range times[1:] {
				if waited := times[i+1].Sub(times[i]); waited < least {
					t.Errorf("Retry-After %q: asked again after %s", header, waited)
				}
			}
			if len(times) < 8 {
				t.Errorf("asked %d times", len(times))
			}
		})
	}
}

func TestAStormOfFailuresIsNotAnsweredWithOne(t *testing.T) {
	for _, status := range []int{204, 302, 400, 401, 403, 404, 408, 500, 502, 503, 504} {
		for _, body := range []string{"", `{"code":"Something"}`} {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				f.intercept = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
					if body != "" && status != 204 {
						w.Header().Set("Content-Type", "application/json")
					}
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
					return true
				}
				r := f.start(f.config())
				pass(time.Hour)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				// A refused token means to sign in anew, which takes more requests.
				n, least := len(f.requests()), 120
				if status == 401 || status == 403 {
					least = 40
				}
				if n < least || n > 360 {
					t.Errorf("%d %s: %d requests in an hour, want two to six a minute", status, body, n)
				}
				f.polite(t, fmt.Sprint(status, " ", body))
				if f.apps != 1 {
					t.Errorf("%d %s: %d applications, %d grants", status, body, f.apps, f.grants)
				}
			})
		}
	}
}

// polite checks that in no minute there were more requests than six, the last
// of them counted from the first minute's end: that began before the trouble.
func (f *front) polite(t *testing.T, what string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	late := f.times
	for len(late) > 0 && late[0].Before(f.times[0].Add(time.Minute)) {
		late = late[1:]
	}
	for i := range late {
		n := 0
		for _, at := range late[i:] {
			if at.Sub(late[i]) < time.Minute {
				n++
			}
		}
		if n > 6 {
			t.Errorf("%s: %d requests in the minute from %s", what, n, late[i].Sub(f.times[0]))
			return
		}
	}
}

func TestAnApplicationThatEndsAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.intercept = func(http.ResponseWriter, *http.Request, int) bool { f.gone = true; return false }
		r := f.start(f.config())
		pass(time.Hour)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if f.apps < 60 || f.apps > 180 {
			t.Errorf("%d applications in an hour", f.apps)
		}
		f.polite(t, "gone")
	})
}

func TestAUserWhoIsMovedToAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		r := f.start(f.config())
		f.say(message(1))
		pass(time.Second)
		f.set(func() {
			f.port = "81" // discovery leads there, and 80 has no channel any more
			f.intercept = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !strings.HasSuffix(r.Host, ":81") {
					w.WriteHeader(503)
				}
				return !strings.HasSuffix(r.Host, ":81")
			}
		})
		pass(20 * time.Minute)
		f.say(message(2))
		pass(time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		obs := f.log.observations(archive.SourceCapture)
		if last := obs[len(obs)-1]; !strings.HasPrefix(last.URL, origin+":81/") || !strings.Contains(string(last.Body), "text+2") {
			t.Errorf("last observation %s", last.URL)
		}
	})
}

func TestEmptyAnswersWithoutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.intercept = func(w http.ResponseWriter, _ *http.Request, ack int) bool {
			reply(w, 200, f.links("next", ack+1, nil))
			return true
		}
		r := f.start(f.config())
		pass(time.Hour)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if n := len(f.requests()); n > 400 {
			t.Errorf("%d requests in an hour", n)
		}
	})
}
