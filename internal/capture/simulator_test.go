package capture_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/ucwa"
	"archiver/internal/ucwa/ucwatest"
)

const declined = `An invitation that was declined in another client.
-- script --
account ana@contoso.example "Ana Lindqvist" password="canary phrase"
person bo bo@contoso.example "Bo Canary"
at -2h
presence
invite c1 bo "canary hello"
after 4s
decline c1
`

const direct = `A conversation of two, then one more of the same thread.
-- script --
account ana@contoso.example "Ana Lindqvist" password="canary phrase"
person bo bo@contoso.example "Bo Canary"
at -2h
presence
invite c1 bo "canary hello"
after 4s
accept c1
say c1 bo "canary café 100% +1"
say c1 me "canary yes" text=none
empty
drop
say c1 bo "canary again"
status 503
say c1 bo "canary third"
end c1
reopen c1
say c1 bo "canary last"
`

const gone = `The application dies between two messages.
-- script --
account ana@contoso.example "Ana Lindqvist" password="canary phrase"
person bo bo@contoso.example "Bo Canary"
at -2h
invite c1 bo "canary hello"
after 4s
accept c1
say c1 bo "canary before"
gone 20m
invite c2 bo "canary after"
after 4s
accept c2
say c2 bo "canary later"
`

// play captures a whole scenario and checks that every batch which the server
// was told has arrived is in the log, byte for byte and in order.
func play(t *testing.T, script string, opt ucwatest.Options) *memory {
	t.Helper()
	sc, err := ucwatest.ParseScenario(t.Name(), []byte(script))
	if err != nil {
		t.Fatal(err)
	}
	opt.Hold = 50 * time.Millisecond
	srv := ucwatest.NewServer(sc, opt)
	t.Cleanup(srv.Close)
	log, ctx := &memory{}, t.Context()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	go func() {
		done <- capture.Run(ctx, capture.Config{Account: sc.Account.URI, Log: log, Client: ucwa.Config{RootURL: srv.URL(),
			Username: username, Password: ucwa.NewSecret(sc.Password), HTTPClient: &http.Client{Transport: transport}}})
	}()
	select {
	case <-srv.Drained():
	case err := <-done:
		t.Fatalf("ended early: %v", err)
	case <-time.After(time.Minute):
		t.Fatalf("the scenario is not captured within a minute; requests: %q", srv.Requests())
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	obs := log.observations(archive.SourceCapture)
	at := 0
	for _, d := range srv.Acked() {
		i := slices.IndexFunc(obs[at:], func(o archive.Observation) bool { return bytes.Equal(o.Body, d.Body) })
		if i < 0 {
			t.Fatalf("the server was told that batch %d of %s arrived; it is not in the log after %d", d.Ack, d.Application, at)
		}
		at += i + 1
	}
	if len(srv.Acked()) == 0 {
		t.Fatal("nothing was played")
	}
	return log
}

// bodies is everything that was captured, for looking things up.
func bodies(m *memory) string {
	var b strings.Builder
	for _, o := range m.obs {
		b.Write(o.Body)
	}
	return b.String()
}

func TestScenarioDeclined(t *testing.T) {
	log := play(t, declined, ucwatest.Options{})
	if all := bodies(log); !strings.Contains(all, "messagingInvitation") || !strings.Contains(all, "Declined") {
		t.Errorf("captured %s", all)
	}
	if len(log.observations(archive.SourceFetch)) == 0 {
		t.Error("the participant that the event only links to was not fetched")
	}
	if len(log.gaps) != 0 {
		t.Errorf("gaps %+v", log.gaps)
	}
}

func TestScenarioDirect(t *testing.T) {
	log := play(t, direct, ucwatest.Options{})
	all := bodies(log)
	for _, text := range []string{"hello", "caf", "again", "third", "last"} {
		if !strings.Contains(all, "canary+"+text) {
			t.Errorf("%q was not captured", text)
		}
	}
}

func TestScenarioGone(t *testing.T) {
	log := play(t, gone, ucwatest.Options{})
	if len(log.gaps) != 1 || log.gaps[0].Cause != archive.GapApplicationGone || !log.gaps[0].To.Known() {
		t.Errorf("gaps %+v", log.gaps)
	}
	var lives []string
	for _, o := range log.observations(archive.SourceCapture) {
		if !slices.Contains(lives, o.Capture) {
			lives = append(lives, o.Capture)
		}
	}
	if all := bodies(log); len(lives) != 2 || !strings.Contains(all, "canary+before") || !strings.Contains(all, "canary+later") {
		t.Errorf("%d lives of the application", len(lives))
	}
}

func TestScenarioThroughABadNetwork(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	var mu sync.Mutex
	log := play(t, direct, ucwatest.Options{OmitSender: true, Fault: func(r *http.Request) ucwatest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasSuffix(r.URL.Path, "/events") || random.IntN(3) > 0 {
			return ucwatest.Fault{}
		}
		return ucwatest.Fault{Drop: true, Skip: random.IntN(2) == 0}
	}})
	if all := bodies(log); !strings.Contains(all, "canary+last") {
		t.Error("the end was not captured")
	}
}

func TestScenarioWrongPassword(t *testing.T) {
	sc, err := ucwatest.ParseScenario(t.Name(), []byte(declined))
	if err != nil {
		t.Fatal(err)
	}
	srv := ucwatest.NewServer(sc)
	t.Cleanup(srv.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	err = capture.Run(t.Context(), capture.Config{Account: account, Log: &memory{}, Client: ucwa.Config{RootURL: srv.URL(),
		Username: username, Password: ucwa.NewSecret("wrong"), HTTPClient: &http.Client{Transport: transport}}})
	if !errors.Is(err, archive.ErrUnauthorized) {
		t.Errorf("error %v", err)
	}
	attempts := 0
	for _, r := range srv.Requests() {
		if strings.HasPrefix(r, "POST ") {
			attempts++
		}
	}
	if attempts != 1 {
		t.Errorf("%d attempts, want exactly one: %q", attempts, srv.Requests())
	}
}
