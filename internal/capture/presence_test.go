package capture_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

const app1Base = "/ucwa/oauth/v1/applications/1"

// invitation is an event about an incoming invitation; accept says whether it
// can be taken up yet or still.
func invitation(typ, rel, name string, accept bool, more string) string {
	link := ""
	if accept {
		link = fmt.Sprintf(`,"accept":{"href":"%[1]s/%[2]s/accept"},"decline":{"href":"%[1]s/%[2]s/decline"}`, app1Base, name)
	}
	return fmt.Sprintf(`{"type":%[1]q,"link":{"rel":%[2]q,"href":"%[4]s/%[3]s"},"_embedded":{%[2]q:{"rel":%[2]q,"direction":"Incoming","state":"Connecting",
		"_links":{"self":{"href":"%[4]s/%[3]s"},"conversation":{"href":"%[4]s/%[3]s/talk"}%[5]s}}}%[6]s}`, typ, rel, name, app1Base, link, more)
}

// posts are the requests that change something, but for signing in.
func (f *front) posts() (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if path, ok := strings.CutPrefix(c, "POST "+app1Base+"/"); ok && path != "reportMyActivity" {
			out = append(out, path)
		}
	}
	return out
}

func TestPresence(t *testing.T) {
	meeting := app1Base + "/meet/talk"
	for _, tt := range []struct {
		presence capture.Presence
		posts    []string
	}{
		{"", []string{"makeMeAvailable"}},
		{capture.PresenceAvailable, []string{"makeMeAvailable"}},
		{capture.PresenceObserve, nil},
		{capture.PresenceAccept, []string{"makeMeAvailable", "im/accept", "bare/accept", "meet/accept", "meet/addMessaging"}},
	} {
		t.Run(string(tt.presence), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				f.resources[meeting] = `{"rel":"conversation","_links":{"messaging":{"href":"` + meeting + `/messaging"}}}`
				f.resources[meeting+"/messaging"] = `{"rel":"messaging","_links":{"addMessaging":{"href":"` + app1Base + `/meet/addMessaging"}}}`
				f.resources[app1Base+"/bare"] = `{"rel":"messagingInvitation","direction":"Incoming","_links":{"self":{"href":"` + app1Base + `/bare"},"accept":{"href":"` + app1Base + `/bare/accept"}}}`
				cfg := f.config()
				cfg.Presence = tt.presence
				r := f.start(cfg)
				for _, e := range []string{
					invitation("started", "messagingInvitation", "im", true, ""),
					invitation("updated", "messagingInvitation", "im", true, ""), // again, before the answer is known
					invitation("started", "messagingInvitation", "late", false, ""),
					invitation("started", "phoneAudioInvitation", "phone", true, ""),
					strings.Replace(invitation("started", "messagingInvitation", "out", true, ""), "Incoming", "Outgoing", 1),
					bare("started", "messagingInvitation", app1Base+"/bare", ""),
					invitation("started", "onlineMeetingInvitation", "meet", true, ""),
					invitation("completed", "onlineMeetingInvitation", "meet", false, `,"status":"Success"`),
					invitation("completed", "onlineMeetingInvitation", "other", false, `,"status":"Success"`),
				} {
					f.say(e)
					pass(time.Second)
				}
				pass(4 * time.Minute)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tt.posts, f.posts()); d != "" {
					t.Error(d)
				}
				if n := f.count("reportMyActivity"); (n > 0) != (tt.presence != capture.PresenceObserve) {
					t.Errorf("activity reported %d times", n)
				}
				kept := slices.ContainsFunc(f.log.observations(archive.SourceFetch), func(o archive.Observation) bool { return strings.HasSuffix(o.URL, "/messaging") })
				if kept != (tt.presence == capture.PresenceAccept) {
					t.Errorf("the meeting's messaging is kept: %v", kept)
				}
			})
		})
	}
}

// An invitation rings for half a minute: a failure is tried again, one that is
// over is not, and the channel waits for neither.
func TestAcceptingFails(t *testing.T) {
	for _, tt := range []struct {
		status, tries int
		body          string
	}{{500, 4, `{"code":"ServiceFailure"}`}, {404, 1, `{"code":"NotFound"}`}, {409, 1, `{"code":"Conflict"}`}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			tries := 0
			f.answering("/accept", func(w http.ResponseWriter, _ *http.Request) {
				tries++
				time.Sleep(5 * time.Second)
				reply(w, tt.status, tt.body)
			})
			cfg := f.config()
			cfg.Presence = capture.PresenceAccept
			r := f.start(cfg)
			f.say(invitation("started", "messagingInvitation", "im", true, ""))
			pass(time.Second)
			f.say(message(1))
			pass(time.Second)
			if n := len(f.log.observations(archive.SourceCapture)); n != 2 {
				t.Errorf("%d batches while an invitation is being accepted, want 2", n)
			}
			pass(time.Minute)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			if tries != tt.tries {
				t.Errorf("%d: tried %d times, want %d", tt.status, tries, tt.tries)
			}
		})
	}
}

func TestNothingIsAcceptedBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		cfg := f.config()
		cfg.Presence = capture.PresenceAccept
		r := f.start(cfg)
		f.log.set(func() { f.log.fail = func(string) (bool, error) { return false, errDisk } })
		f.say(invitation("started", "messagingInvitation", "im", true, ""))
		pass(time.Minute)
		if n := f.count("/accept"); n != 0 {
			t.Errorf("accepted %d times before the invitation was in the log", n)
		}
		f.log.set(func() { f.log.fail = nil })
		pass(time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if n := f.count("/accept"); n != 1 {
			t.Errorf("accepted %d times", n)
		}
	})
}

func TestAPresenceThatThereIsNot(t *testing.T) {
	err := capture.Run(t.Context(), capture.Config{Presence: "Online", Log: &memory{}})
	if !errors.Is(err, archive.ErrInvalid) || !strings.Contains(err.Error(), "observe") {
		t.Errorf("error %v", err)
	}
}

func TestDescribe(t *testing.T) {
	for _, p := range capture.Presences() {
		text := capture.Describe(p, "Busy")
		for _, word := range []string{"(" + string(p) + ")", "Contacts see", "Missed: "} {
			if !strings.Contains(text, word) {
				t.Errorf("%s: does not say %q: %s", p, word, text)
			}
		}
		if strings.Contains(text, "Busy") != (p != capture.PresenceObserve) {
			t.Errorf("%s: %s", p, text)
		}
	}
}

// A conversation that is answered in another client is a gap of its own, from
// its invitation to its end, and no interruption of capture.
func TestAConversationThatGoesOnElsewhere(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			r := f.start(f.config())
			pass(time.Minute)
			f.say(invitation("started", "messagingInvitation", "im", true, ""))
			began := archive.At(time.Now())
			pass(10 * time.Second)
			f.log.set(func() { f.log.fail = func(string) (bool, error) { return true, errDisk } })
			f.say(invitation("completed", "messagingInvitation", "im", false,
				`,"status":"Failure","reason":{"code":"LocalFailure","subcode":"ConnectedElsewhere"}`))
			pass(500 * time.Millisecond)
			f.log.set(func() { f.log.fail = nil })
			pass(time.Minute)
			gap := archive.Gap{ID: 1, Account: account, Cause: archive.GapElsewhere, From: began, AtRisk: true, After: 1, Conversation: app1Base + "/im/talk"}
			elsewhere := func() (out []archive.Gap) {
				for _, g := range f.log.allGaps() {
					if g.Conversation != "" {
						out = append(out, g)
					}
				}
				return out
			}
			if d := cmp.Diff([]archive.Gap{gap}, elsewhere()); d != "" {
				t.Error(d)
			}
			if restart {
				_ = r.stop()
				r = f.start(f.config())
			}
			f.say(`{"type":"deleted","link":{"rel":"conversation","href":"` + app1Base + `/other/talk"}}`)
			f.say(`{"type":"deleted","link":{"rel":"conversation","href":"` + app1Base + `/im/talk"}}`)
			gap.To = archive.At(time.Now())
			gap.Seconds = gap.To.Sub(gap.From.Time).Seconds()
			pass(time.Second)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]archive.Gap{gap}, elsewhere()); d != "" {
				t.Error(d)
			}
		})
	}
}

// A copy of an archive captures through the same application: whoever asked
// first stops, and neither fights.
func TestTwoCapturesOfOneApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		first := f.start(f.config())
		f.say(message(1))
		pass(time.Minute)
		copied := f.config()
		second := &memory{cursors: slices.Clone(f.log.cursors)}
		copied.Log = second
		r := f.start(copied)
		pass(2 * time.Second)
		select {
		case err := <-first.done:
			if !errors.Is(err, archive.ErrConflict) || !strings.Contains(err.Error(), "another program captures") {
				t.Errorf("the first ended with %v", err)
			}
		default:
			t.Error("the first goes on")
		}
		asked := len(f.requests())
		pass(time.Minute)
		if n := len(f.requests()) - asked; n != 0 {
			t.Errorf("%d requests after the conflict", n)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if gaps := f.log.allGaps(); len(gaps) != 1 || gaps[0].Cause != archive.GapStopped || gaps[0].To.Known() {
			t.Errorf("gaps %+v, want one that is open", gaps)
		}
	})
}

// A 409 for a request that we left behind ourselves is none of anybody else.
func TestOurOwnRequestIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		step := 0
		f.intercept = func(w http.ResponseWriter, _ *http.Request, ack int) bool {
			if ack != 2 {
				return false
			}
			switch step++; step {
			case 1:
				panic(http.ErrAbortHandler)
			case 2:
				reply(w, 409, `{"code":"Conflict","subcode":"PGetReplaced"}`)
				return true
			}
			return false
		}
		r := f.start(f.config())
		f.say(message(1))
		pass(10 * time.Second)
		f.say(message(2))
		pass(time.Second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if n := len(f.log.observations(archive.SourceCapture)); n != 2 {
			t.Errorf("%d batches", n)
		}
	})
}
