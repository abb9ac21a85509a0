package ucwa_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime/metrics"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// garbler makes answers that are wrong in ways that servers and networks have.
type garbler struct{ *rand.Rand }

func (g garbler) pick(list ...string) string { return list[g.IntN(len(list))] }

// value is a JSON value of a kind that nobody expects.
func (g garbler) value() string {
	switch g.IntN(12) {
	case 0:
		n := 1 + g.IntN(100)
		if g.IntN(50) == 0 {
			n *= 200
		}
		return strings.Repeat(g.pick("[", `{"a":`, `{"_links":`, `{"events":[`), n) + strings.Repeat("]", g.IntN(n))
	case 1:
		return g.pick("", "-") + strings.Repeat(g.pick("9", "0", "1e"), 1+g.IntN(400)) + g.pick("", ".5", "e999999", "e-999999")
	case 2:
		return "\"\xff\xfe\xed\xa0\x80\""
	case 3:
		return g.pick(`"\ud800"`, `"\u0000"`, `"\x"`, `"\u12"`, `"`+"\n"+`"`, `"unclosed`)
	case 4:
		return `"` + strings.Repeat("x", 1<<g.IntN(16)) + `"`
	case 5:
		return g.pick(`{"href":{}}`, `{"href":null}`, `[{"href":1}]`, `{"href":"/a","href":"/b"}`, `{"":""}`, `{"a":1,"a":2}`, `[[],[[]]]`, `{"canary":canary}`, `{"canary":{"canary":1,"canary":2}}`, `{"canary"}`)
	}
	return g.pick("null", "true", "{}", "[]", `""`, "0", "-0", "NaN", "Infinity", "undefined", "'x'", "/*x*/", "1 2", ",", ":", "}", "]", `"/Date(99999999999999999999)/"`, `"/Date(-1)/"`)
}

// spoil is a copy of b that is wrong in up to three ways.
func (g garbler) spoil(b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + g.IntN(3) {
		if len(b) == 0 {
			return b
		}
		at := g.IntN(len(b))
		switch g.IntN(9) {
		case 0:
			b = b[:at]
		case 1:
			b[at] ^= byte(1 << g.IntN(8))
		case 2:
			b = append(b[:at:at], append([]byte(g.value()), b[at:]...)...)
		case 3: // another value for a member
			if i := bytes.IndexByte(b[at:], ':'); i >= 0 {
				b = append(b[:at+i+1:at+i+1], append([]byte(g.value()+","), b[at+i+1:]...)...)
			}
		case 4:
			b = append([]byte(g.pick("\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf", "\xff\xfe", ")]}',\n", "\x00", " \n")), b...)
		case 5:
			b = append(b, b[at:]...)
		case 6: // a member twice
			if i, j := bytes.IndexByte(b, '{'), bytes.LastIndexByte(b, '}'); i >= 0 && j > i {
				b = append(b[:j:j], append([]byte(","), b[i+1:]...)...)
			}
		case 7:
			b = bytes.ReplaceAll(b, []byte(`"`), []byte(g.pick("'", `""`, `\"`, "“")))
		case 8:
			return []byte(g.value())
		}
	}
	return b
}

func (g garbler) media() string {
	return g.pick("application/json", "application/json; charset=utf-8", "application/vnd.microsoft.com.ucwa+json", "application/json;charset=\x00", "text/json",
		"text/html", "", ";", "a/b/c", "application/xml", "application/json, text/html", strings.Repeat("a", 5000)+"/json", "multipart/mixed; boundary=")
}

