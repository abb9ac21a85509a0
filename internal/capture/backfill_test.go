package capture_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// threeLogs are three conversations of one, three and two pages.
func threeLogs() [][]string {
	n := 0
	page := func() string { n += 2; return transcript(n) + "," + transcript(n+1) }
	return [][]string{{page()}, {page(), page(), page()}, {page(), page()}}
}

// historical is a front end with a history and an archive to read it into.
func historical(t *testing.T) (*front, *logbook, *book, capture.Config) {
	f := newFront(t)
	l := newLogbook(f)
	l.logs = threeLogs()
	b := newBook(f.log)
	cfg := f.config()
	cfg.History = b
	return f, l, b, cfg
}

// historyBodies are the answers of the history in the log, in order.
func historyBodies(b *book) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.obs {
		if o.Source == archive.SourceBackfill {
			out = append(out, string(o.Body))
		}
	}
	return out
}

func TestBackfillReadsAllOfTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, b, cfg := historical(t)
		l.missed = `{"rel":"missedItems","conversationLogsCount":3,"missedConversationsCount":3}`
		var steps []int64
		got, err := capture.Backfill(t.Context(), cfg, func(s capture.HistorySummary) { steps = append(steps, s.Observations) })
		if err != nil {
			t.Fatal(err)
		}
		want := capture.HistorySummary{Logs: 3, Transcripts: 6, Observations: 12, New: 12, Messages: 12, Found: 9}
		if diff := cmp.Diff(want, got); diff != "" || len(steps) != 9 {
			t.Error(diff, steps)
		}
		wantAsked := []string{"GET /communication", "GET /communication/missedItems", "GET " + histPath + "?limit=1000"}
		for i, pages := range l.logs {
			at := fmt.Sprintf("GET %s/%d", histPath, i)
			wantAsked = append(wantAsked, at, at+"/transcripts")
			for p := range len(pages) - 1 {
				wantAsked = append(wantAsked, fmt.Sprintf("%s/transcripts?page=%d", at, p+1))
			}
		}
		if diff := cmp.Diff(wantAsked, l.requests()); diff != "" || len(l.early) > 0 {
			t.Errorf("asked: %s; before its time: %v", diff, l.early)
		}
		if b.state.Availability != archive.HistoryAvailable || !b.state.Finished.Known() || b.state.Begun.Known() || len(b.covered) != 1 || len(b.tasks) != 0 {
			t.Errorf("afterwards: %+v, %v, %v", b.state, b.covered, b.tasks)
		}
		if slices.Contains(f.calls, "POST "+f.app()+"/makeMeAvailable") || f.calls[len(f.calls)-1] != "DELETE "+f.app() || len(f.requests()) > 0 {
			t.Errorf("an application that was made for reading: %v, %v", f.calls, f.requests())
		}
		for i := 1; i < len(l.at); i++ {
			if l.at[i].Sub(l.at[i-1]) < 100*time.Millisecond && i > 3 {
				t.Errorf("no pause before request %d", i)
			}
		}
		checkAgain(t, l, b, cfg)
	})
}

// checkAgain reads the history once more: as it was under another application,
// then changed in one place.
func checkAgain(t *testing.T, l *logbook, b *book, cfg capture.Config) {
	before := len(historyBodies(b))
	again, err := capture.Backfill(t.Context(), cfg, nil)
	if err != nil || again.New != 0 || again.Observations != 12 || len(historyBodies(b)) != before {
		t.Errorf("the same again: %+v, %v; %d observations", again, err, len(historyBodies(b))-before)
	}
	l.set(func() { l.logs[1][2] += "," + transcript(99) })
	changed, err := capture.Backfill(t.Context(), cfg, nil)
	if err != nil || changed.New != 1 || changed.Messages != 13 || len(historyBodies(b)) != before+1 {
		t.Errorf("changed in one place: %+v, %v", changed, err)
	}
}

