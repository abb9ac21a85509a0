package ucwa

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/krberror"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"archiver/internal/archive"
)

// Kerberos says where tickets for the Windows grant come from: from the cache
// that kinit fills, or by the keys of a keytab. Files are read anew for every
// token, so whatever renews them need not tell.
type Kerberos struct {
	ConfigFile      string // "" is /etc/krb5.conf
	CredentialCache string // a ticket cache in a file, such as /tmp/krb5cc_1000
	Keytab          string // a file with the keys of Principal in Realm
	Realm           string // in capitals; for a keytab
	Principal       string // without the realm; for a keytab
	// SPN is the service's name; "" is HTTP/ and the host of the token service.
	SPN string
}

// defaultKerberos is the configuration that the system's own tools read.
const defaultKerberos = "/etc/krb5.conf"

func (k *Kerberos) check() error {
	switch {
	case (k.CredentialCache == "") == (k.Keytab == ""):
		return fmt.Errorf("kerberos: give either a credential cache or a keytab: %w", archive.ErrInvalid)
	case k.Keytab != "" && (k.Realm == "" || k.Principal == ""):
		return fmt.Errorf("kerberos: a keytab needs a realm and a principal: %w", archive.ErrInvalid)
	}
	return nil
}

// negotiate gets a ticket for the service at host and makes the SPNEGO message
// of it (RFC 4178, RFC 4559). The library asks the KDC with time limits of its
// own; ctx ends the wait.
func (k *Kerberos) negotiate(ctx context.Context, host string) ([]byte, error) {
	type result struct {
		message []byte
		err     error
	}
	done := make(chan result, 1)
	go func() {
		m, err := k.message(host)
		done <- result{m, err}
	}()
	select {
	case r := <-done:
		return r.message, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (k *Kerberos) message(host string) (message []byte, err error) {
	defer func() { // the library does not check the bounds of what it reads from files
		if recover() != nil {
			err = fmt.Errorf("kerberos: a file is damaged: %w", archive.ErrInvalid)
		}
	}()
	c, err := k.client()
	if err != nil {
		return nil, err
	}
	defer c.Destroy()
	spn := k.SPN
	if spn == "" {
		spn = "HTTP/" + host
	}
	if err := c.AffirmLogin(); err != nil {
		return nil, k.failure(err)
	}
	ticket, key, err := c.GetServiceTicket(spn)
	if err != nil {
		return nil, k.failure(err)
	}
	token, err := spnego.NewNegTokenInitKRB5(c, ticket, key)
	if err != nil {
		return nil, k.failure(err)
	}
	message, err = (&spnego.SPNEGOToken{Init: true, NegTokenInit: token}).Marshal()
	if err != nil {
		return nil, k.failure(err)
	}
	return message, nil
}

// client reads the files.
func (k *Kerberos) client() (*client.Client, error) {
	file := k.ConfigFile
	if file == "" {
		file = defaultKerberos
	}
	cfg, err := config.Load(file)
	var unsupported config.UnsupportedDirective
	if err != nil && !errors.As(err, &unsupported) {
		return nil, fileError("configuration", file, err)
	}
	// Active Directory knows no FAST (RFC 6113) unless it is made to.
	noFAST := client.DisablePAFXFAST(true)
	if k.Keytab != "" {
		keys, err := keytab.Load(k.Keytab)
		if err != nil {
			return nil, fileError("keytab", k.Keytab, err)
		}
		return client.NewWithKeytab(k.Principal, k.Realm, keys, cfg, noFAST), nil
	}
	cache, err := credentials.LoadCCache(k.CredentialCache)
	if err != nil {
		return nil, fileError("credential cache", k.CredentialCache, err)
	}
	c, err := client.NewFromCCache(cache, cfg, noFAST)
	if err != nil {
		return nil, fmt.Errorf("kerberos: the credential cache holds no usable ticket; get one with kinit: %w", archive.ErrUnavailable)
	}
	return c, nil
}

// fileError is a file that cannot be read. A cache that is not there may come
// with the next kinit.
func fileError(what, file string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist) && what == "credential cache":
		return fmt.Errorf("kerberos: there is no %s at %s; get a ticket with kinit: %w", what, file, archive.ErrUnavailable)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("kerberos: %s %s cannot be read: %w", what, file, archive.ErrInvalid)
	}
	return fmt.Errorf("kerberos: %s %s is not of that form: %w", what, file, archive.ErrInvalid)
}

// kdcCode is how the library writes a KDC's reason (RFC 4120 7.5.9).
var kdcCode = regexp.MustCompile(`\b(KDC_ERR|KRB_AP_ERR|KRB_ERR)_[A-Z_]+`)

// failure says why there is no ticket. The library's errors name principals, so
// only the KDC's code is passed on. A key that the KDC refused is final, as a
// password is; a ticket can be renewed.
func (k *Kerberos) failure(err error) error {
	text := err.Error() // which is all that the library keeps of a cause
	code := kdcCode.FindString(text)
	switch {
	case strings.Contains(text, krberror.NetworkingError):
		return fmt.Errorf("kerberos: no KDC answers: %w", archive.ErrUnavailable)
	case code == "KRB_AP_ERR_SKEW":
		return fmt.Errorf("kerberos: %s: set this machine's clock: %w", code, archive.ErrUnavailable)
	case code == "KDC_ERR_S_PRINCIPAL_UNKNOWN":
		return fmt.Errorf("kerberos: %s: the KDC does not know the service; set its name (SPN): %w", code, archive.ErrInvalid)
	case k.Keytab != "":
		return fmt.Errorf("kerberos: %s: check principal, realm and keytab: %w", codeOr(code), archive.ErrUnauthorized)
	}
	return fmt.Errorf("kerberos: %s: get a new ticket with kinit: %w", codeOr(code), archive.ErrUnavailable)
}

func codeOr(code string) string {
	if code == "" {
		return "no ticket"
	}
	return strings.TrimSpace(code)
}
