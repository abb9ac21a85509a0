package ucwa_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/service"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// installKerberos is how to get what the Kerberos tests need.
const installKerberos = "apt-get install krb5-kdc krb5-admin-server krb5-user"

// tool finds a program of the KDC's, which are not in everybody's PATH.
func tool(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// realm is a KDC in a folder of its own, with a user and a service.
type realm struct {
	t      *testing.T
	dir    string
	config string // krb5.conf
	env    []string
}

func newRealm(t *testing.T) *realm {
	r := &realm{t: t, dir: t.TempDir()}
	r.config = r.file("krb5.conf")
	address := freeAddress(t)
	r.write("krb5.conf", fmt.Sprintf(`[libdefaults]
 default_realm = CONTOSO.EXAMPLE
 dns_lookup_kdc = false
 dns_lookup_realm = false
 rdns = false
 udp_preference_limit = 1
[realms]
 CONTOSO.EXAMPLE = {
  kdc = %s
 }
[domain_realm]
 .contoso.example = CONTOSO.EXAMPLE
 127.0.0.1 = CONTOSO.EXAMPLE
`, address))
	r.write("kdc.conf", fmt.Sprintf(`[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = %s
[realms]
 CONTOSO.EXAMPLE = {
  database_name = %s
  key_stash_file = %s
  acl_file = %s
  max_life = 10h
 }
`, address, r.file("principal"), r.file("stash"), r.file("acl")))
	r.env = append(os.Environ(), "KRB5_CONFIG="+r.config, "KRB5_KDC_PROFILE="+r.file("kdc.conf"), "KRB5CCNAME=FILE:"+r.file("ccache"))
	r.run("", "kdb5_util", "create", "-s", "-P", "canary-master", "-r", "CONTOSO.EXAMPLE")
	for _, query := range []string{
		"addprinc -pw " + password + " +requires_preauth ana", "addprinc -randkey HTTP/127.0.0.1", "addprinc -randkey HTTP/web.contoso.example", "addprinc -randkey +requires_preauth machine",
		"ktadd -k " + r.file("http.keytab") + " HTTP/127.0.0.1 HTTP/web.contoso.example", "ktadd -k " + r.file("machine.keytab") + " machine",
	} {
		r.run("", "kadmin.local", "-q", query)
	}
	r.start(address)
	return r
}

func (r *realm) file(name string) string { return filepath.Join(r.dir, name) }

func (r *realm) write(name, text string) {
	if err := os.WriteFile(r.file(name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *realm) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(r.t.Context(), tool(name), args...)
	c.Env = r.env
	return c
}

func (r *realm) run(input, name string, args ...string) {
	r.t.Helper()
	c := r.command(name, args...)
	c.Stdin = strings.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// start runs the KDC until the test ends and waits until it answers.
func (r *realm) start(address string) {
	var out bytes.Buffer
	c := r.command("krb5kdc", "-n", "-P", r.file("pid"))
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	r.t.Cleanup(func() { _ = c.Process.Kill(); <-ended })
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			r.t.Fatalf("the KDC ended: %v\n%s", err, out.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatal("the KDC does not answer")
		}
	}
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// kerberosFrontEnd is a front end whose token service verifies tickets.
func kerberosFrontEnd(t *testing.T, r *realm) (srv *httptest.Server, asked *int) {
	keys, err := keytab.Load(r.file("http.keytab"))
	if err != nil {
		t.Fatal(err)
	}
	asked = new(int)
	token := spnego.SPNEGOKRB5Authenticate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") != "urn:microsoft.rtc:windows" || r.Form.Has("password") {
			t.Errorf("asked with %v", r.Form)
		}
		writeJSON(w, 200, `{"access_token":"cwt=canary-token","expires_in":28800}`)
	}), keys, service.DecodePAC(false), service.Logger(log.New(io.Discard, "", 0)))
	s := &ntlmService{}
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			s.serve(w, r)
			return
		}
		*asked++
		token.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv, asked
}