// A backfill that is killed goes on where it was: whatever was committed is not
// asked for again, and in the end the archive holds the same.
func TestBackfillGoesOnWhereItWas(t *testing.T) {
	const requests = 11 // with an application that stays
	var whole []string
	for cut := requests + 1; cut >= 2; cut-- {
		synctest.Test(t, func(t *testing.T) {
			_, l, b, cfg := historical(t)
			keepApplication(t, cfg)
			ctx, kill := context.WithCancel(t.Context())
			l.trouble = func(n int, _ string) *http.Response {
				if n == cut {
					kill()
				}
				return nil
			}
			_, err := capture.Backfill(ctx, cfg, nil)
			if (err != nil) != (cut <= requests) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			l.set(func() { l.trouble = nil })
			if err != nil {
				if _, err := capture.Backfill(t.Context(), cfg, nil); err != nil {
					t.Fatal(err)
				}
			}
			all := historyBodies(b)
			slices.Sort(all)
			if cut > requests {
				whole = all
			}
			if diff := cmp.Diff(whole, all); diff != "" {
				t.Errorf("cut at %d: %s", cut, diff)
			}
			asked := l.requests()
			slices.Sort(asked)
			if again := len(asked) - len(slices.Compact(asked)); cut > 2 && cut <= requests && again > 1 || len(l.early) > 0 {
				t.Errorf("cut at %d: %d asked for again; early %v", cut, again, l.early)
			}
			if len(b.covered) != 1 {
				t.Errorf("cut at %d: %d rounds finished", cut, len(b.covered))
			}
		})
	}
}

// keepApplication has a capture leave an application behind.
func keepApplication(t *testing.T, cfg capture.Config) {
	t.Helper()
	cfg.History = nil
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- capture.Run(ctx, cfg) }()
	synctest.Wait()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestBackfillWaitsOutWhatPasses(t *testing.T) {
	const failure = `{"code":"ServiceFailure","subcode":"ExchangeServiceFailure"}`
	later := jsonResponse(429, `{"code":"TooManyRequests"}`)
	later.Header.Set("Retry-After", "90")
	html := jsonResponse(502, "<html>canary</html>")
	html.Header.Set("Content-Type", "text/html")
	for _, tt := range []struct {
		name  string
		resp  *http.Response
		times int
		least time.Duration
	}{
		{"Exchange fails", jsonResponse(500, failure), 5, 0},
		{"Exchange is slow", jsonResponse(504, `{"code":"Timeout","subcode":"ExchangeTimeout"}`), 5, 0},
		{"too many requests", later, 1, 90 * time.Second},
		{"too many, no word of when", jsonResponse(429, `{"code":"TooManyRequests"}`), 2, 20 * time.Second},
		{"an intermediary", html, 3, 0},
		{"connections break", &http.Response{}, 3, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l, b, cfg := historical(t)
				left := tt.times
				l.trouble = func(_ int, path string) *http.Response {
					if left == 0 || !strings.HasSuffix(path, "1/transcripts") {
						return nil
					}
					left--
					resp := *tt.resp
					if resp.StatusCode != 0 {
						resp = *jsonResponse(tt.resp.StatusCode, failure)
						resp.Header = tt.resp.Header
					}
					return &resp
				}
				began := time.Now()
				got, err := capture.Backfill(t.Context(), cfg, nil)
				if err != nil || got.Messages != 12 {
					t.Fatalf("%+v, %v", got, err)
				}
				if took := time.Since(began); took < tt.least || took > 5*time.Minute {
					t.Errorf("took %s", took)
				}
				if b.state.Trouble != "" || len(b.covered) != 1 || !slices.ContainsFunc(b.states, func(h archive.History) bool { return h.Trouble != "" }) {
					t.Errorf("the trouble is not told: %+v", b.states)
				}
			})
		})
	}
}

