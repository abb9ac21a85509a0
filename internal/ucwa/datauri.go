package ucwa

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"archiver/internal/archive"
)

// ParseDataURI reads the text out of a data URI as UCWA sends message texts:
// data:<type>[;charset=…][;base64],<payload>. Without base64 the payload is
// form-encoded, so '+' is a space and '%2b' a plus; a payload with a malformed
// escape is kept as it stands. The media type is in lower case without
// parameters. Errors wrap archive.ErrInvalid.
func ParseDataURI(uri string) (mediaType, text string, err error) {
	rest, ok := cutPrefixFold(uri, "data:")
	head, payload, comma := strings.Cut(rest, ",")
	if !ok || !comma {
		return "", "", fmt.Errorf("ucwa: not a data URI: %w", archive.ErrInvalid)
	}
	head, isBase64 := cutSuffixFold(head, ";base64")
	mediaType, label := mediaTypeOf(head)
	raw, err := payloadBytes(payload, isBase64)
	if err != nil {
		return mediaType, "", err
	}
	text, err = toUTF8(raw, label)
	return mediaType, text, err
}

// mediaTypeOf splits the head of a data URI. RFC 2397 makes an absent type
// text/plain.
func mediaTypeOf(head string) (mediaType, label string) {
	mediaType, params, err := mime.ParseMediaType(head)
	if err != nil {
		mediaType, _, _ = strings.Cut(head, ";")
		mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	}
	if mediaType == "" {
		mediaType = "text/plain"
	}
	return mediaType, params["charset"]
}

func payloadBytes(payload string, isBase64 bool) (string, error) {
	if !isBase64 {
		if s, err := url.QueryUnescape(payload); err == nil {
			return s, nil
		}
		return payload, nil
	}
	if s, err := url.PathUnescape(payload); err == nil {
		payload = s
	}
	payload = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "", " ", "").Replace(payload), "=")
	b, err := base64.RawStdEncoding.DecodeString(payload)
	if err != nil {
		return "", fmt.Errorf("ucwa: base64 of a data URI: %w", archive.ErrInvalid)
	}
	return string(b), nil
}

// toUTF8 converts from the labelled charset. Bytes that are not valid in it
// are an error, since replacing them would change what a person wrote.
func toUTF8(s, label string) (string, error) {
	switch strings.ToLower(label) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	default:
		enc, _ := charset.Lookup(label)
		if enc == nil {
			return "", fmt.Errorf("ucwa: unknown charset of a data URI: %w", archive.ErrInvalid)
		}
		out, err := enc.NewDecoder().String(s)
		if err != nil {
			return "", fmt.Errorf("ucwa: charset of a data URI: %w", archive.ErrInvalid)
		}
		return out, nil
	}
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("ucwa: invalid UTF-8 in a data URI: %w", archive.ErrInvalid)
	}
	return s, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	cut := len(s) - len(suffix)
	if cut < 0 || !strings.EqualFold(s[cut:], suffix) {
		return s, false
	}
	return s[:cut], true
}
