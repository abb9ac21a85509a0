package ucwatest_test

import (
	"encoding/base64"
	"encoding/binary"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

// batches polls until n batches have come and lists what each tells.
func batches(t *testing.T, script string, n int) (told [][]string, bodies []string, c *inside) {
	t.Helper()
	sc := parse(t, "at 2026-03-02T09:00:00Z\n"+script)
	c = enter(t, ucwatest.New(sc), sc)
	for range n {
		w, v := c.poll()
		events, _ := events(v)
		told, bodies = append(told, events), append(bodies, w.Body.String())
	}
	return told, bodies, c
}

// The order of recorded traffic (ReceiveAnIM.md, SendAnIM.md, the log of a
// declined invitation).
func TestOrderOfEvents(t *testing.T) {
	came := []string{"started messagingInvitation Connecting", "added conversation Incoming", "added localParticipant"}
	over := []string{"updated messaging Disconnected", "deleted localParticipant", "deleted conversation"}
	for name, test := range map[string]struct {
		script string
		want   [][]string
	}{
		"declined": {"invite k bo Hi\ndecline k\n", [][]string{came, {"added participant"}, {"completed messagingInvitation Failed"}, over}},
		"accepted": {"invite k bo Hi\naccept k\nsay k me Ho\nend k\n", [][]string{came, {"added participant"},
			{"updated messagingInvitation Connecting"},
			{"updated messaging Connected", "updated conversation Connected", "added participantMessaging in localParticipant",
				"added participantMessaging in participant", "updated participant", "completed messagingInvitation Connected"},
			{"completed message", "updated conversation Connected"}, {"completed message"},
			append([]string{"deleted participant"}, over...)}},
		"outgoing": {"start k bo Hi\naccept k\n", [][]string{
			{"started messagingInvitation Connecting", "added conversation Connecting", "added localParticipant", "updated messaging Connecting"},
			{"updated conversation Connected", "added participant", "added participantMessaging in participant",
				"added participantMessaging in localParticipant", "updated messaging Connected", "completed messagingInvitation Connected"}}},
		"group": {"invite k bo Hi\naccept k\nbatch\njoin k bo role=Leader\nsend\nsubject k New\n", [][]string{came, {"added participant"},
			{"updated messagingInvitation Connecting"}, nil, nil,
			{"updated conversation Conferencing", "added onlineMeeting", "updated conversation Conferenced", "added participant", "added participant in leaders"},
			{"updated conversation Conferenced"}}},
		"typing": {"batch\ninvite k bo Hi\ntyping k bo\nsend\n", [][]string{append(slices.Clone(came), "added participant",
			"added participant in typingParticipants", "deleted participant in typingParticipants")}},
	} {
		t.Run(name, func(t *testing.T) {
			told, _, _ := batches(t, test.script, len(test.want))
			for i, want := range test.want {
				if want != nil && !slices.Equal(told[i], want) {
					t.Errorf("batch %d tells\n%q, want\n%q", i+1, told[i], want)
				}
			}
		})
	}
}

func TestShapes(t *testing.T) {
	for script, wants := range map[string][]string{
		"invite k bo \"café 100% +1\\r\\n\"\n": {`data:text/plain;charset=utf-8,caf%c3%a9+100%25+%2b1%0d%0a"`, `/accept"`, `/decline"`},
		"start k bo Hi\n":                      {`"direction":"Outgoing"`, `"operationId":"`, `/messaging/terminate"`},
		"presence\n":                           {`:"please pass this in a PUT request","supportedModalities":["Messaging"]`, `"supportedMessageFormats":["Plain","Html"]`},
		"unknown hologram\n":                   {`"rel":"hologram"`, `"state":"Peculiar"`},
		"batch\ninvite k bo Hi\nsay k me Secret text=none\nsend\n":             {`"direction":"Outgoing"`, `"status":"Success"`},
		"batch\ninvite k bo Hi\nsay k bo x html=\"<b>x</b>\"\nsend\n":          {`"htmlMessage":{"href":"data:text/html;charset=utf-8,%3cb%3ex%3c%2fb%3e"}`},
		"batch\ninvite k bo Hi\nsay k bo x form=base64\nsend\n":                {`data:text/plain;base64,eA==`},
		"batch\nstart k bo Hi\nundelivered k Text Unreachable \"No.\"\nsend\n": {`"status":"Failure"`, `"failedDeliveryParticipant":[{"href":`, `"subcode":"Unreachable"`},
	} {
		_, bodies, _ := batches(t, script, 1)
		for _, want := range wants {
			if !strings.Contains(bodies[0], want) {
				t.Errorf("%s: no %s in %s", script, want, bodies[0])
			}
		}
		if strings.Contains(bodies[0], "Secret") || strings.Contains(bodies[0], "{app}") {
			t.Errorf("%s: %s", script, bodies[0])
		}
	}
}

// How an invitation ends is told by the reason.
func TestOutcomes(t *testing.T) {
	for step, want := range map[string]string{
		"decline k":              `"code":"LocalFailure"`,
		"decline k by=remote":    `"code":"RemoteFailure"`,
		"miss k":                 `"subcode":"Timeout"`,
		"cancel k":               `"subcode":"Canceled"`,
		"elsewhere k":            `"subcode":"ConnectedElsewhere"`,
		"fail k X-Code Sub Text": `"code":"X-Code","debugInfo":`,
	} {
		_, bodies, _ := batches(t, "invite k bo Hi\n"+step+"\n", 3)
		if !strings.Contains(bodies[2], want) || !strings.Contains(bodies[2], `"status":"Failure"`) || strings.Contains(bodies[2], "/accept") {
			t.Errorf("%s: no %s in %s", step, want, bodies[2])
		}
	}
}

// A desktop client's threadId holds the moment the thread began in the six
// high bytes of a FILETIME (MS-OXOMSG).
func TestThreads(t *testing.T) {
	_, bodies, _ := batches(t, "invite k bo Hi\ninvite l bo Hi thread=hex\ninvite m bo Hi thread=none\n", 5)
	threadOf := func(body string) string {
		_, after, _ := strings.Cut(body, `"threadId":"`)
		id, _, _ := strings.Cut(after, `"`)
		return id
	}
	index, err := base64.StdEncoding.DecodeString(threadOf(bodies[0]))
	if err != nil || len(index) != 22 {
		t.Fatalf("threadId of %d bytes: %v", len(index), err)
	}
	ticks := binary.BigEndian.Uint64(append(slices.Clone(index[:6]), 0, 0))
	at := time.Unix(int64(ticks/1e7)-11644473600, 0).UTC()
	if d := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Sub(at); d < 0 || d > 2*time.Second {
		t.Errorf("the thread began at %s", at)
	}
	if id := threadOf(bodies[2]); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		t.Errorf("threadId %q, want 32 hex digits", id)
	}
	if id := threadOf(bodies[4]); id != "" {
		t.Errorf("threadId %q, want none", id)
	}
}