func TestBackfillGivesUpWhatDoesNotPass(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		resp       *http.Response
		err        bool
		trouble    string
		covers     int
	}{
		{"Exchange stays away", "1/transcripts", jsonResponse(500, `{"code":"ServiceFailure","subcode":"ExchangeServiceFailure"}`), true,
			"the server answered 500 ServiceFailure ExchangeServiceFailure", 0},
		{"the application has ended", "1/transcripts", jsonResponse(404, `{"code":"NotFound","subcode":"ApplicationNotFound"}`), true,
			"the server answered 404 NotFound ApplicationNotFound", 0},
		{"a log was deleted", "Logs/1", jsonResponse(404, `{"code":"NotFound"}`), false, "", 1},
		{"a log is withheld", "Logs/1", jsonResponse(403, `{"code":"Forbidden"}`), false, "", 0},
		{"a page cannot be read", "1/transcripts", jsonResponse(200, `{"rel":`), false, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l, b, cfg := historical(t)
				l.trouble = func(_ int, path string) *http.Response {
					if !strings.HasSuffix(path, tt.path) {
						return nil
					}
					body := make([]byte, tt.resp.ContentLength)
					_, _ = tt.resp.Body.Read(body)
					resp := jsonResponse(tt.resp.StatusCode, string(body))
					tt.resp.Body = jsonResponse(200, string(body)).Body
					return resp
				}
				_, err := capture.Backfill(t.Context(), cfg, nil)
				if (err != nil) != tt.err || b.state.Trouble != tt.trouble || len(b.covered) != tt.covers {
					t.Errorf("%v; %+v; %d rounds that cover", err, b.state, len(b.covered))
				}
				if n := len(l.requests()); n > 25 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestServerWithoutHistory(t *testing.T) {
	old := jsonResponse(500, `{"code":"ServiceFailure","subcode":"InvalidExchangeServerVersion"}`)
	for name, prepare := range map[string]func(*logbook){
		"no link":         func(l *logbook) { l.absent = true },
		"an old Exchange": func(l *logbook) { l.trouble = only(histPath+"?limit=1000", old) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l, b, cfg := historical(t)
				prepare(l)
				got, err := capture.Backfill(t.Context(), cfg, nil)
				if err != nil || !got.Unavailable || got.Logs != 0 {
					t.Errorf("%+v, %v", got, err)
				}
				if b.state.Availability != archive.HistoryUnavailable || !b.state.Checked.Known() || len(b.covered) != 0 || len(historyBodies(b)) == 0 {
					t.Errorf("%+v, covers %v, %d observations", b.state, b.covered, len(historyBodies(b)))
				}
			})
		})
	}
}

func only(path string, resp *http.Response) func(int, string) *http.Response {
	return func(_ int, asked string) *http.Response {
		if asked == path {
			return resp
		}
		return nil
	}
}

// A round covers gaps only when it may be taken to have read everything.
func TestWhatARoundCovers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*logbook)
		covers  bool
	}{
		{"history is kept", func(*logbook) {}, true},
		{"nothing said, but there are logs", func(l *logbook) { l.enabled = "" }, true},
		{"nothing said and nothing there", func(l *logbook) { l.enabled, l.logs = "", nil }, false},
		{"nothing there yet", func(l *logbook) { l.logs = nil }, true},
		{"not kept by this server", func(l *logbook) { l.enabled = "Disabled" }, false},
		{"more is counted than listed", func(l *logbook) { l.missed = `{"rel":"missedItems","conversationLogsCount":4}` }, false},
		{"a link leads away", func(l *logbook) {
			l.listing = `{"rel":"conversationLogs","_links":{"conversationLog":{"href":"https://evil.example/log"}}}`
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, l, b, cfg := historical(t)
				tt.prepare(l)
				if _, err := capture.Backfill(t.Context(), cfg, nil); err != nil || (len(b.covered) == 1) != tt.covers {
					t.Errorf("%v; %d rounds that cover", err, len(b.covered))
				}
			})
		})
	}
}

// Pages that lead in a circle end a conversation, not in one.
func TestPagesInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, _, cfg := historical(t)
		l.trouble = func(_ int, path string) *http.Response {
			if !strings.HasSuffix(path, "?page=2") {
				return nil
			}
			app := "/ucwa/oauth/v1/applications/1" + histPath
			return jsonResponse(200, `{"rel":"conversationLogTranscripts","_links":{"nextConversationLogTranscripts":{"href":"`+app+`/1/transcripts"}}}`)
		}
		if got, err := capture.Backfill(t.Context(), cfg, nil); err != nil || got.Transcripts != 6 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// Beside the loop the history is read at the start and when the server's counts
