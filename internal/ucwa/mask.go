package ucwa

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// vocabulary are the members whose values are words of the protocol:
// enumerations, rels and error codes (the resources' reference and their
// appendix of enumerations).
var vocabulary = []string{
	"rel", "type", "state", "code", "subcode", "direction", "importance", "status", "role", "sourceNetwork",
	"activeModalities", "supportedModalities", "supportedMessageFormats", "negotiatedMessageFormats", "modalities", "availableModalities",
	"conversationHistory", "audioPreference", "accessLevel", "availability", "signInAs", "deviceType",
	"messageArchiving", "callLogArchiving", "saveMessagingHistory", "saveCallLogs", "htmlMessaging", "messagingUrls",
	"emoticons", "photos", "logging", "loggingLevel", "exchangeUnifiedMessaging", "clientExchangeConnectivity", "telephonyMode",
	"error", "token_type", "ms_rtc_identityscope",
}

// dates are the members that hold a Date.
var dates = []string{"timeStamp", "created", "creationTime", "expirationTime"}

// people are the collections below which the next segment of a link names
// somebody, whatever it looks like.
var people = []string{"participants", "people", "contacts", "contact", "participant", "photos", "photo", "groups",
	"subscribedContacts", "typingParticipants", "attendees", "leaders", "lobby"}

// masked stands for a string.
func masked(s string) string {
	if s == "" {
		return ""
	}
	return "‹" + strconv.Itoa(utf8.RuneCountInString(s)) + "›"
}

// maskWord keeps a word of a form that the protocol's have.
func maskWord(s string) string {
	if codeWord(s) == "" {
		return masked(s)
	}
	return s
}

// frame is the object or array that a token stands in.
type frame struct {
	object bool
	member string // the member whose value comes, or that the array is the value of
	value  bool   // object: a value comes, not a name
}

// maskJSON is a body with its structure and without what people wrote. Of one
// that is not JSON nothing is left.
func maskJSON(body []byte) jsontext.Value {
	dec := jsontext.NewDecoder(bytes.NewReader(TrimBOM(body)), lenient)
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out, lenient)
	stack := []frame{{}}
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && len(stack) == 1 && out.Len() > 0 {
			return jsontext.Value(bytes.TrimSpace(out.Bytes()))
		}
		if err != nil || len(stack) == 1 && out.Len() > 0 {
			return nil
		}
		if err := enc.WriteToken(maskToken(&stack, token)); err != nil {
			return nil
		}
	}
}

// maskToken moves on in the stack.
func maskToken(stack *[]frame, token jsontext.Token) jsontext.Token {
	top := &(*stack)[len(*stack)-1]
	switch token.Kind() {
	case '{', '[':
		top.value = false // before top moves
		*stack = append(*stack, frame{object: token.Kind() == '{', member: top.member})
		return token
	case '}', ']':
		*stack = (*stack)[:len(*stack)-1]
		return token
	}
	if top.object && !top.value {
		top.member, top.value = token.String(), true
		return jsontext.String(maskName(top.member))
	}
	top.value = false
	if token.Kind() == '"' {
		return jsontext.String(maskValue(top.member, token.String()))
	}
	return token
}

// maskName keeps the name of a member; those of the protocol are words, apart
// from rels with a prefix.
func maskName(s string) string {
	if codeWord(strings.ReplaceAll(s, ":", "_")) == "" {
		return masked(s)
	}
	return s
}

func maskValue(member, s string) string {
	switch {
	case member == "href":
		return maskHref(s)
	case slices.Contains(vocabulary, member):
		return maskName(s)
	case slices.Contains(dates, member):
		if _, err := parseDate(s); err == nil {
			return s
		}
	}
	return masked(s)
}

// maskHref is a link without whom it names.
func maskHref(href string) string {
	u, err := url.Parse(href)
	if err != nil || u.User != nil || u.Opaque != "" || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" {
		return masked(href)
	}
	if u.Host == "" {
		return maskURL(u)
	}
	if hostWord(u.Hostname()) == "" {
		return masked(href)
	}
	return originOf(u) + maskURL(u)
}

// maskURL is the path and the query of a URL.
func maskURL(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	named := false // by the segment before
	for i, s := range segments {
		names := slices.Contains(people, s)
		if named && !names || !plainSegment(s) {
			segments[i] = masked(s)
		}
		named = names
	}
	path := strings.Join(segments, "/")
	if u.RawQuery == "" {
		return path
	}
	parts := strings.Split(u.RawQuery, "&")
	for i, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		parts[i] = maskWord(name)
		if ok {
			parts[i] += "=" + maskNumber(value)
		}
	}
	return path + "?" + strings.Join(parts, "&")
}

// plainSegment tells the words and ids of paths from addresses and numbers of
// telephones.
func plainSegment(s string) bool {
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		return s == maskNumber(s)
	}
	return s == "" || codeWord(strings.NewReplacer("-", "_", ".", "_").Replace(s)) != ""
}

func maskNumber(s string) string {
	const longest = 10 // shorter than a telephone number with its country
	if _, err := strconv.ParseUint(s, 10, 64); err != nil || len(s) > longest {
		return masked(s)
	}
	return s
}

// authScheme is the first word of a header about authentication.
func authScheme(value string) string {
	scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	for _, known := range []string{"Bearer", "NTLM", "Negotiate", "Basic", "Digest", oauthScheme} {
		if strings.EqualFold(scheme, known) {
			return known
		}
	}
	return masked(scheme)
}

// maskHeaders is what an answer's headers say of the protocol.
func maskHeaders(h http.Header) map[string]string {
	out := make(map[string]string)
	set := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	set("content-encoding", contentCoding(h))
	set("date", dateWord(h.Get("Date")))
	set("retry-after", retryWord(h.Get("Retry-After")))
	set("x-ms-server-fqdn", hostWord(h.Get("X-MS-Server-Fqdn")))
	set("x-ms-diagnostics", diagnosticsNumber(h))
	if v := h.Get("Location"); v != "" {
		set("location", maskHref(v))
	}
	if strings.Contains(h.Get("Warning"), "InvalidToken") {
		set("warning", "InvalidToken")
	}
	var schemes []string
	for _, line := range h.Values("WWW-Authenticate") {
		schemes = append(schemes, authScheme(line))
	}
	set("www-authenticate", strings.Join(schemes, ", "))
	if href, grants, ok := oauthChallenge(h); ok {
		for i, g := range grants {
			if !slices.Contains(knownGrants, strings.ToLower(g)) {
				grants[i] = masked(g)
			}
		}
		set("token-service", maskHref(href))
		set("grants", strings.Join(grants, ","))
	}
	return out
}

// knownGrants are the grants of AuthenticationInUCWA.md.
var knownGrants = []string{passwordGrant, windowsGrant, "urn:microsoft.rtc:passive", "urn:microsoft.rtc:anonmeeting"}

func contentCoding(h http.Header) string {
	v := strings.ToLower(h.Get("Content-Encoding"))
	if !slices.Contains([]string{"gzip", "deflate", "identity"}, v) {
		return masked(v)
	}
	return v
}

func dateWord(s string) string {
	if _, err := http.ParseTime(s); err != nil {
		return ""
	}
	return s
}

func retryWord(s string) string {
	if dateWord(s) != "" {
		return s
	}
	return maskNumber(s)
}

// mediaWord is the media type of a body when it has the form of one.
func mediaWord(r Response) string {
	t := r.ContentType()
	if codeWord(strings.NewReplacer("/", "_", ".", "_", "+", "_", "-", "_").Replace(t)) == "" {
		return masked(t)
	}
	return t
}
