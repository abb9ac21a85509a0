package ucwa

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"golang.org/x/net/http/httpproxy"

	"archiver/internal/archive"
)

// TransportConfig says how servers are reached.
type TransportConfig struct {
	// CAFile is a PEM file with the certificates of authorities to trust beside
	// the system's, such as an organisation's own; "" is none.
	CAFile string
	// Accounts is how many users share the transport; 0 is one.
	Accounts int
}

// Limits of a transport. Each account parks one request and needs room beside
// it for keeping alive, for a new token and for what events link to. A request
// over the limit waits, so the limit is for what has run away.
const (
	connsPerAccount = 4
	idlePerAccount  = 2 // what an account uses all the time

	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 90 * time.Second
	// headerTimeout is for what forgot to set a deadline: a P-GET's headers come
	// with its first event, which takes the whole of PollTimeout when there is none.
	headerTimeout  = PollDeadline + 30*time.Second
	maxHeaderBytes = 256 << 10
)

// NewTransport makes the transport for Config.HTTPClient. It verifies every
// certificate, for which there is no switch, speaks TLS 1.2 at least, and goes
// through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name at the time
// of the call. A CA file that cannot be read or holds no certificate is
// archive.ErrInvalid.
//
// It speaks HTTP/1.1 only: there a dead connection takes one parked request
// with it, over HTTP/2 those of all accounts.
func NewTransport(cfg TransportConfig) (*http.Transport, error) {
	roots, err := authorities(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ucwa: transport: %w", err)
	}
	accounts := max(cfg.Accounts, 1)
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:            dialer().DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        idleTimeout,
		MaxConnsPerHost:        connsPerAccount * accounts,
		MaxIdleConnsPerHost:    idlePerAccount * accounts,
		MaxIdleConns:           idlePerAccount * accounts,
		MaxResponseHeaderBytes: maxHeaderBytes,
		Protocols:              protocols,
	}, nil
}

// dialer notices within a minute that the other end of a silent connection is
// gone, as when a router forgets it; a parked request would wait for its
// deadline instead, and what is said meanwhile be lost.
func dialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
	}
}

// authorities are the system's and those of a file; nil is the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("CA file: %w: %w", err, archive.ErrInvalid)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's authorities: %w: %w", err, archive.ErrUnavailable)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s: it holds no certificate in PEM form: %w", file, archive.ErrInvalid)
	}
	return roots, nil
}
