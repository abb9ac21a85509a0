package ucwatest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"archiver/internal/ucwa/ucwatest"
)

// A P-GET is parked for 180 s; a timeout that the client asks for holds for the
// requests after it too (EventChannelDetails.md).
func TestTimeoutSticks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := parse(t, "live\nafter 1h\nempty\n")
		c := enter(t, ucwatest.New(sc), sc)
		for i, step := range []struct {
			query string
			want  time.Duration
		}{{"", 180 * time.Second}, {"&timeout=200&low=5&medium=5", 200 * time.Second}, {"", 200 * time.Second}} {
			c.next += step.query
			start := time.Now()
			w, v := c.poll()
			if got := time.Since(start); got != step.want {
				t.Errorf("poll %d%s was parked for %s, want %s", i, step.query, got, step.want)
			}
			if senders, ok := v["sender"].([]any); !ok || len(senders) > 0 {
				t.Errorf("an empty answer: %s", w.Body)
			}
		}
	})
}

func TestOmitSender(t *testing.T) {
	sc := parse(t, "at 2026-03-02T09:00:00Z\nempty\n")
	c := enter(t, ucwatest.New(sc, ucwatest.Options{OmitSender: true}), sc)
	if w, v := c.poll(); v["sender"] != nil || href(v, "next") == "" {
		t.Errorf("answered %s, want next and no sender", w.Body)
	}
}

// What happens live happens after its delay, however often the client asks in
// between, and bears the time of its release.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := parse(t, "at -3h\ninvite k bo Hello\naccept k\nlive\nafter 9m\nsay k bo now\n")
		s := ucwatest.New(sc)
		c := enter(t, s, sc)
		start, empty := time.Now(), 0
		for {
			w, v := c.poll()
			body := w.Body.String()
			if strings.Contains(body, ",now") {
				waited := time.Since(start)
				if waited < 9*time.Minute || waited > 9*time.Minute+10*time.Second {
					t.Errorf("it came after %s, want 9m", waited)
				}
				sent := v["sender"].([]any)[0].(map[string]any)["events"].([]any)[0].(map[string]any)["_embedded"].(map[string]any)["message"].(map[string]any)
				if want := fmt.Sprintf("/Date(%d)/", time.Now().UnixMilli()); sent["timeStamp"] != want {
					t.Errorf("time stamp %v", sent["timeStamp"])
				}
				if got := s.Now(); !got.Equal(time.Now()) {
					t.Errorf("after the history the clock shows %s, want %s", got, time.Now())
				}
				break
			}
			if told, _ := events(v); len(told) == 0 {
				empty++
			}
		}
		if empty < 2 {
			t.Errorf("%d empty answers in nine minutes", empty)
		}
	})
}

// The clock jumps to the time of each batch; Date says so.
func TestHistoryHasItsTime(t *testing.T) {
	sc := parse(t, "at 2026-03-02T09:00:00Z\nempty\nafter 26h\nempty\n")
	s := ucwatest.New(sc)
	c := enter(t, s, sc)
	for _, want := range []string{"Mon, 02 Mar 2026 09:00:00 GMT", "Tue, 03 Mar 2026 11:00:00 GMT"} {
		if w, _ := c.poll(); w.Header().Get("Date") != want {
			t.Errorf("Date %q, want %q", w.Header().Get("Date"), want)
		}
	}
	if got := s.Now().Format(time.DateOnly); got != "2026-03-03" {
		t.Errorf("the clock shows %s", got)
	}
}

func TestDetours(t *testing.T) {
	sc := parse(t, "at 2026-03-02T09:00:00Z\npresence\nresync\nresume\ninvite k bo Hi\n")
	c := enter(t, ucwatest.New(sc), sc)
	c.poll()
	asked := c.next
	if w, v := c.poll(); href(v, "resync") != asked || href(v, "next") != "" || v["sender"] != nil {
		t.Errorf("resync: %s", w.Body)
	}
	w, v := c.poll()
	if href(v, "resume") == "" || href(v, "next") != "" {
		t.Errorf("resume: %s", w.Body)
	}
	if w, v := c.poll(); !strings.Contains(w.Body.String(), "messagingInvitation") || !strings.HasSuffix(href(v, "self"), "ack=3") {
		t.Errorf("after the resume: %s", w.Body)
	}
}

func TestPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := parse(t, "live\nafter 1h\nempty\n")
		c := enter(t, ucwatest.New(sc), sc)
		first := make(chan int)
		go func() { first <- c.do("GET", c.next+"&priority=2", "").Code }()
		synctest.Wait()
		if status := c.do("GET", c.next+"&priority=1", "").Code; status != http.StatusConflict {
			t.Errorf("a newer poll of less priority got %d, want 409", status)
		}
		go c.do("GET", c.next+"&priority=2", "")
		if status := <-first; status != http.StatusConflict {
			t.Errorf("the older of two equal polls got %d, want 409", status)
		}
	})
}

// A raw body arrives as it stands in the scenario. One without {next} takes no
// number: whoever asks again gets what comes after it.
func TestRaw(t *testing.T) {
	const odd = "{\"sender\":[{\"a\":\"\xff\xfe\",\"a\":1"
	sc, err := ucwatest.ParseScenario("raw", []byte("Odd.\n-- script --\naccount ana@contoso.example Ana\nat 2026-03-02T09:00:00Z\nraw odd\nraw page type=text/html\nempty\n-- odd --\n"+odd+"\n-- page --\n<p>\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := ucwatest.New(sc)
	c := enter(t, s, sc)
	if w, _ := c.poll(); w.Body.String() != odd {
		t.Errorf("sent %q, want %q", w.Body, odd)
	}
	if w, _ := c.poll(); w.Body.String() != "<p>" || w.Header().Get("Content-Type") != "text/html" {
		t.Errorf("sent %q as %q", w.Body, w.Header())
	}
	if w, v := c.poll(); !strings.HasSuffix(href(v, "self"), "ack=1") {
		t.Errorf("after odd bodies: %s", w.Body)
	}
	if n := len(s.Acked()); n != 0 {
		t.Errorf("%d acknowledged bodies without a number", n)
	}
}

// A client that lost the answer gets the same bytes, whether they were lost
// before, in or after the body; nothing is acknowledged meanwhile.
func TestFaultsOfTheNetwork(t *testing.T) {
	for name, f := range map[string]ucwatest.Fault{
		"before": {Drop: true}, "not done": {Drop: true, Skip: true}, "inside": {Cut: true}, "after": {Close: true}, "status": {Status: 502},
	} {
		t.Run(name, func(t *testing.T) {
			broken := false
			s := ucwatest.NewServer(parse(t, "at 2026-03-02T09:00:00Z\npresence\nempty\n"), ucwatest.Options{Hold: 50 * time.Millisecond,
				Fault: func(r *http.Request) ucwatest.Fault {
					if broken || !strings.HasSuffix(r.URL.Path, "/events") {
						return ucwatest.Fault{}
					}
					broken = true
					return f
				}})
			defer s.Close()
			c, next := signIn(t, s)
			status, first := c.raw("GET", next, "")
			if want := map[string]int{"inside": -1, "after": 200, "status": 502}[name]; status != want {
				t.Errorf("the faulty answer came as %d, want %d", status, want)
			}
			if n := len(s.Acked()); n != 0 {
				t.Errorf("%d batches acknowledged", n)
			}
			status, whole := c.raw("GET", next, "")
			if status != 200 || !strings.Contains(string(whole), "presence") || name == "after" && string(first) != string(whole) {
				t.Errorf("asked again: %d %s", status, whole)
			}
		})
	}
}

// A body that is acknowledged is listed as it was sent.
func TestAcked(t *testing.T) {
	sc := parse(t, "at 2026-03-02T09:00:00Z\npresence\ninvite k bo Hi\n")
	s := ucwatest.New(sc)
	c := enter(t, s, sc)
	var sent []string
	for range 3 {
		w, _ := c.poll()
		sent = append(sent, w.Body.String())
	}
	var acked []string
	for i, d := range s.Acked() {
		acked = append(acked, string(d.Body))
		if d.Ack != i+1 || d.Application != c.app {
			t.Errorf("delivery %d is ack %d of %s", i, d.Ack, d.Application)
		}
	}
	if !slices.Equal(acked, sent[:2]) {
		t.Errorf("acknowledged %d bodies %q, want the first two of %q", len(acked), acked, sent)
	}
}
