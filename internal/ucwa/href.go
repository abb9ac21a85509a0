package ucwa

import (
	"net/url"
	"strings"
)

// Fold brings an href into the form under which a resource is known: without
// scheme, host, query and doubled slashes, and with its e-mail-like segments
// in lower case, since servers vary the case of addresses within one session.
func Fold(href string) string {
	path := href
	if i := strings.Index(path, "://"); i >= 0 {
		rest := path[i+3:]
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "/"
		}
		path = rest[slash:]
	}
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	if !needsFolding(path) {
		return path
	}
	if s, err := url.PathUnescape(path); err == nil {
		path = s
	}
	segments := strings.Split(path, "/")
	kept := segments[:0]
	for i, s := range segments {
		if s == "" && i > 0 && i < len(segments)-1 {
			continue
		}
		if strings.Contains(s, "@") {
			s = strings.ToLower(s)
		}
		kept = append(kept, s)
	}
	return strings.Join(kept, "/")
}

func needsFolding(path string) bool {
	return strings.ContainsAny(path, "@%") || strings.Contains(path, "//")
}

// NormalizeURI brings a party's address into the form under which a person is
// known: scheme and address in lower case, without parameters such as
// ;user=phone. A bare address is taken for a SIP address, a bare number for a
// telephone number. "" stays "".
func NormalizeURI(uri string) string {
	uri = strings.TrimSpace(uri)
	uri, _, _ = strings.Cut(uri, ";")
	if uri == "" {
		return ""
	}
	scheme, address, ok := strings.Cut(uri, ":")
	if !ok {
		scheme, address = "sip", uri
		if isNumber(uri) {
			scheme = "tel"
		}
	}
	return strings.ToLower(scheme + ":" + address)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "+0123456789-.() ") == "" && strings.ContainsAny(s, "0123456789")
}

// URIFromHref reads the address that the href of a participant or a contact
// ends in, as a segment or as the key of older servers, participants('ana@…');
// "" when it ends in an opaque id.
func URIFromHref(href string) string {
	last := href[strings.LastIndexByte(href, '/')+1:]
	last, _, _ = strings.Cut(last, "?")
	if s, err := url.PathUnescape(last); err == nil {
		last = s
	}
	if _, key, ok := strings.Cut(last, "('"); ok && strings.HasSuffix(key, "')") {
		last = strings.ReplaceAll(strings.TrimSuffix(key, "')"), "''", "'")
	}
	if strings.Contains(last, "@") || strings.HasPrefix(last, "+") || strings.HasPrefix(last, "tel:") || strings.HasPrefix(last, "sip:") {
		return NormalizeURI(last)
	}
	return ""
}

// ApplicationHref is the part of an href that names its application, as
// /ucwa/oauth/v1/applications/105; "" when it names none.
func ApplicationHref(href string) string {
	const segment = "/applications/"
	path := Fold(href)
	i := strings.Index(path, segment)
	if i < 0 {
		return ""
	}
	end := strings.IndexByte(path[i+len(segment):], '/')
	if end < 0 {
		return path
	}
	return path[:i+len(segment)+end]
}

// Parent is an href without its last segment.
func Parent(href string) string {
	i := strings.LastIndexByte(href, '/')
	if i < 0 {
		return ""
	}
	return href[:i]
}
