package ucwatest

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
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
	const path = "/Autodiscover/AutodiscoverService.svc/root"
	base, query := origin(r)+path, "?originalDomain="+domain(s.sc.Account)
	only := func(rel, href string) {
		answer(w, r, http.StatusOK, map[string]any{"_links": map[string]any{rel: map[string]any{"href": href + query}}})
	}
	if uri := r.URL.Query().Get("sipuri"); uri != "" && !s.homes(uri) {
		w.WriteHeader(http.StatusNotFound) // without a body
		return
	}
	if next := s.redirect(r.Host); next != "" {
		scheme, _, _ := strings.Cut(origin(r), "//")
		only("redirect", scheme+"//"+next+path)
		return
	}
	if s.opt.LinkOnly && r.TLS == nil {
		only("redirect", "https://"+r.Host+path)
		return
	}
	answer(w, r, http.StatusOK, map[string]any{"_links": map[string]any{
		"self":   map[string]any{"href": base + query},
		"user":   map[string]any{"href": base + "/oauth/user" + query},
		"xframe": map[string]any{"href": origin(r) + "/Autodiscover/XFrame/XFrame.html"},
	}})
}

// redirect is where autodiscovery at a host leads on to; "" for nowhere.
func (s *Server) redirect(host string) string {
	to := s.opt.Redirects
	for i, at := range to {
		if strings.EqualFold(at, host) && i+1 < len(to) {
			return to[i+1]
		} else if strings.EqualFold(at, host) {
			return ""
		}
	}
	if len(to) > 0 {
		return to[0]
	}
	return ""
}

// homes tells whether somebody has his home at this pool.
func (s *Server) homes(uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(uri)
	return u != nil && !slices.ContainsFunc(s.opt.Unhomed, func(a string) bool { return s.user(a) == u })
}

// userResource is the protected resource: without a token it is the challenge.
func (s *Server) userResource(w http.ResponseWriter, r *http.Request) {
	who, known := s.authorized(r)
	if !known {
		s.refuse(w, r)
		return
	}
	if !s.homes(who.URI) {
		w.WriteHeader(http.StatusNotFound) // without a body
		return
	}
	home := origin(r)
	if s.opt.Home != "" {
		home = home[:strings.Index(home, "//")+2] + s.opt.Home
	}
	answer(w, r, http.StatusOK, map[string]any{"_links": map[string]any{
		"self":         map[string]any{"href": home + "/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=" + domain(who.Person)},
		"applications": map[string]any{"href": home + s.prefix() + "/applications?originalDomain=" + domain(who.Person)},
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
	bearer := `Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.example", client_id="00000004-0000-0ff1-ce00-000000000000"`
	if s.opt.AuthorizationURI != "" {
		bearer += fmt.Sprintf(`, authorization_uri="%s"`, s.opt.AuthorizationURI)
	}
	lines := []string{bearer, fmt.Sprintf(`MsRtcOAuth href="%s/WebTicket/oauthtoken",grant_type="%s"`, origin(r), strings.Join(s.grants(), ","))}
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

// grants are the grant types on offer.
func (s *Server) grants() []string {
	names := s.opt.Grants
	if len(names) == 0 {
		names = []string{"windows", "anonmeeting", "password"}
	}
	var types []string
	for _, n := range names {
		if n != "password" {
			n = "urn:microsoft.rtc:" + n
		}
		types = append(types, n)
	}
	return types
}

// grant is a token that was given.
type grant struct {
	void bool // it was taken back
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
	kind := r.PostForm.Get("grant_type")
	if offered := slices.Contains(s.grants(), kind); offered && kind == "urn:microsoft.rtc:passive" {
		answer(w, r, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "ms_rtc_passiveauthuri": origin(r) + "/PassiveAuth/PassiveAuth.aspx"})
		return
	} else if !offered || kind != "password" {
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
	return g, ok && known && !g.void && (s.opt.TokenLife == 0 || time.Since(g.at) < s.opt.TokenLife)
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
