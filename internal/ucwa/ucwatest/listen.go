package ucwatest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Authority signs a certificate for any host on demand, so that clients of
// whatever name can be told to trust one file.
type Authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate

	mu     sync.Mutex
	leaves map[string]*tls.Certificate // guarded by mu
}

// NewAuthority makes an authority that is known to nobody yet.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "UCWA simulator"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{key: key, cert: cert, leaves: make(map[string]*tls.Certificate)}, err
}

// PEM is the certificate that clients are to trust.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// certificate signs one for the host that a client asks for.
func (a *Authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if name == "" {
		name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.leaves[name]; c != nil {
		return c, nil
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.key}
	a.leaves[name] = c
	return c, nil
}

// Serve answers on a listener until it is closed: http and https on one port,
// told apart by the first byte. A client that takes the listener for its proxy
// is at the right place, whatever host it asks for: so programs whose URLs
// cannot be set are led here.
func (s *Server) Serve(ln net.Listener, a *Authority) error {
	both := &doubleListener{Listener: ln, conns: make(chan net.Conn), failed: make(chan error, 1), done: make(chan struct{}),
		tls: &tls.Config{GetCertificate: a.certificate, MinVersion: tls.VersionTLS12}}
	go both.accept()
	inner := s.Handler()
	server := &http.Server{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodConnect {
				both.tunnel(w)
				return
			}
			inner.ServeHTTP(w, r)
		})}
	err := server.Serve(both)
	close(both.done)
	return errors.Join(err, server.Close())
}

// doubleListener takes connections with TLS and without.
type doubleListener struct {
	net.Listener
	tls    *tls.Config
	conns  chan net.Conn // whose protocol is known
	failed chan error    // why no more come; holds one
	done   chan struct{} // closed when nobody accepts any more
}

// Accept gives the next connection whose protocol is known.
func (l *doubleListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.failed:
		return nil, err
	}
}

func (l *doubleListener) accept() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.failed <- err
			return
		}
		go l.sniff(c) // ends by its deadline at the latest
	}
}

// handshake is the first byte of TLS.
const handshake = 0x16

// sniff finds out what a connection speaks.
func (l *doubleListener) sniff(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	first, err := r.Peek(1)
	_ = c.SetReadDeadline(time.Time{})
	if err != nil {
		_ = c.Close() // said nothing
		return
	}
	var out net.Conn = peeked{Conn: c, r: r}
	if first[0] == handshake {
		out = tls.Server(out, l.tls)
	}
	select {
	case l.conns <- out:
	case <-l.done:
		_ = c.Close()
	}
}

// tunnel takes a connection to a host that a client wants to be connected to.
func (l *doubleListener) tunnel(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "no tunnel here", http.StatusBadRequest)
		return
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = c.Close()
		return
	}
	l.sniff(c)
}

// peeked is a connection of which a byte has been looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

// Read begins with what has been looked at.
func (c peeked) Read(b []byte) (int, error) { return c.r.Read(b) }