// answer is one with a spoiled body, sometimes compressed and sometimes cut.
func (g garbler) answer(status int, body []byte) *http.Response {
	body = g.spoil(body)
	h := http.Header{"Content-Type": {g.media()}}
	switch g.IntN(20) {
	case 0:
		h.Set("Content-Encoding", g.pick("gzip", "GZIP", "gzip, gzip", "br"))
	case 1:
		h.Set("Content-Encoding", "gzip")
		body = g.spoil(zipped(body))
	case 2:
		h.Set("Content-Encoding", "gzip")
		body = zipped(body)
	}
	h.Set("Retry-After", g.pick("", "17", "-1", "999999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "soon"))
	h.Set("Date", g.pick("", "Thu, 01 Jan 1970 00:00:00 GMT", "\x00", "31 Feb"))
	h.Set("X-Ms-Diagnostics", string(g.spoil([]byte(`28055;source="x"`))))
	var r io.Reader = bytes.NewReader(body)
	if g.IntN(10) == 0 {
		r = io.MultiReader(r, failing{})
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(r)}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("canary: connection reset") }

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

const application = `{"rel":"application","etag":"1","_links":{"self":{"href":"/app"},"events":{"href":"/events?ack=1"}},"_embedded":{"me":{"name":"Ana","uri":"sip:ana@contoso.example","_links":{"makeMeAvailable":{"href":"/make"},"reportMyActivity":{"href":"/report"}}}}}`

// spoiled is a front end that answers well up to a stage and with garbage there.
type spoiled struct {
	garbler
	stage string
}

func (s spoiled) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	where := map[string]string{"/": "root", "/user": "user", "/token": "token"}[r.URL.Path]
	if where == "user" && r.Header.Get("Authorization") != "" {
		where = "home"
	}
	status, challenge := 200, ""
	body := map[string]string{
		"root": `{"_links":{"self":{"href":"/"},"user":{"href":"/user"}}}`, "home": `{"_links":{"applications":{"href":"/applications"}}}`,
		"token": `{"access_token":"cwt=canary-token","expires_in":28364,"ms_rtc_identityscope":"local","token_type":"Bearer"}`,
	}[where]
	if where == "user" {
		status, challenge = 401, `Bearer trusted_issuers="00000002@contoso.example", MsRtcOAuth href="/token",grant_type="urn:microsoft.rtc:windows,password"`
	}
	if where == "" {
		body = s.pick(batch, batch, application, `{"code":"NotFound","subcode":"ApplicationNotFound","message":"gone"}`, `{"rel":"message","timeStamp":"\/Date(1521638897041)\/","_links":{"self":{"href":"/m"},"plainMessage":{"href":"data:text/plain,hi"}}}`)
	}
	if where != s.stage {
		h := http.Header{"Content-Type": {"application/json"}, "Www-Authenticate": {challenge}}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	if s.IntN(4) == 0 {
		status = []int{200, 201, 204, 206, 302, 400, 401, 403, 404, 409, 410, 429, 500, 502, 503, 599, 999}[s.IntN(17)]
	}
	resp := s.answer(status, []byte(body))
	if challenge != "" {
		resp.Header["Www-Authenticate"] = strings.SplitN(string(s.spoil([]byte(challenge))), ", ", 1+s.IntN(2))
	}
	return resp, nil
}

// digest reads a body in all the ways there are.
func digest(g garbler, body []byte) {
	env, _ := ucwa.ParseEnvelope(body)
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			e, _ := ucwa.ParseEvent(raw)
			_, _ = ucwa.ParseHead(e.Embedded)
		}
	}
	for _, v := range []any{&ucwa.Conversation{}, &ucwa.Participant{}, &ucwa.Invitation{}, &ucwa.Message{}, &ucwa.Modality{}} {
		_ = ucwa.Parse(body, v)
	}
	_, _ = ucwa.ParseHead(body)
	text := string(body[:min(len(body), 4096)])
	_, _, _ = ucwa.ParseDataURI(string(g.spoil([]byte("data:text/html;charset=utf-8;base64,PGI+aGk8L2I+"))))
	_, _, _ = ucwa.ParseDataURI("data:" + text)
	_, _ = ucwa.WithParameters(text)
	_, _, _ = ucwa.OAuthChallenge(http.Header{"Www-Authenticate": {text}})
	_ = ucwa.Fold(text) + ucwa.NormalizeURI(text) + ucwa.URIFromHref(text) + ucwa.ApplicationHref(text) + ucwa.ThreadTime(text).String()
}

