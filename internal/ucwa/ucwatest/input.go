package ucwatest

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
)

// input is what a request asks for: in its body, its query, or both (Input of
// requests in the UCWA reference). Names are in any letter case.
type input struct {
	query url.Values
	body  map[string]any
	raw   []byte
	media string
}

// maxInput bounds what a client may send, in bytes.
const maxInput = 1 << 20

// readInput reads a request's body. One that is not a JSON object has no
// members.
func readInput(r *http.Request) input {
	in := input{query: r.URL.Query(), media: r.Header.Get("Content-Type")}
	in.raw, _ = io.ReadAll(io.LimitReader(r.Body, maxInput)) // what cannot be read is not there
	_ = json.Unmarshal(in.raw, &in.body)
	return in
}

func (in input) member(name string) any {
	for k, v := range in.body {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// text is a string from the body, or from the query.
func (in input) text(name string) string {
	if s, ok := in.member(name).(string); ok {
		return s
	}
	for k, v := range in.query {
		if strings.EqualFold(k, name) && len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// href is a link of the body: in _links, or as a member.
func (in input) href(rel string) string {
	links, _ := in.member("_links").(map[string]any)
	for _, v := range []any{input{body: links}.member(rel), in.member(rel)} {
		switch v := v.(type) {
		case string:
			return v
		case map[string]any:
			h, _ := input{body: v}.member("href").(string)
			return h
		}
	}
	return ""
}

// list is an array of strings from the body.
func (in input) list(name string) []string {
	var out []string
	items, _ := in.member(name).([]any)
	for _, v := range items {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
