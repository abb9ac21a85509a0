package ucwa_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

func TestErrorsHoldNothingOfTheAnswer(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    error
		text    string
	}{
		{"gone", func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 404, "\xef\xbb\xbf"+`{"code":"NotFound","subcode":"ApplicationNotFound","message":"canary text"}`)
		}, archive.ErrNotFound, "404 NotFound ApplicationNotFound"},
		{"text for a code", func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 409, `{"code":"canary, said Bo","subcode":"canary text"}`)
		}, archive.ErrConflict, "409"},
		{"a proxy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			_, _ = w.Write([]byte(`{"code":"canary"}`))
		}, archive.ErrUnavailable, "502 through an intermediary"},
		{"a page with status 200", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>canary"))
		}, archive.ErrUnavailable, "200 through an intermediary"},
		{"not HTTP", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "canary text instead of HTTP\r\n\r\n")
		}, archive.ErrUnavailable, "not readable HTTP"},
		{"cut before", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, archive.ErrUnavailable, "closed"},
		{"cut inside", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"canary\":")
		}, archive.ErrUnavailable, "closed"},
		{"busy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			writeJSON(w, 429, `{}`)
		}, archive.ErrUnavailable, "429"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t)
			p.handle("GET /canary", tt.handler)
			c := p.signIn(t)
			for _, get := range []func(context.Context, string) (ucwa.Response, error){c.Poll, c.Fetch} {
				_, err := get(t.Context(), "/canary?to=bo@contoso.example")
				if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.text) {
					t.Errorf("error %q, want %v with %q", err, tt.want, tt.text)
				}
				if strings.Contains(fmt.Sprint(err), "canary") || strings.Contains(fmt.Sprint(err), "@") {
					t.Errorf("the error quotes: %q", err)
				}
				var api *ucwa.APIError
				if tt.name == "busy" && (!errors.As(err, &api) || api.RetryAfter != 17*time.Second) {
					t.Errorf("Retry-After of %v", err)
				}
			}
		})
	}
}

func hijack(w http.ResponseWriter, raw string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write([]byte(raw))
	_ = conn.Close()
}

func TestBodies(t *testing.T) {
	zipped := func(b []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
		return out.Bytes()
	}
	big := bytes.Repeat([]byte(" "), ucwa.MaxBody)
	tests := []struct {
		name    string
		body    []byte
		zip     bool
		unasked bool
		tooBig  bool
	}{
		{"plain", []byte(`{"a":1}`), false, false, false},
		{"gzip", []byte(`{"a":1}`), true, false, false},
		{"gzip unasked", []byte(`{"a":1}`), true, true, false},
		{"the largest", big, true, false, false},
		{"too large", append(big[:len(big):len(big)], ' '), false, false, true},
		{"a bomb", append(big[:len(big):len(big)], ' '), true, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPool(t)
			p.handle("GET /b", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/vnd.microsoft.com.ucwa+json; charset=utf-8")
				w.Header().Set("Set-Cookie", "cwt_ucwa=canary")
				body := tt.body
				if tt.zip {
					w.Header().Set("Content-Encoding", "gzip")
					body = zipped(body)
				}
				_, _ = w.Write(body)
			})
			cfg := p.config()
			if tt.unasked {
				cfg.HTTPClient = &http.Client{Transport: &http.Transport{DisableCompression: true}}
				t.Cleanup(cfg.HTTPClient.CloseIdleConnections)
			}
			c, err := ucwa.SignIn(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.Poll(t.Context(), "/b")
			if tt.tooBig {
				if !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(err.Error(), "larger than 32 MiB") {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(r.Body, tt.body) {
				t.Fatalf("%d bytes, %v", len(r.Body), err)
			}
			if r.Header.Get("Set-Cookie") != "" || r.Status != 200 || !r.Requested.Known() || !r.Received.Known() || !r.Date.Known() || !r.Parked().Known() {
				t.Errorf("%d %v %s %s %s", r.Status, r.Header, r.Requested, r.Received, r.Date)
			}
		})
	}
}
