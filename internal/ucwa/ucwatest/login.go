package ucwatest

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// origin is the scheme and host that the client used, so that what it is given
// leads back here.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// answer writes a resource.
func answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	answerBytes(w, r, status, marshal(v))
}

// answerAs writes a body of any type, or a resource when the type is "".
func answerAs(w http.ResponseWriter, r *http.Request, media string, b []byte) {
	if media == "" {
		answerBytes(w, r, http.StatusOK, b)
		return
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(b) // a client that has gone is the client's business
}

func answerBytes(w http.ResponseWriter, r *http.Request, status int, b []byte) {
	kind := "application/json; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "ucwa+json") {
		kind = "application/vnd.microsoft.com.ucwa+json; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	if status != http.StatusOK || !takesGzip(r.Header.Get("Accept-Encoding")) {
		w.WriteHeader(status)
		_, _ = w.Write(b) // a client that has gone is the client's business
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z := gzip.NewWriter(w)
	_, _ = z.Write(b)
	_ = z.Close()
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(accepted string) bool {
	for part := range strings.SplitSeq(accepted, ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}

// problem answers with an error object (Errors in the UCWA reference).
func problem(w http.ResponseWriter, r *http.Request, status int, code, subcode string) {
	answer(w, r, status, map[string]any{"code": code, "subcode": subcode, "message": "The request was not successful."})
}

// root is where discovery begins.
func (s *Server) root(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" && !strings.HasSuffix(r.URL.Path, "/root") {
		http.NotFound(w, r)
		return
	}
	base := origin(r) + "/Autodiscover/AutodiscoverService.svc/root"
	query := "?originalDomain=" + domain(s.sc.Account)
	answer(w, r, http.StatusOK, map[string]any{"_links": map[string]any{
		"self":   map[string]any{"href": base + query},
		"user":   map[string]any{"href": base + "/oauth/user" + query},
		"xframe": map[string]any{"href": origin(r) + "/Autodiscover/XFrame/XFrame.html"},
	}})
}

// user is the protected resource: without a token it is the challenge.
func (s *Server) userResource(w http.ResponseWriter, r *http.Request) {
	who, known := s.authorized(r)
	if !known {
		s.refuse(w, r)
		return
	}
	home := origin(r)
	if s.opt.Home != "" {
		home = home[:strings.Index(home, "//")+2] + s.opt.Home
	}
	answer(w, r, http.StatusOK, map[string]any{"_links": map[string]any{
		"self":         map[string]any{"href": home + "/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=" + domain(who.Person)},
		"applications": map[string]any{"href": home + "/ucwa/oauth/v1/applications?originalDomain=" + domain(who.Person)},
		"xframe":       map[string]any{"href": home + "/Autodiscover/XFrame/XFrame.html"},
	}})
}

// refuse turns away a request without a token that is accepted.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request) {
	if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer"); !s.opt.Forbid || strings.TrimSpace(token) == "" {
		s.challenge(w, r)
		return
	}
	w.Header().Set("X-Ms-diagnostics", `28055;source="sim.contoso.example";reason="The OAuth token is invalid.";faultcode="wsse:InvalidSecurityToken"`)
	w.Header().Set("Warning", `120 sim.contoso.example "InvalidToken"`)
	problem(w, r, http.StatusForbidden, "Forbidden", "")
}

// challenge says how a token is got: in two header lines, as documented, or in
// one, as recorded.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request) {
	lines := []string{
		`Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.example", client_id="00000004-0000-0ff1-ce00-000000000000"`,
		fmt.Sprintf(`MsRtcOAuth href="%s/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`, origin(r)),
	}
	if s.opt.JoinChallenge {
		lines = []string{strings.Join(lines, ", ")}
	}
	for _, l := range lines {
		w.Header().Add("WWW-Authenticate", l)
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte("<html><body>401 - Unauthorized: Access is denied due to invalid credentials.</body></html>"))
}

// grant is a token that was given.
type grant struct {
	user *user
	at   time.Time
	host string // where it is good
}

// token grants by password; the form may be urlencoded or multipart.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	const limit = 64 << 10
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		_ = r.ParseMultipartForm(limit) // what cannot be read is not there
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_ = r.ParseForm()
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.PostForm.Get("grant_type") != "password" {
		answer(w, r, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.login(r.PostForm.Get("username"))
	if who == nil || r.PostForm.Get("password") != who.password {
		w.Header().Set("X-Ms-diagnostics", `28020;source="sim";reason="No valid security token."`)
		answer(w, r, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	sum := sha256.Sum256(fmt.Append(nil, s.sc.Name, len(s.tokens)))
	t := "cwt=" + hex.EncodeToString(sum[:])
	s.tokens[t] = grant{user: who, at: time.Now(), host: r.Host}
	lifetime := 28364
	if s.opt.TokenLife > 0 {
		lifetime = int(s.opt.TokenLife / time.Second)
	}
	answer(w, r, http.StatusOK, map[string]any{"access_token": t, "expires_in": lifetime, "ms_rtc_identityscope": "local", "token_type": "Bearer"})
}

// authorized finds who a request's token was given to.
func (s *Server) authorized(r *http.Request) (who *user, ok bool) {
	g, ok := s.granted(r)
	return g.user, ok && !s.elsewhere(g, r)
}

func (s *Server) granted(r *http.Request) (grant, bool) {
	t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.tokens[t]
	return g, ok && known && (s.opt.TokenLife == 0 || time.Since(g.at) < s.opt.TokenLife)
}

// elsewhere tells whether a token is of another pool than the one asked.
func (s *Server) elsewhere(g grant, r *http.Request) bool {
	return s.opt.Home != "" && r.Host == s.opt.Home && g.host != s.opt.Home
}

// foreign tells a token of another pool from one that is nothing at all.
func (s *Server) foreign(r *http.Request) bool {
	g, ok := s.granted(r)
	return ok && s.elsewhere(g, r)
}
