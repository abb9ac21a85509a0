package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"archiver/internal/ucwa/ucwatest"
)

// TestScript runs the specifications of the commands: testdata/script/*.txtar.
// -update writes what they print into them.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			root, err := filepath.Abs(filepath.Join("..", ".."))
			e.Setenv("TESTDATA", filepath.Join(root, "testdata"))
			e.Setenv("ARCHIVER_ARCHIVE", filepath.Join(e.WorkDir, "archive"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sim":    startSimulator,
			"detour": startDetour,
			"repeat": repeatText,
			"bytes":  writeBytes,
		},
	})
}

// startSimulator is the script command `sim SCENARIO [history|forbid]`: a UCWA
// server that plays testdata/scenarios/SCENARIO.txtar, or a file of that ending,
// at $SIM until the script ends, with a conversation history, or with an
// administrator who wants none. $SIM_USER is who can sign in, with the password
// in the file $SIM_PASSWORD.
func startSimulator(ts *testscript.TestScript, neg bool, args []string) {
	history, forbid := len(args) == 2 && args[1] == "history", len(args) == 2 && args[1] == "forbid"
	if neg || len(args) != 1 && !history && !forbid {
		ts.Fatalf("usage: sim SCENARIO [history|forbid]")
	}
	sc := scenarioOf(ts, args[0])
	server := ucwatest.NewServer(sc, ucwatest.Options{History: history, KeepNoHistory: forbid})
	ts.Defer(server.Close)
	ts.Setenv("SIM", server.URL())
	ts.Setenv("SIM_USER", strings.TrimPrefix(sc.Account.URI, "sip:"))
	password := ts.MkAbs("password")
	ts.Check(os.WriteFile(password, []byte(sc.Password+"\n"), 0o600))
	ts.Setenv("SIM_PASSWORD", password)
}

// startDetour is the script command `detour`: a server at $DETOUR whose
// autodiscovery leads on to $SIM under another name of this machine.
func startDetour(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: detour")
	}
	to := strings.Replace(ts.Getenv("SIM"), "127.0.0.1", "localhost", 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"_links":{"redirect":{"href":"%s/"}}}`, to) // who has gone is not waited for
	}))
	ts.Defer(server.Close)
	ts.Setenv("DETOUR", server.URL)
}

func scenarioOf(ts *testscript.TestScript, name string) *ucwatest.Scenario {
	if !strings.HasSuffix(name, ".txtar") {
		return scenario(ts, name)
	}
	sc, err := ucwatest.ParseScenario(name, []byte(ts.ReadFile(name)))
	ts.Check(err)
	return sc
}

// checker is what tests and scripts have in common.
type checker interface {
	Fatalf(format string, args ...any)
}

func scenario(c checker, name string) *ucwatest.Scenario {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "scenarios", name+".txtar"))
	if err != nil {
		c.Fatalf("read scenario: %v", err)
	}
	sc, err := ucwatest.ParseScenario(name, data)
	if err != nil {
		c.Fatalf("%v", err)
	}
	return sc
}

// repeatText is the script command `repeat FILE N TEXT`: it appends TEXT N times.
func repeatText(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n := 0
	for _, d := range args[1] {
		n = n*10 + int(d-'0')
	}
	appendFile(ts, args[0], bytes.Repeat([]byte(args[2]), n))
}

// writeBytes is the script command `bytes FILE HEX`: it appends the bytes.
func writeBytes(ts *testscript.TestScript, _ bool, args []string) {
	var b []byte
	for i := 0; i+1 < len(args[1]); i += 2 {
		const digits = "0123456789abcdef"
		b = append(b, byte(strings.IndexByte(digits, args[1][i])<<4|strings.IndexByte(digits, args[1][i+1])))
	}
	appendFile(ts, args[0], b)
}

func appendFile(ts *testscript.TestScript, name string, b []byte) {
	f, err := os.OpenFile(ts.MkAbs(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.Write(b)
	ts.Check(err)
	ts.Check(f.Close())
}