// Whatever is answered, the client neither panics nor takes long, keeps to its
// memory, and quotes nothing.
func TestTenThousandMalformedAnswers(t *testing.T) {
	const (
		cases  = 10_000
		slow   = 20 * time.Second // for one, on a busy machine
		bounds = 200 << 20        // bytes allocated for one; a body may have 32 MiB
	)
	g := garbler{rand.New(rand.NewPCG(2010, 7))}
	answers := spoiled{garbler: g}
	hc := &http.Client{Transport: ucwa.WireLog(io.Discard, roundTrip(func(r *http.Request) (*http.Response, error) { return answers.RoundTrip(r) }), nil)}
	config := func() ucwa.Config {
		return ucwa.Config{RootURL: "https://web.contoso.example/", Username: `CONTOSO\ana`, Password: ucwa.NewSecret(password), HTTPClient: hc}
	}
	signedIn, err := ucwa.SignIn(t.Context(), func() ucwa.Config { answers.stage = "none"; return config() }())
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	for i := range cases {
		before, start := allocated(), time.Now()
		var errs []error
		switch stage := []string{"root", "user", "token", "home", "", "", "", ""}[i%8]; stage {
		case "":
			answers.stage = ""
			r, err := signedIn.Poll(t.Context(), "/events")
			digest(g, r.Body)
			errs = append(errs, err)
			switch i % 3 {
			case 0:
				_, err = signedIn.CreateApplication(t.Context(), "5f0c")
			case 1:
				_, err = signedIn.Application(t.Context(), "/app")
			case 2:
				err = signedIn.Accept(t.Context(), "/a")
			}
			errs = append(errs, err)
		default:
			answers.stage = stage
			_, err := ucwa.SignIn(t.Context(), config())
			errs = append(errs, err)
		}
		took := time.Since(start)
		if used := allocated() - before; took > slow || used > bounds {
			t.Errorf("case %d took %s and %d MiB", i, took, used>>20)
		}
		for _, err := range errs {
			if err != nil {
				failures++
				if strings.Contains(err.Error(), "canary") || len(err.Error()) > 500 || !sentinel(err) {
					t.Errorf("case %d: error %.600q", i, err)
				}
			}
		}
	}
	if failures < cases/2 {
		t.Errorf("only %d failures: the answers are not malformed enough", failures)
	}
}

// allocated is how many bytes were allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// sentinel reports whether somebody who gets err knows what to do.
func sentinel(err error) bool {
	for _, s := range []error{archive.ErrInvalid, archive.ErrUnavailable, archive.ErrUnauthorized, archive.ErrNotFound, archive.ErrConflict} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// A bomb is given up at the limit, in whatever wrapping it comes.
func TestBombs(t *testing.T) {
	const members, bounds = 512, 400 << 20 // reading up to the limit allocates about five times that
	member := zipped(bytes.Repeat([]byte("[1, "), 1<<18))
	for name, body := range map[string]func() (io.Reader, string){
		"plain": func() (io.Reader, string) { return io.LimitReader(spaces{}, members<<20), "" },
		"gzip":  func() (io.Reader, string) { return bytes.NewReader(bytes.Repeat(member, members)), "gzip" },
		"chunks": func() (io.Reader, string) {
			return iotest.OneByteReader(bytes.NewReader(bytes.Repeat(member, members))), "gzip"
		},
	} {
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/events" {
				return spoiled{stage: "none"}.RoundTrip(r)
			}
			b, coding := body()
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {coding}}, Body: io.NopCloser(b)}, nil
		})
		c, err := ucwa.SignIn(t.Context(), ucwa.Config{RootURL: "https://web.contoso.example/", Username: `CONTOSO\ana`,
			Password: ucwa.NewSecret(password), HTTPClient: &http.Client{Transport: ucwa.WireLog(io.Discard, rt, nil)}})
		if err != nil {
			t.Fatal(err)
		}
		before := allocated()
		r, err := c.Poll(t.Context(), "/events")
		used := allocated() - before
		if !errors.Is(err, archive.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "larger than") || len(r.Body) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(r.Body), err)
		}
		if used > bounds {
			t.Errorf("%s: took %d MiB", name, used>>20)
		}
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
