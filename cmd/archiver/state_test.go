package main

import (
	"strings"
	"testing"

	"archiver/internal/archive"
)

func TestAStaleAccountIsNeverWell(t *testing.T) {
	at := func(lag float64) *float64 { return &lag }
	for _, tt := range []struct {
		state archive.State
		lag   *float64
		want  archive.State
	}{
		{archive.StateCapturing, at(359), archive.StateCapturing},
		{archive.StateCapturing, at(361), archive.StateStale},
		{archive.StateCapturing, nil, archive.StateStale},
		{archive.StateStopped, at(361), archive.StateStopped},
		{archive.StateInterrupted, at(361), archive.StateInterrupted},
		{archive.StateImported, nil, archive.StateImported},
	} {
		st := archive.Status{State: tt.state, LagSeconds: tt.lag}
		markStale(&st)
		if st.State != tt.want {
			t.Errorf("%s: %s, want %s", tt.state, st.State, tt.want)
		}
		p := &program{color: "always", out: &strings.Builder{}}
		red := strings.Contains(p.tellState(st), "\x1b[31m")
		if well := tt.want == archive.StateCapturing || tt.want == archive.StateImported; red == well {
			t.Errorf("%s: red is %v", tt.want, red)
		}
	}
}

func TestStatusTellsOfPolicies(t *testing.T) {
	p := &program{color: "never", out: &strings.Builder{}}
	w := archive.Policy{Name: archive.SaveMessagingHistory, Value: "Disabled", Acknowledged: archive.FromNanos(1e18)}
	text := p.tellState(archive.Status{State: archive.StateCapturing, Policies: []archive.Policy{w}})
	if !strings.Contains(text, "saveMessagingHistory is Disabled, acknowledged at 2001-09-09") {
		t.Error(text)
	}
}

func TestWhatIsSetUpIsNeverLeftOut(t *testing.T) {
	all := []archive.Status{
		{Account: "sip:ana@contoso.example", State: archive.StateCapturing},
		{Account: "sip:bo@contoso.example", State: archive.StateImported},
		{Account: "sip:zoe@contoso.example", State: archive.StateImported},
	}
	all = addSettled(all, []string{"sip:ana@contoso.example", "sip:bo@contoso.example", "sip:chen@contoso.example"})
	want := []archive.State{archive.StateCapturing, archive.StateStopped, archive.StateImported, archive.StateStopped}
	for i, st := range all {
		if st.State != want[i] {
			t.Errorf("%s is %s, want %s", st.Account, st.State, want[i])
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d accounts, want %d", len(all), len(want))
	}
}

// What is not captured yet is not said to be unreachable.
func TestStatusTellsOfABeginning(t *testing.T) {
	p := &program{color: "never", out: &strings.Builder{}}
	if text := p.tellState(archive.Status{State: archive.StateInterrupted}); strings.Contains(text, "cannot be captured") {
		t.Error(text)
	}
	if text := p.tellState(archive.Status{State: archive.StateInterrupted, Gaps: 1}); !strings.Contains(text, "cannot be captured") {
		t.Error(text)
	}
}