// The same scenario gives the same bytes, whenever it is played.
func TestSameBytes(t *testing.T) {
	script := "at 2026-03-02T09:00:00Z\npresence\ninvite k bo Hi\naccept k\nsay k bo x\nend k\nreopen k\n"
	play := func(base time.Time) (all string) {
		sc := parse(t, script)
		c := enter(t, ucwatest.New(sc, ucwatest.Options{Base: base}), sc)
		for range 8 {
			w, _ := c.poll()
			all += w.Body.String()
		}
		return all
	}
	if a, b := play(time.Time{}), play(time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)); a != b {
		t.Errorf("two plays differ:\n%s\n%s", a, b)
	}
}

// Whenever the demo is started its history is over, and ended today or, in
// the first hours of a day, the evening before.
func TestDemoEndsToday(t *testing.T) {
	data, err := testdata.Scenarios.ReadFile("scenarios/demo.txtar")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := ucwatest.ParseScenario("demo", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 9*3600), time.FixedZone("west", -8*3600)} {
		for hour := 0; hour < 10*24; hour += 17 {
			base := time.Date(2026, 3, 26, hour, 3, 0, 0, zone)
			ucwatest.New(sc, ucwatest.Options{Base: base}) // panics when times do not rise
		}
	}
	base := time.Date(2026, 3, 30, 0, 5, 0, 0, time.UTC) // a Monday, just begun
	s := ucwatest.New(sc, ucwatest.Options{Base: base})
	c := enter(t, s, sc)
	var last time.Time
	for {
		var w *httptest.ResponseRecorder
		if w, _ = c.poll(); w.Code == 404 {
			c.create()
		}
		select {
		case <-s.Drained():
			if ago := base.Sub(last); ago < 0 || ago > time.Hour {
				t.Errorf("the history ends %s before the start", ago)
			}
			return
		default:
		}
		at, err := time.Parse(time.RFC1123, w.Header().Get("Date"))
		if err != nil || at.Before(last) {
			t.Fatalf("Date %s after %s: %v", at, last, err)
		}
		last = at
	}
}

// The member to return in a PUT is the first, whatever its name.
func TestPutMemberComesFirst(t *testing.T) {
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		sc, err := ucwatest.ParseScenario(name, []byte("-- script --\naccount ana@contoso.example Ana\nat 2026-03-02T09:00:00Z\npresence\n"))
		if err != nil {
			t.Fatal(err)
		}
		w, _ := enter(t, ucwatest.New(sc), sc).poll()
		_, after, _ := strings.Cut(w.Body.String(), `"communication":{`)
		if guid, _, _ := strings.Cut(after, `:"please pass this in a PUT request"`); len(guid) != len(`"12345678-1234-1234-1234-123456789012"`) {
			t.Errorf("scenario %s: communication begins with %.60s", name, after)
		}
	}
}

// Times are relative to the start: by the clock, in days, in working days, by
// the day of the week.
func TestTimes(t *testing.T) {
	tokyo := time.FixedZone("Tokyo", 9*3600)
	base := time.Date(2026, 3, 30, 8, 0, 0, 0, tokyo) // a Monday
	for at, want := range map[string]string{
		"-90m":         "2026-03-30 06:30",
		"-2d 09:12":    "2026-03-28 09:12",
		"-1wd 09:12":   "2026-03-27 09:12",
		"-6wd 23:59":   "2026-03-20 23:59",
		"mon-1w 07:00": "2026-03-23 07:00",
		"wed-2w 07:00": "2026-03-18 07:00",
	} {
		sc := parse(t, "at "+at+"\nempty\n")
		w, _ := enter(t, ucwatest.New(sc, ucwatest.Options{Base: base}), sc).poll()
		got, err := time.Parse(time.RFC1123, w.Header().Get("Date"))
		if err != nil || got.In(tokyo).Format("2006-01-02 15:04") != want {
			t.Errorf("at %s: %s, want %s (%v)", at, got.In(tokyo), want, err)
		}
	}
}
