package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSim starts the simulator as a program of its own and reaches it as
// clients do that take only a domain: through it as their proxy, by http and by
// https, and by its own address. Ctrl-C ends it.
func TestSim(t *testing.T) {
	trust := filepath.Join(t.TempDir(), "trust.pem")
	c := exec.Command(os.Args[0], "sim", "--addr", "127.0.0.1:0", "--trust-file", trust, "--fault", "GET /nowhere 418")
	c.Env = append(os.Environ(), asProgram+"=1")
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n') // it listens, and has written the file, before it says so
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(first)
	if err != nil || address == "" {
		t.Fatalf("it says %q: %v", first, err)
	}
	pem, err := os.ReadFile(trust)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", pem)
	}
	proxied := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: address})}
	direct := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	for at, transport := range map[string]*http.Transport{
		"https://lyncdiscover.contoso.example": proxied, "http://lyncdiscover.contoso.example": proxied,
		"https://lyncdiscoverinternal.fabrikam.example": proxied, "https://" + address: direct, "http://" + address: direct,
	} {
		if got := linkOf(t, transport, at+"/", "user"); !strings.HasPrefix(got, at+"/Autodiscover/") {
			t.Errorf("at %s the user is at %q", at, got)
		}
		transport.CloseIdleConnections()
	}
	if got := status(t, direct, "http://"+address+"/nowhere"); got != http.StatusTeapot {
		t.Errorf("a planned fault: %d", got)
	}
	direct.CloseIdleConnections()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(lines) // to the end of the process
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("interrupted, it ends with %v\n%s", err, rest)
	}
	for _, want := range []string{`ana@contoso.example, password "correct horse"`, "bo.lindqvist@contoso.example (Bo Lindqvist)", "/sim", "archiver capture http://"} {
		if !strings.Contains(first+string(rest), want) {
			t.Errorf("it does not say %s: %s", want, rest)
		}
	}
}

func ask(t *testing.T, transport http.RoundTripper, at string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatalf("GET %s: %v", at, err)
	}
	return resp
}

func status(t *testing.T, transport http.RoundTripper, at string) int {
	t.Helper()
	resp := ask(t, transport, at)
	defer resp.Body.Close()
	return resp.StatusCode
}

func linkOf(t *testing.T, transport http.RoundTripper, at, rel string) string {
	t.Helper()
	resp := ask(t, transport, at)
	defer resp.Body.Close()
	var v struct {
		Links map[string]struct{ Href string } `json:"_links"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		t.Fatalf("GET %s: %v", at, err)
	}
	return v.Links[rel].Href
}
