// Package static holds the style sheet, the script and the icon, embedded in
// the program and served under names that change with their content.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed app.css app.js icon.svg
var files embed.FS

// types are the content types of what is served, by extension. The system's
// own table is not asked: it differs from machine to machine.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Assets are the files under their hashed names. They never change, so they
// may be used by many goroutines.
type Assets struct {
	paths  map[string]string // app.css → /static/app.1a2b3c4d5e6f.css
	bodies map[string][]byte // by path
}

// New reads the embedded files.
func New() (*Assets, error) {
	a := &Assets{paths: map[string]string{}, bodies: map[string][]byte{}}
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		body, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		ext := path.Ext(e.Name())
		if ext == ".css" {
			body = squeeze(body)
		}
		sum := sha256.Sum256(body)
		p := "/static/" + strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.paths[e.Name()], a.bodies[p] = p, body
	}
	return a, nil
}

// squeeze takes out of a style sheet what only its readers need. The sheet has
// no string in which these spaces matter.
func squeeze(css []byte) []byte {
	s := strings.Join(strings.Fields(string(css)), " ")
	return []byte(strings.NewReplacer(" {", "{", "{ ", "{", " }", "}", "} ", "}", "; ", ";", ": ", ":", ", ", ",").Replace(s))
}

// Path is where a file is served; "" when there is none of that name.
func (a *Assets) Path(name string) string { return a.paths[name] }

// ServeHTTP serves a file for ever, since another content has another name.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := a.bodies[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", types[path.Ext(r.URL.Path)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(body) // a reader that went away is no error of ours
}