// change, not more often than is polite; and the P-GET stays parked.
func TestHistoryBesideTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, b, cfg := historical(t)
		r := f.start(cfg)
		pass(30 * time.Second)
		if len(b.covered) != 1 || len(f.requests()) != 1 {
			t.Fatalf("%d rounds and P-GETs %v after half a minute", len(b.covered), f.requests())
		}
		for range 3 {
			f.say(`{"type":"updated","link":{"rel":"missedItems","href":"/missed"}}`)
			pass(time.Second)
		}
		rounds := func() (n int) {
			for _, a := range l.requests() {
				if a == "GET /communication" {
					n++
				}
			}
			return n
		}
		if n := rounds(); n != 1 {
			t.Errorf("%d rounds at once", n)
		}
		pass(10 * time.Minute)
		if n := rounds(); n != 2 {
			t.Errorf("%d rounds after the counts changed, want 2", n)
		}
		pass(time.Hour)
		if n := rounds(); n != 2 {
			t.Errorf("%d rounds in a quiet hour, want no more", n)
		}
		if len(b.gaps) > 0 {
			t.Errorf("gaps %v", causes(b.gaps))
		}
		// Half a minute without a P-GET loses messages (message_ref.md).
		f.set(func() { f.down = true })
		f.restart()
		pass(time.Minute)
		f.set(func() { f.down = false })
		pass(10 * time.Minute)
		if n := rounds(); n != 3 {
			t.Errorf("%d rounds after an outage of a minute, want 3", n)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

// While a server is in trouble the loop alone asks it.
func TestHistoryWaitsForCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, b, cfg := historical(t)
		down := true
		f.intercept = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			if down {
				reply(w, 503, `{"code":"ServiceUnavailable"}`)
			}
			return down
		}
		r := f.start(cfg)
		pass(10 * time.Minute)
		if asked := l.requests(); len(asked) != 0 {
			t.Errorf("asked meanwhile: %v", asked)
		}
		f.set(func() { down = false })
		pass(2 * time.Minute)
		if len(b.covered) != 1 {
			t.Errorf("%d rounds when it was over", len(b.covered))
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A stop does not wait for the history, and the next start goes on with it.
func TestStopDuringARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l, b, cfg := historical(t)
		l.trouble = only(histPath+"/1", jsonResponse(503, `{"code":"ServiceUnavailable"}`))
		r := f.start(cfg)
		pass(5 * time.Second)
		began := time.Now()
		if err := r.stop(); err != nil || time.Since(began) > time.Second {
			t.Fatalf("%v after %s", err, time.Since(began))
		}
		l.set(func() { l.trouble = nil })
		r = f.start(cfg)
		pass(time.Minute)
		lists := 0
		for _, a := range l.requests() {
			if strings.Contains(a, "?limit=") {
				lists++
			}
		}
		if len(b.covered) != 1 || lists != 1 {
			t.Errorf("%d rounds finished, %d lists", len(b.covered), lists)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

// An administrator's wish stands in the way of this as of capture.
func TestBackfillAsksForPolicies(t *testing.T) {
	for _, captured := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f, l, _, cfg := historical(t)
			if captured {
				keepApplication(t, cfg)
				f.log.wishes = nil // as in an archive from before policies were asked for
			}
			f.set(func() { f.policy = "Disabled" })
			var refused *capture.PolicyError
			if _, err := capture.Backfill(t.Context(), cfg, nil); !errors.As(err, &refused) || len(l.requests()) != 0 {
				t.Errorf("captured before %v: %v; asked %v", captured, err, l.requests())
			}
			cfg.PolicyAcknowledged = true
			if got, err := capture.Backfill(t.Context(), cfg, nil); err != nil || got.Logs != 3 {
				t.Errorf("acknowledged, captured before %v: %+v, %v", captured, got, err)
			}
		})
	}
}

func TestBackfillNeedsTheArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, b, cfg := historical(t)
		b.fail = func(op string) (bool, error) {
			if op == "history" {
				return false, errDisk
			}
			return true, nil
		}
		if _, err := capture.Backfill(t.Context(), cfg, nil); !errors.Is(err, errDisk) {
			t.Errorf("a log that refuses: %v", err)
		}
		f.password = "changed"
		if _, err := capture.Backfill(t.Context(), cfg, nil); !errors.Is(err, archive.ErrUnauthorized) {
			t.Errorf("a wrong password: %v", err)
		}
	})
}