// TestKerberos signs in with tickets of a real KDC. It is left out where there
// is none, unless CI is set.
func TestKerberos(t *testing.T) {
	missing := tool("krb5kdc") == "" || tool("kdb5_util") == "" || tool("kadmin.local") == "" || tool("kinit") == ""
	if missing && os.Getenv("CI") == "" {
		t.Skipf("NO KERBEROS TESTS: there is no KDC; get one with: %s", installKerberos)
	}
	if missing {
		t.Fatalf("there is no KDC, and CI is set; get one with: %s", installKerberos)
	}
	r := newRealm(t)
	srv, asked := kerberosFrontEnd(t, r)
	r.run(password+"\n", "kinit", "ana")
	r.write("text", "canary")
	cache, machine := r.file("ccache"), r.file("machine.keytab")
	for _, tt := range []struct {
		name string
		k    ucwa.Kerberos
		want error // nil signs in
		text string
	}{
		{"a cache", ucwa.Kerberos{CredentialCache: cache}, nil, ""},
		{"a cache and a name for the service", ucwa.Kerberos{CredentialCache: cache, SPN: "HTTP/web.contoso.example"}, nil, ""},
		{"a keytab", ucwa.Kerberos{Keytab: machine, Realm: "CONTOSO.EXAMPLE", Principal: "machine"}, nil, ""},
		{"a service nobody knows", ucwa.Kerberos{CredentialCache: cache, SPN: "HTTP/absent.contoso.example"}, archive.ErrInvalid, "KDC_ERR_S_PRINCIPAL_UNKNOWN"},
		{"no such principal", ucwa.Kerberos{Keytab: machine, Realm: "CONTOSO.EXAMPLE", Principal: "canary"}, archive.ErrUnauthorized, "keytab"},
		{"keys of another", ucwa.Kerberos{Keytab: machine, Realm: "CONTOSO.EXAMPLE", Principal: "ana"}, archive.ErrUnauthorized, "keytab"},
		{"no cache yet", ucwa.Kerberos{CredentialCache: r.file("absent")}, archive.ErrUnavailable, "kinit"},
		{"no cache at all", ucwa.Kerberos{CredentialCache: r.file("text")}, archive.ErrInvalid, ""},
		{"no keytab", ucwa.Kerberos{Keytab: r.file("absent"), Realm: "R", Principal: "p"}, archive.ErrInvalid, "absent"},
		{"nothing", ucwa.Kerberos{}, archive.ErrInvalid, ""},
		{"both", ucwa.Kerberos{CredentialCache: cache, Keytab: machine, Realm: "R", Principal: "p"}, archive.ErrInvalid, ""},
		{"no configuration", ucwa.Kerberos{CredentialCache: cache, ConfigFile: r.file("absent")}, archive.ErrInvalid, "absent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.k.ConfigFile == "" {
				tt.k.ConfigFile = r.config
			}
			*asked = 0
			_, err := ucwa.SignIn(t.Context(), ucwa.Config{RootURL: srv.URL, Address: username, Kerberos: &tt.k})
			if (err == nil) != (tt.want == nil) || !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.text) || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("error %v, want %v with %q", err, tt.want, tt.text)
			}
			if tt.want == nil && *asked != 2 {
				t.Errorf("the token service was asked %d times", *asked)
			}
		})
	}
	t.Run("a cache cut short", func(t *testing.T) {
		whole, err := os.ReadFile(cache)
		if err != nil {
			t.Fatal(err)
		}
		const pieces = 60
		for i := range pieces {
			r.write("cut", string(whole[:i*len(whole)/pieces]))
			_, err := ucwa.SignIn(t.Context(), ucwa.Config{RootURL: srv.URL, Address: username, Kerberos: &ucwa.Kerberos{ConfigFile: r.config, CredentialCache: r.file("cut")}})
			if err != nil && !errors.Is(err, archive.ErrInvalid) && !errors.Is(err, archive.ErrUnavailable) {
				t.Errorf("%d of %d pieces: %v", i, pieces, err)
			}
		}
	})
	t.Run("no KDC", func(t *testing.T) {
		text, err := os.ReadFile(r.config)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for i, l := range lines {
			if strings.Contains(l, "kdc = ") {
				lines[i] = "  kdc = " + freeAddress(t)
			}
		}
		r.write("nobody.conf", strings.Join(lines, "\n"))
		_, err = ucwa.SignIn(t.Context(), ucwa.Config{RootURL: srv.URL, Address: username,
			Kerberos: &ucwa.Kerberos{ConfigFile: r.file("nobody.conf"), Keytab: machine, Realm: "CONTOSO.EXAMPLE", Principal: "machine"}})
		if !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "KDC") {
			t.Errorf("error %v", err)
		}
	})
}
