package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"archiver/internal/archive"
)

// check looks at values as what they mean.
func (s *Settings) check() error {
	var seen []string
	for _, a := range s.Accounts {
		if err := a.Check(); err != nil {
			return fmt.Errorf("config: %s: %w", s.File, err)
		}
		if slices.Contains(seen, a.URI()) {
			return fmt.Errorf("config: %s: account %s stands there twice; take one block out: %w", s.File, a.Address, archive.ErrInvalid)
		}
		seen = append(seen, a.URI())
	}
	return nil
}

// Check says what is wrong with an account and what to write instead. The error
// wraps archive.ErrInvalid.
func (a Account) Check() error {
	wrong := func(name, format string, args ...any) error {
		return fmt.Errorf("account %s: %s %s: %w", a.Address, name, fmt.Sprintf(format, args...), archive.ErrInvalid)
	}
	if why := badAddress(a.Address); why != "" {
		return wrong("address", "%s; it is like ana@contoso.example", why)
	}
	for _, k := range perAccount {
		if k.choices == nil {
			continue
		}
		if v := *a.field(k.name).(*string); !slices.Contains(k.choices, v) {
			return wrong(k.name, "is one of %s, not %q", strings.TrimPrefix(strings.Join(k.choices, ", "), ", "), v)
		}
	}
	if why := badServer(a.Server); a.Server != "" && why != "" {
		return wrong("server", "%s; it is like https://lyncdiscover.contoso.example/", why)
	}
	for _, host := range a.Hosts {
		if host == "" || strings.ContainsAny(host, "/:@ *") {
			return wrong("hosts", "holds %q; a host is a name alone, like pool.example", host)
		}
	}
	for _, file := range [][2]string{{"ca_file", a.CAFile}, {"kerberos_cache", a.KerberosCache}, {"kerberos_keytab", a.KerberosKeytab}} {
		if file[1] != "" && !filepath.IsAbs(file[1]) {
			return wrong(file[0], "must be an absolute path, since services start elsewhere")
		}
	}
	name, realm, _ := strings.Cut(a.KerberosPrincipal, "@")
	switch {
	case a.KerberosCache != "" && a.KerberosKeytab != "":
		return wrong("kerberos_keytab", "and kerberos_cache exclude each other; take one out")
	case a.KerberosKeytab != "" && (name == "" || realm == ""):
		return wrong("kerberos_principal", "says whose keys the keytab holds; it is like ana@CONTOSO.EXAMPLE")
	case a.Tickets() && a.Grant == "password":
		return wrong("grant", "is password, which takes no tickets; take it out")
	}
	return nil
}

func badAddress(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	switch {
	case address == "":
		return "is missing"
	case !ok, local == "", domain == "", strings.ContainsAny(address, " \t\r\n/:<>\""), strings.Contains(domain, "@"):
		return fmt.Sprintf("%q is none", address)
	}
	return ""
}

// CheckServer says what is wrong with the address where autodiscovery is to
// start. The error wraps archive.ErrInvalid and does not repeat the address.
func CheckServer(server string) error {
	if why := badServer(server); why != "" {
		return fmt.Errorf("the server's address %s; it is like https://lyncdiscover.contoso.example/: %w", why, archive.ErrInvalid)
	}
	return nil
}

func badServer(server string) string {
	u, err := url.Parse(server)
	switch {
	case err != nil, u.Host == "", u.User != nil:
		return "is no web address, or has more in it than one" // a password, perhaps: it is not repeated
	case u.Scheme == "https":
		return ""
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return ""
	}
	return "must be https, since the password goes there"
}
