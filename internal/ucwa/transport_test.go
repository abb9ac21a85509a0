package ucwa_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// tlsServer is a server with a certificate of its own, and the file to trust it.
func tlsServer(t *testing.T, h http.Handler, change func(*tls.Config)) (srv *httptest.Server, file string) {
	t.Helper()
	srv = httptest.NewUnstartedServer(h)
	srv.TLS = &tls.Config{}
	change(srv.TLS)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	srv.StartTLS()
	t.Cleanup(srv.Close)
	file = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(file, append([]byte("Contoso's own authority\n"), block...), 0o600); err != nil {
		t.Fatal(err)
	}
	return srv, file
}

func transport(t *testing.T, cfg ucwa.TransportConfig) *http.Transport {
	t.Helper()
	tr, err := ucwa.NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func TestCertificatesAreVerified(t *testing.T) {
	var proto string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proto = r.Proto; http.NotFound(w, r) })
	modern, modernCA := tlsServer(t, h, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
	old, oldCA := tlsServer(t, h, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })
	for _, tt := range []struct {
		name, url, ca string
		reached       bool
	}{
		{"trusted by its file", modern.URL, modernCA, true},
		{"not trusted", modern.URL, "", false},
		{"another name", strings.Replace(modern.URL, "127.0.0.1", "localhost", 1), modernCA, false},
		{"TLS 1.1", old.URL, oldCA, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ucwa.Discover(t.Context(), ucwa.Config{RootURL: tt.url,
				HTTPClient: &http.Client{Transport: transport(t, ucwa.TransportConfig{CAFile: tt.ca})}})
			if reached := errors.Is(err, archive.ErrNotFound); reached != tt.reached {
				t.Errorf("error %v", err)
			}
			if tt.name == "not trusted" && !strings.Contains(err.Error(), "with --ca-file") {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
	if proto != "HTTP/1.1" {
		t.Errorf("spoke %s", proto)
	}
}

func TestCAFileMustHoldCertificates(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + ".absent"} {
		if _, err := ucwa.NewTransport(ucwa.TransportConfig{CAFile: file}); !errors.Is(err, archive.ErrInvalid) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestProxyOfTheEnvironment(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.RequestURI)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "direct.invalid")
	hc := &http.Client{Transport: transport(t, ucwa.TransportConfig{})}
	for _, root := range []string{"https://lyncdiscover.contoso.example/", "https://direct.invalid/"} {
		if _, err := ucwa.Discover(t.Context(), ucwa.Config{RootURL: root, HTTPClient: hc}); !errors.Is(err, archive.ErrUnavailable) {
			t.Errorf("%s: %v", root, err)
		}
	}
	if want := []string{"CONNECT lyncdiscover.contoso.example:443"}; !slices.Equal(asked, want) {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
}

// All accounts' parked requests and one fetch each fit, as does keeping them.
func TestManyAccountsShareATransport(t *testing.T) {
	const accounts = 100
	var parked sync.WaitGroup
	parked.Add(accounts)
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			parked.Done()
			<-release
		}
	}))
	t.Cleanup(srv.Close)
	tr := transport(t, ucwa.TransportConfig{Accounts: accounts})
	get := func(path string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		_ = resp.Body.Close()
	}
	var polls, fetches sync.WaitGroup
	for range accounts {
		polls.Go(func() { get("/events") })
	}
	parked.Wait()
	for range accounts {
		fetches.Go(func() { get("/thing") })
	}
	fetches.Wait() // while all are parked
	close(release)
	polls.Wait()
}

func TestTransportWaitsForAParkedRequest(t *testing.T) {
	tr := transport(t, ucwa.TransportConfig{})
	if tr.ResponseHeaderTimeout <= ucwa.PollDeadline {
		t.Errorf("headers are awaited for %s, a P-GET may take %s", tr.ResponseHeaderTimeout, ucwa.PollDeadline)
	}
	k := ucwa.Dialer().KeepAliveConfig
	if noticed := k.Idle + time.Duration(k.Count)*k.Interval; !k.Enable || noticed > time.Minute || tr.DialContext == nil {
		t.Errorf("a connection that is half open is noticed after %s", noticed)
	}
}

// Nothing turns verification off, nor could it be turned off by configuration.
func TestVerificationHasNoSwitch(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, word := range []string{"Insecure" + "SkipVerify", "Verify" + "PeerCertificate", "Verify" + "Connection"} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s has %s", name, word)
			}
		}
		files++
		return err
	})
	if err != nil || files < 20 {
		t.Errorf("%d files, %v", files, err)
	}
}
