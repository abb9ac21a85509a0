// Package config is what a person has settled about the program: which accounts
// are captured, from where, as what, and where the archive and its pages are.
//
// It reads one TOML file, the environment and the command line, remembers where
// each value came from, and says of a wrong one in which file it is and what to
// write instead. The file never holds a password.
package config

import (
	"fmt"
	"slices"
	"strings"
)

// Config is everything that can be settled.
type Config struct {
	// Archive is the directory of the archive.
	Archive string `koanf:"archive"`
	// Addr is where pages are served, as host:port of this machine.
	Addr string `koanf:"addr"`
	// Accounts are captured together by one process.
	Accounts []Account `koanf:"account"`
}

// Account is one user of a Skype for Business server whose conversations are
// captured. Values are as the file has them; "" is not settled.
type Account struct {
	// Address is the SIP address without "sip:".
	Address string `koanf:"address"`
	// Server is where autodiscovery starts; "" tries the places that follow
	// from Address.
	Server string `koanf:"server"`
	// Username is DOMAIN\user where the server wants that; "" is Address.
	Username string `koanf:"username"`
	// Hosts are domains beside the address's own that the password may be
	// sent to, because the person said so.
	Hosts []string `koanf:"hosts"`
	// Grant is the way to get a token; "" takes what the server offers.
	Grant string `koanf:"grant"`
	// KerberosCache is a file with tickets, as kinit fills it; KerberosKeytab
	// one with the keys of KerberosPrincipal, which is name@REALM. With one of
	// the two no password is needed.
	KerberosCache     string `koanf:"kerberos_cache"`
	KerberosKeytab    string `koanf:"kerberos_keytab"`
	KerberosPrincipal string `koanf:"kerberos_principal"`
	// Presence is what capture is to the user's other clients.
	Presence string `koanf:"presence"`
	// SignInAs is what contacts see; "" leaves it to the server.
	SignInAs string `koanf:"sign_in_as"`
	// PolicyAcknowledged: an administrator's wish that no history is kept has
	// been read.
	PolicyAcknowledged bool `koanf:"policy_acknowledged"`
	// CAFile holds certificate authorities, in PEM, beside the system's.
	CAFile string `koanf:"ca_file"`
	// Secret is where the password is kept.
	Secret string `koanf:"secret"`
}

// URI is the address as the archive and the server have it.
func (a Account) URI() string { return "sip:" + strings.ToLower(a.Address) }

// SignInName is who signs in: the user name where one is settled.
func (a Account) SignInName() string {
	if a.Username != "" {
		return a.Username
	}
	return a.Address
}

// Tickets reports whether the account signs in by Kerberos, without a password.
func (a Account) Tickets() bool { return a.KerberosCache != "" || a.KerberosKeytab != "" }

// Places where a password may be kept.
const (
	// SecretKeyring is the keyring of the operating system.
	SecretKeyring = "keyring"
	// SecretCredential is a credential that the service manager passes.
	SecretCredential = "credential"
	// SecretFile is a file beside the settings that only its owner can read.
	SecretFile = "file"
	// SecretAsk keeps it nowhere: it is asked for, or given by a flag.
	SecretAsk = "ask"
)

// kind is the form of a value.
type kind int

const (
	text kind = iota
	list
	flag
)

// key describes one setting: for the comments of the file, for checking, and
// for printing. The name is the one in the file and of the struct's tag.
type key struct {
	name    string
	kind    kind
	help    string
	choices []string // "" among them: may be left out
	def     string
}

// general are the settings of the whole program.
var general = []key{
	{name: "archive", help: "directory of the archive (flag --archive, environment ARCHIVER_ARCHIVE)"},
	{name: "addr", help: "where `run` and `serve` show the archive, on this machine only (flag --addr, environment ARCHIVER_ADDR)", def: "127.0.0.1:8787"},
}

// perAccount are the settings of an account.
var perAccount = []key{
	{name: "address", help: "the account's address, without sip:"},
	{name: "server", help: "where autodiscovery starts; without it the places that follow from the address are tried"},
	{name: "username", help: `who signs in, as DOMAIN\user, where the server wants that; else the address`},
	{name: "hosts", kind: list, help: "further domains that autodiscovery may lead to, and that the password may be sent to"},
	{name: "grant", help: "how to get in with name and password: password, or windows (NTLM); without it what the server offers first",
		choices: []string{"", "password", "windows"}},
	{name: "kerberos_cache", help: "sign in with the tickets in this file, such as /tmp/krb5cc_1000, instead of a password"},
	{name: "kerberos_keytab", help: "sign in with the keys in this file instead of a password"},
	{name: "kerberos_principal", help: "whose keys: name@REALM"},
	{name: "presence", help: "available: shows as available, gets invitations, accepts and declines none;\n" +
		"accept: accepts and records everything, other clients do not get the conversations;\n" +
		"observe: nothing comes in, history only", choices: []string{"available", "accept", "observe"}, def: "available"},
	{name: "sign_in_as", help: "what contacts see while it captures: Online, Busy, DoNotDisturb, BeRightBack, Away or Offwork;\n\"\" leaves it to the server",
		choices: []string{"", "Online", "Busy", "DoNotDisturb", "BeRightBack", "Away", "Offwork"}, def: "Online"},
	{name: "policy_acknowledged", kind: flag, help: "true once you have read that an administrator does not want message history to be saved", def: "false"},
	{name: "ca_file", help: "file of the company's certificate authorities, in PEM, beside the system's"},
	{name: "secret", help: "where the password is: keyring, credential (of systemd, named archiver-password), file, or ask",
		choices: []string{SecretKeyring, SecretCredential, SecretFile, SecretAsk}, def: SecretAsk},
}

// names of keys, for telling which there are.
func names(keys []key) string {
	var out []string
	for _, k := range keys {
		out = append(out, k.name)
	}
	return strings.Join(out, ", ")
}

func find(keys []key, name string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// NewAccount is an account with every default.
func NewAccount(address string) Account {
	a := Account{Address: address}
	for _, k := range perAccount {
		if k.def != "" && k.kind == text {
			*a.field(k.name).(*string) = k.def
		}
	}
	return a
}

// field is the field of a key.
func (a *Account) field(name string) any {
	switch name {
	case "address":
		return &a.Address
	case "server":
		return &a.Server
	case "username":
		return &a.Username
	case "hosts":
		return &a.Hosts
	case "grant":
		return &a.Grant
	case "kerberos_cache":
		return &a.KerberosCache
	case "kerberos_keytab":
		return &a.KerberosKeytab
	case "kerberos_principal":
		return &a.KerberosPrincipal
	case "presence":
		return &a.Presence
	case "sign_in_as":
		return &a.SignInAs
	case "policy_acknowledged":
		return &a.PolicyAcknowledged
	case "ca_file":
		return &a.CAFile
	case "secret":
		return &a.Secret
	}
	panic(fmt.Sprintf("config: no field %q", name))
}

// Account is the account of an address, with or without "sip:", in any case.
func (c Config) Account(address string) (Account, bool) {
	address = strings.TrimPrefix(strings.ToLower(address), "sip:")
	i := slices.IndexFunc(c.Accounts, func(a Account) bool { return strings.ToLower(a.Address) == address })
	if i < 0 {
		return Account{}, false
	}
	return c.Accounts[i], true
}
