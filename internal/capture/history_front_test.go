package capture_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// logbook is the conversation history of a front end: it answers in front of
// it what is below the application's communication, and passes on the rest.
type logbook struct {
	base http.RoundTripper
	log  *memory

	mu      sync.Mutex
	absent  bool       // the server offers no history
	enabled string     // conversationHistory
	logs    [][]string // each conversation's pages, each a JSON list of transcripts
	missed  string     // missedItems; "" offers none
	at      []time.Time
	asked   []string // method and path with query, without the application
	early   []string // asked for before what links to it was in the log
	trouble func(n int, path string) *http.Response
	listing string // in place of the list of logs
}

const histPath = "/communication/conversationLogs"

func newLogbook(f *front) *logbook {
	b := &logbook{base: f.client.Transport, log: f.log, enabled: "Enabled"}
	f.client = &http.Client{Transport: b}
	return b
}

// RoundTrip answers for the history.
func (b *logbook) RoundTrip(r *http.Request) (*http.Response, error) {
	app, place, ok := split(r.URL.Path)
	if !ok || place == "" || !strings.HasPrefix(place, "/communication") {
		resp, err := b.base.RoundTrip(r)
		if err == nil && ok && place == "" && r.Method == "GET" {
			return relink(resp, app)
		}
		return resp, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	where := place
	if r.URL.RawQuery != "" {
		where += "?" + r.URL.RawQuery
	}
	b.asked = append(b.asked, r.Method+" "+where)
	b.at = append(b.at, time.Now())
	if !b.led(app+where) && place != "/communication" {
		b.early = append(b.early, where)
	}
	if b.trouble != nil {
		if resp := b.trouble(len(b.asked), where); resp != nil {
			if resp.StatusCode == 0 {
				return nil, io.ErrUnexpectedEOF
			}
			return resp, nil
		}
	}
	return b.answer(app, place, r.URL.Query().Get("page")), nil
}

// led reports whether an answer in the log links to a place.
func (b *logbook) led(href string) bool {
	href, _, _ = strings.Cut(href, "?limit=")
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	return slices.ContainsFunc(b.log.obs, func(o archive.Observation) bool {
		return o.Source == archive.SourceBackfill && strings.Contains(string(o.Body), `"`+href+`"`)
	})
}

// split is an application's path and what is below it.
func split(path string) (app, place string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/ucwa/oauth/v1/applications/")
	n, _, _ := strings.Cut(rest, "/")
	app = "/ucwa/oauth/v1/applications/" + n
	return app, strings.TrimPrefix(path, app), ok && n != ""
}

func relink(resp *http.Response, app string) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	body = bytes.Replace(body, []byte(`"_links":{"self"`), []byte(`"_links":{"communication":{"href":"`+app+`/communication"},"self"`), 1)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, err
}

func jsonResponse(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

func (b *logbook) answer(app, place, page string) *http.Response {
	self := app + histPath
	switch {
	case place == "/communication":
		links := ""
		if !b.absent {
			links = fmt.Sprintf(`"conversationLogs":{"href":%q},`, self)
		}
		if b.missed != "" {
			links += fmt.Sprintf(`"missedItems":{"href":%q},`, app+"/communication/missedItems")
		}
		return jsonResponse(200, fmt.Sprintf(`{"rel":"communication","conversationHistory":%q,"_links":{%s"startMessaging":{"href":"/never"}}}`, b.enabled, links))
	case place == "/communication/missedItems":
		return jsonResponse(200, b.missed)
	case place == histPath:
		if b.listing != "" {
			return jsonResponse(200, b.listing)
		}
		var logs []string
		for i := range b.logs {
			logs = append(logs, fmt.Sprintf(`{"href":"%s/%d"}`, self, i))
		}
		return jsonResponse(200, `{"rel":"conversationLogs","_links":{"conversationLog":[`+strings.Join(logs, ",")+`]}}`)
	}
	var n, at int
	if _, err := fmt.Sscanf(strings.TrimPrefix(place, histPath), "/%d", &n); err != nil || n >= len(b.logs) {
		return jsonResponse(404, `{"code":"NotFound"}`)
	}
	self = fmt.Sprintf("%s/%d", self, n)
	if !strings.HasSuffix(place, "/transcripts") {
		return jsonResponse(200, fmt.Sprintf(`{"rel":"conversationLog","threadId":"t%d","status":"Missed","_links":{"self":{"href":"%[2]s"},
			"conversationLogTranscripts":{"href":"%[2]s/transcripts"},"markAsRead":{"href":"%[2]s/markAsRead"},"continueMessaging":{"href":"%[2]s/continue"}}}`, n, self))
	}
	_, _ = fmt.Sscan(page, &at)
	next := ""
	if at+1 < len(b.logs[n]) {
		next = fmt.Sprintf(`"nextConversationLogTranscripts":{"href":"%s/transcripts?page=%d"},`, self, at+1)
	}
	return jsonResponse(200, fmt.Sprintf(`{"rel":"conversationLogTranscripts","_links":{%s"self":{"href":"%s/transcripts"}},"_embedded":{"conversationLogTranscript":[%s]}}`,
		next, self, b.logs[n][at]))
}

// transcript is one message of the history.
func transcript(n int) string {
	return fmt.Sprintf(`{"rel":"conversationLogTranscript","timeStamp":"\/Date(%d)\/","_links":{"me":{"href":"/me"}},"_embedded":{"messageTranscript":{"_links":
		{"plainMessage":{"href":"data:text/plain,canary+logged+%d"}}}}}`, 1772452800000+1000*n, n)
}

func (b *logbook) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *logbook) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// book is what a memory keeps of reading the history.
type book struct {
	*memory
	state    archive.History
	states   []archive.History
	tasks    []archive.HistoryTask
	settled  map[string]bool
	versions map[string]string
	covered  []archive.Time // when the rounds that cover gaps began
}

func newBook(m *memory) *book {
	return &book{memory: m, settled: map[string]bool{}, versions: map[string]string{}}
}

func (b *book) History(context.Context, string) (archive.History, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, nil
}

func (b *book) HistoryTasks(_ context.Context, _ string, limit int) (out []archive.HistoryTask, found int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, logs := range []bool{false, true} {
		for _, t := range b.tasks {
			if !b.settled[t.URL] && (t.Rel == "conversationLog") == logs {
				out = append(out, t)
			}
		}
	}
	return out[:min(limit, len(out))], int64(len(b.tasks)), nil
}

func (b *book) AppendHistory(_ context.Context, s archive.HistoryStep) (a archive.Appended, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if apply, err := b.fault("history"); !apply {
		return a, err
	}
	if s.Observation != nil && b.versions[s.Resource] != string(s.Digest) {
		b.versions[s.Resource] = string(s.Digest)
		a = b.append(*s.Observation)
	}
	if s.Restart {
		b.tasks, b.settled = nil, map[string]bool{}
	}
	if s.Done != "" {
		b.settled[s.Done] = true
	}
	for _, t := range s.Next {
		if !slices.Contains(b.tasks, t) {
			b.tasks = append(b.tasks, t)
		}
	}
	if s.State != nil {
		b.state = *s.State
		b.states = append(b.states, b.state)
	}
	if s.Covers {
		b.covered = append(b.covered, b.state.Round)
	}
	return a, nil
}

var _ capture.HistoryLog = (*book)(nil)
