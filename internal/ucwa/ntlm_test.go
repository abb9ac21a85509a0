package ucwa_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// ntHash is the MD4 of password in UTF-16LE (NTOWFv1, MS-NLMP 3.3.1), made with
// openssl's legacy provider.
const ntHash = "cdc286cdb6da776627b0e1f5b48f03b0"

type connKey struct{}

// ntlmService is a token service that signs in by NTLM, connection by
// connection, as IIS does.
type ntlmService struct {
	*httptest.Server
	scheme string // NTLM or Negotiate
	drop   bool   // closes each connection with its challenge

	mu         sync.Mutex
	challenges map[any][]byte // by connection; used once
	answers    []string       // the users that answered a challenge
	strays     int            // answers on a connection without a challenge
	asked      int
}

var targetInfo = func() []byte {
	var b bytes.Buffer
	for _, av := range []struct {
		id    uint16
		value []byte
	}{{2, utf16le("CONTOSO")}, {1, utf16le("FE1")}, {7, []byte{0, 0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 1}}, {0, nil}} {
		_ = binary.Write(&b, binary.LittleEndian, [2]uint16{av.id, uint16(len(av.value))})
		b.Write(av.value)
	}
	return b.Bytes()
}()

func utf16le(s string) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, utf16.Encode([]rune(s)))
	return b.Bytes()
}

func newNTLM(t *testing.T, scheme string) *ntlmService {
	s := &ntlmService{scheme: scheme, challenges: make(map[any][]byte)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *ntlmService) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		writeJSON(w, 200, `{"_links":{"user":{"href":"/user"}}}`)
	case "/user":
		if r.Header.Get("Authorization") == "Bearer cwt=canary-token" {
			writeJSON(w, 200, `{"_links":{"applications":{"href":"/applications"}}}`)
			return
		}
		w.Header().Set("WWW-Authenticate", `MsRtcOAuth href="/token",grant_type="urn:microsoft.rtc:windows"`)
		w.WriteHeader(401)
	case "/token":
		s.token(w, r)
	}
}

func (s *ntlmService) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if r.FormValue("grant_type") != "urn:microsoft.rtc:windows" || r.Form.Has("password") {
		writeJSON(w, 400, `{"error":"invalid_request"}`)
		return
	}
	offer := s.scheme
	message, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), s.scheme+" "))
	if err == nil && len(message) > 12 && string(message[:8]) == "NTLMSSP\x00" {
		switch message[8] {
		case 1:
			offer += " " + base64.StdEncoding.EncodeToString(s.challenge(r))
			if s.drop {
				w.Header().Set("Connection", "close")
			}
		case 3:
			if s.verified(r, message) {
				writeJSON(w, 200, `{"access_token":"cwt=canary-token","expires_in":"28800","token_type":"Bearer"}`)
				return
			}
		}
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
	w.Header().Add("WWW-Authenticate", offer)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(401)
	_, _ = w.Write([]byte("<html>canary"))
}

