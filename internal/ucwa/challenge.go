package ucwa

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// challenge is one authentication scheme that a 401 offers.
type challenge struct {
	scheme string
	params map[string]string // names in lower case
}

// oauthScheme is the challenge that names the token service
// (AuthenticationInUCWA.md).
const oauthScheme = "MsRtcOAuth"

// oauthChallenge finds where to get a token and by which grants. The scheme is
// found by its name: servers send it in a header line of its own or joined to
// others by commas, in any order.
func oauthChallenge(h http.Header) (href string, grants []string, ok bool) {
	for _, c := range parseChallenges(h.Values("WWW-Authenticate")) {
		if strings.EqualFold(c.scheme, oauthScheme) && c.params["href"] != "" {
			return c.params["href"], splitList(c.params["grant_type"]), true
		}
	}
	return "", nil, false
}

// authority is where the Bearer challenge says that modern authentication
// begins; "" when it does not.
func authority(h http.Header) string {
	for _, c := range parseChallenges(h.Values("WWW-Authenticate")) {
		if uri := c.params["authorization_uri"]; strings.EqualFold(c.scheme, "Bearer") && uri != "" {
			if u, err := resolve(&url.URL{}, uri); err == nil && u.Scheme == "https" {
				return u.String()
			}
		}
	}
	return ""
}

func splitList(s string) []string {
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// parseChallenges reads WWW-Authenticate lines. A word followed by '=' is a
// parameter of the scheme before it, any other word a scheme; values may be
// quoted or, as front ends write them, bare URLs. Whatever has neither form is
// passed over.
func parseChallenges(lines []string) []challenge {
	var out []challenge
	for _, line := range lines {
		s := scanner{rest: line}
		for s.skip(" \t,=\""); s.rest != ""; s.skip(" \t,=\"") {
			word := s.word(" \t,=\"")
			s.skip(" \t")
			if !strings.HasPrefix(s.rest, "=") {
				out = append(out, challenge{scheme: word, params: map[string]string{}})
				continue
			}
			s.rest = s.rest[1:]
			s.skip(" \t")
			value := s.value()
			if len(out) > 0 {
				setOnce(out[len(out)-1].params, strings.ToLower(word), value)
			}
		}
	}
	return out
}

// setOnce keeps the first of two values, so that nothing appended to a
// challenge redirects a password.
func setOnce(m map[string]string, key, value string) {
	if _, ok := m[key]; !ok {
		m[key] = value
	}
}

type scanner struct{ rest string }

func (s *scanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

func (s *scanner) word(stop string) string {
	i := strings.IndexAny(s.rest, stop)
	if i < 0 {
		i = len(s.rest)
	}
	word := s.rest[:i]
	s.rest = s.rest[i:]
	return word
}

// value reads a quoted string with its escapes, or a bare value up to the next
// comma or blank.
func (s *scanner) value() string {
	if !strings.HasPrefix(s.rest, `"`) {
		return s.word(" \t,")
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return b.String()
}
