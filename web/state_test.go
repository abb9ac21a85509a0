package web_test

import (
	"bytes"
	"strings"
	"testing"

	"archiver/internal/archive"
)

// Only an account that is captured looks well, and an administrator's wish is
// told on the page.
func TestStatesOnThePage(t *testing.T) {
	for state, well := range map[archive.State]bool{
		archive.StateCapturing: true, archive.StateInterrupted: false, archive.StateStale: false, archive.StateStopped: false,
	} {
		f := newFake()
		f.Invented.Status[0].State = state
		f.Invented.Status[0].Policies = []archive.Policy{{Name: archive.SaveMessagingHistory, Value: "Disabled"}}
		var logs bytes.Buffer
		doc := open(t, f, &logs).get("/status", 200)
		if got := doc.Find("section.state-capturing").Length() > 0; got != well {
			t.Errorf("%s: looks well: %v", state, got)
		}
		if got := doc.Find("section.state-stopped").Length() > 0; got == well {
			t.Errorf("%s: looks bad: %v", state, got)
		}
		if !strings.Contains(doc.Text(), "saveMessagingHistory is Disabled), and nobody has acknowledged that") {
			t.Errorf("%s: the policy is not told", state)
		}
	}
}

// No gap in the list is good news only where everything is captured.
func TestNoGapsIsNoComfortWhereNothingIsCaptured(t *testing.T) {
	for state, well := range map[archive.State]bool{archive.StateCapturing: true, archive.StateInterrupted: false, archive.StateStopped: false} {
		f := newFake()
		f.Invented.Status[0].State = state
		f.Invented.Gaps = nil
		var logs bytes.Buffer
		doc := open(t, f, &logs).get("/status", 200)
		if got := strings.Contains(doc.Text(), "everything since the first capture is covered"); got != well {
			t.Errorf("%s: says that everything is covered: %v", state, got)
		}
	}
}