// challenge is a CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2).
func (s *ntlmService) challenge(r *http.Request) []byte {
	nonce := []byte{1, 2, 3, 4, 5, 6, 7, byte(len(s.answers))}
	s.challenges[r.Context().Value(connKey{})] = nonce
	const header, flags = 48, 0x00880205 // Unicode, target info, NTLM, extended session security
	var b bytes.Buffer
	b.WriteString("NTLMSSP\x00")
	for _, v := range []any{uint32(2), [2]uint16{}, uint32(header), uint32(flags), nonce, uint64(0),
		[2]uint16{uint16(len(targetInfo)), uint16(len(targetInfo))}, uint32(header), targetInfo} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

// verified checks an AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3) by computing what
// the right password gives (3.3.2): the proof is an HMAC over the challenge and
// what the client adds to it, which has to hold our target information.
func (s *ntlmService) verified(r *http.Request, message []byte) bool {
	field := func(at int) []byte {
		n, offset := binary.LittleEndian.Uint16(message[at:]), binary.LittleEndian.Uint32(message[at+4:])
		return message[offset : offset+uint32(n)]
	}
	text := func(b []byte) string {
		u := make([]uint16, len(b)/2)
		_ = binary.Read(bytes.NewReader(b), binary.LittleEndian, &u)
		return string(utf16.Decode(u))
	}
	response, domain, user := field(20), text(field(28)), text(field(36))
	conn := r.Context().Value(connKey{})
	nonce := s.challenges[conn]
	delete(s.challenges, conn)
	if nonce == nil {
		s.strays++
		return false
	}
	s.answers = append(s.answers, domain+`\`+user)
	hash, _ := hex.DecodeString(ntHash)
	key := mac(hash, utf16le(strings.ToUpper(user)+domain))
	proof, temp := response[:16], response[16:]
	return hmac.Equal(proof, mac(key, append(nonce, temp...))) && bytes.HasPrefix(temp, []byte{1, 1, 0, 0}) &&
		bytes.Contains(temp, targetInfo) && (domain == "" && user == username || domain == "CONTOSO" && user == "ana")
}

func mac(key, data []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(data)
	return h.Sum(nil)
}

func (s *ntlmService) config(t *testing.T) ucwa.Config {
	tr, err := ucwa.NewTransport(ucwa.TransportConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return ucwa.Config{RootURL: s.URL, Address: username, Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: tr}}
}

func TestWindowsGrantByNTLM(t *testing.T) {
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		for _, user := range []string{"", `CONTOSO\ana`} {
			t.Run(scheme+" "+user, func(t *testing.T) {
				s := newNTLM(t, scheme)
				cfg := s.config(t)
				cfg.Username = user
				if _, err := ucwa.SignIn(t.Context(), cfg); err != nil {
					t.Fatal(err)
				}
				if len(s.answers) != 1 || s.asked != 3 || s.strays != 0 {
					t.Errorf("%d requests, answers %q, %d of them stray", s.asked, s.answers, s.strays)
				}
			})
		}
	}
}

func TestAPasswordRefusedByNTLMIsNeverSentAgain(t *testing.T) {
	s := newNTLM(t, "NTLM")
	cfg := s.config(t)
	cfg.Password = ucwa.NewSecret("canary-wrong")
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			_, err := ucwa.SignIn(t.Context(), cfg)
			var refusal *ucwa.TokenError
			if !errors.Is(err, archive.ErrUnauthorized) || !errors.As(err, &refusal) || refusal.Status != 401 || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v", err)
			}
		})
	}
	wg.Wait()
	if len(s.answers) != 1 {
		t.Errorf("the password was tried %d times", len(s.answers))
	}
}

// Each client has its own handshake although all share one transport.
func TestHandshakesDoNotMix(t *testing.T) {
	s := newNTLM(t, "NTLM")
	cfg := s.config(t)
	var wg sync.WaitGroup
	for range 8 {
		one := cfg
		one.Password = ucwa.NewSecret(password)
		wg.Go(func() {
			if _, err := ucwa.SignIn(t.Context(), one); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(s.answers) != 8 || s.strays != 0 {
		t.Errorf("%d answers, %d stray", len(s.answers), s.strays)
	}
}

// The wire log stands between client and transport without coming between the
// messages, and holds none of them.
func TestTheWireLogOfAHandshake(t *testing.T) {
	s := newNTLM(t, "NTLM")
	cfg := s.config(t)
	var log bytes.Buffer
	rt := ucwa.WireLog(&log, cfg.HTTPClient.Transport, nil)
	cfg.HTTPClient.Transport = rt
	if _, err := ucwa.SignIn(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	ucwa.Written(rt)
	if s.strays != 0 || strings.Count(log.String(), `"auth":"NTLM"`) != 2 || strings.Contains(log.String(), "TlRM") || strings.Contains(log.String(), "canary") {
		t.Errorf("%d stray answers, logged %s", s.strays, log.String())
	}
	s.drop = true
	cfg.Password = ucwa.NewSecret(password)
	if _, err := ucwa.SignIn(t.Context(), cfg); !errors.Is(err, archive.ErrUnavailable) || s.strays != 0 {
		t.Errorf("%d stray answers, %v", s.strays, err)
	}
}

// A connection lost between challenge and answer is no refusal, and the answer
// goes nowhere else.
func TestAHandshakeThatBreaksOff(t *testing.T) {
	s := newNTLM(t, "NTLM")
	s.drop = true
	cfg := s.config(t)
	if _, err := ucwa.SignIn(t.Context(), cfg); !errors.Is(err, archive.ErrUnavailable) || errors.Is(err, archive.ErrUnauthorized) {
		t.Errorf("error %v", err)
	}
	if len(s.answers)+s.strays != 0 {
		t.Errorf("answered on another connection")
	}
	s.drop = false
	if _, err := ucwa.SignIn(t.Context(), cfg); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestGrants(t *testing.T) {
	const both, windows, passive = "urn:microsoft.rtc:windows,password", "urn:microsoft.rtc:windows", "urn:microsoft.rtc:passive"
	for _, tt := range []struct {
		offered, wanted, password string
		asks                      string // grant_type of the first request
		err                       error
	}{
		{both, "", password, "password", nil},
		{both, "password", password, "password", nil},
		{both, "windows", password, windows, archive.ErrUnauthorized}, // this service knows no NTLM
		{windows, "", password, windows, archive.ErrUnauthorized},
		{windows, "password", password, "", archive.ErrUnauthorized},
		{"password", "windows", password, "", archive.ErrUnauthorized},
		{passive, "", password, "", archive.ErrUnauthorized},
		{both, "", "", "", archive.ErrUnauthorized},
		{both, "kerberos?", password, "", archive.ErrInvalid},
	} {
		var asked string
		pool := webPool(tt.offered)
		n := &network{hosts: map[string]http.HandlerFunc{externalTLS: linksTo("user", web+"/user"), web: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" && asked == "" {
				asked = r.FormValue("grant_type")
			}
			pool(w, r)
		}}}
		_, err := ucwa.SignIn(t.Context(), ucwa.Config{Address: username, Password: ucwa.NewSecret(tt.password), Grant: tt.wanted,
			HTTPClient: &http.Client{Transport: n}})
		if !errors.Is(err, tt.err) || asked != tt.asks {
			t.Errorf("%q of %q: asked for %q, %v", tt.wanted, tt.offered, asked, err)
		}
	}
}
