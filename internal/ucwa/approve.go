package ucwa

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"archiver/internal/archive"
)

// UnapprovedHostError is autodiscovery leading to a host that is neither the
// root's, nor under the domain of the user's address, nor in Config.Hosts. An
// operator who knows the host puts it there. It wraps archive.ErrInvalid.
type UnapprovedHostError struct {
	Host string // in ASCII and lower case, without a port
}

// Error names the host and says what to do.
func (e *UnapprovedHostError) Error() string {
	return "autodiscovery leads to " + e.Host + ", which nobody has approved; approve it if it belongs to your organisation"
}

// Unwrap is archive.ErrInvalid.
func (e *UnapprovedHostError) Unwrap() error { return archive.ErrInvalid }

// ErrHomedOnline is a user whom the organisation's servers send to Skype for
// Business Online, which was switched off in July 2021. It wraps
// archive.ErrNotFound.
var ErrHomedOnline = fmt.Errorf("the user is at home in Skype for Business Online, which no longer exists; "+
	"there is nothing to archive: %w", archive.ErrNotFound)

// ErrModernAuth is a server that signs people in through a browser only. It
// wraps archive.ErrUnauthorized.
var ErrModernAuth = fmt.Errorf("the server allows modern authentication only, which needs a browser; "+
	"ask its administrator to allow Windows or password logon for this network (Set-CsAuthConfig): %w", archive.ErrUnauthorized)

// online are the domains of Skype for Business Online.
var online = []string{"lync.com"}

// approve resolves an href of autodiscovery and checks that it may be asked:
// the password and the token go to approved hosts only, over https unless the
// host is this machine.
func (d *discovery) approve(base *url.URL, href string) (*url.URL, error) {
	u, err := resolve(base, href)
	if err != nil {
		return nil, err
	}
	host := strings.ToLower(u.Hostname())
	if under(host, online) {
		return nil, ErrHomedOnline
	}
	if !confidential(u) {
		return nil, fmt.Errorf("a link to %s is not https: %w", host, archive.ErrInvalid)
	}
	if d.root != nil && originOf(u) == originOf(d.root) {
		return u, nil
	}
	if !under(host, append([]string{d.domain}, d.config.Hosts...)) {
		return nil, &UnapprovedHostError{Host: host}
	}
	return u, nil
}

// confidential reports whether nobody else reads what is sent to u.
func confidential(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// under reports whether a host is one of the domains or below one.
func under(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool {
		domain = strings.ToLower(domain)
		return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
	})
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// bareAddress is a SIP address without its scheme.
func bareAddress(address string) string {
	address, _ = cutPrefixFold(strings.TrimSpace(address), "sip:")
	return address
}

// sipDomain is the domain of a SIP address in ASCII and lower case, "" for the
// address "". The roots are made from it and every host below it is trusted, so
// it has to be a domain that somebody owns, not a top-level one.
func sipDomain(address string) (string, error) {
	if address == "" {
		return "", nil
	}
	name, domain, _ := strings.Cut(bareAddress(address), "@")
	ascii, err := asciiHost(domain)
	if err != nil || name == "" || !strings.Contains(ascii, ".") || ascii != hostWord(ascii) || net.ParseIP(ascii) != nil {
		return "", errAddress
	}
	return ascii, nil
}

var errAddress = fmt.Errorf("the address does not look like ana@contoso.example: %w", archive.ErrInvalid)

// hostWord is s when it is the name of a host in ASCII. Anything else that a
// header claims to be one has no place in a log.
func hostWord(s string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
	const longest = 253 // RFC 1035
	if len(s) > longest || strings.Trim(s, letters) != "" || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return ""
	}
	return s
}

// asciiHost is a host as it goes over the wire. Checks compare that form, since
// several spellings of a name lead to one host.
func asciiHost(host string) (string, error) {
	if strings.IndexFunc(host, func(r rune) bool { return r >= 0x80 }) < 0 {
		return strings.ToLower(host), nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || ascii == "" {
		return "", errors.New("not the name of a host")
	}
	return ascii, nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
