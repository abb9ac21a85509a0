package capture_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
)

// answering puts a handler before the front's own for other requests than polls.
func (f *front) answering(path string, handle http.HandlerFunc) {
	serve := f.srv.Handler
	f.srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) {
			handle(w, r)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// count is how many requests there were beside the channel for a path.
func (f *front) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasSuffix(c, path) {
			n++
		}
	}
	return n
}

// What a run did not get, the next one gets, as long as the application lives.
func TestWhatIsToBeFetchedSurvivesARestart(t *testing.T) {
	for _, tt := range []struct {
		name    string
		gone    bool
		outcome archive.FetchOutcome
		fetched int
	}{{"application lives", false, "fetched", 1}, {"application has ended", true, archive.FetchApplicationGone, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				bo := "/ucwa/oauth/v1/applications/1/c1/participants/bo"
				f.resources[bo] = `{"rel":"participant"}`
				down := true
				f.answering("/bo", func(w http.ResponseWriter, r *http.Request) {
					if down {
						panic(http.ErrAbortHandler)
					}
					f.serve(w, r)
				})
				r := f.start(f.config())
				f.say(bare("added", "participant", bo, ""))
				pass(10 * time.Second)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				if obs := f.log.observations(archive.SourceFetch); len(obs) != 0 || f.log.outcomes[1] != "" {
					t.Fatalf("fetched %+v, outcome %q", obs, f.log.outcomes[1])
				}
				f.set(func() { f.gone = tt.gone })
				down = false
				r = f.start(f.config())
				pass(time.Minute)
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				if obs := f.log.observations(archive.SourceFetch); len(obs) != tt.fetched || f.log.outcomes[1] != tt.outcome {
					t.Errorf("%d fetched, outcome %q", len(obs), f.log.outcomes[1])
				}
			})
		})
	}
}

// A resource that cannot be had holds up no other and is given up in the end.
func TestAResourceThatFailsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		base := "/ucwa/oauth/v1/applications/1/c1/participants/"
		f.resources[base+"bo"] = `{"rel":"participant"}`
		tries := 0
		f.answering("/broken", func(w http.ResponseWriter, _ *http.Request) {
			tries++
			reply(w, 500, `{"code":"ServiceFailure"}`)
		})
		f.answering("/hidden", func(w http.ResponseWriter, _ *http.Request) { reply(w, 403, `{"code":"Forbidden"}`) })
		f.set(func() {
			for _, name := range []string{"broken", "hidden", "gone", "bo"} {
				f.queue = append(f.queue, bare("added", "participant", base+name, ""))
			}
		})
		r := f.start(f.config())
		pass(5 * time.Second)
		if obs := f.log.observations(archive.SourceFetch); len(obs) != 1 {
			t.Errorf("%d fetched behind one that fails, want 1", len(obs))
		}
		pass(time.Hour)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		want := map[archive.FetchID]archive.FetchOutcome{1: archive.FetchFailed, 2: archive.FetchRefused, 3: archive.FetchGone, 4: "fetched"}
		if d := cmp.Diff(want, f.log.outcomes); d != "" || tries != 8 {
			t.Errorf("%d tries; %s", tries, d)
		}
		if gaps := f.log.allGaps(); len(gaps) != 0 {
			t.Errorf("gaps %+v", gaps)
		}
	})
}

// The list is in the log together with what it was made from, whatever fails.
func TestTheListOfFetchesIsCommittedWithItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		base := "/ucwa/oauth/v1/applications/1/c1/participants/"
		for _, name := range []string{"bo", "chi", "dee"} {
			f.resources[base+name] = `{"rel":"participant"}`
		}
		r := f.start(f.config())
		failures := 0
		f.log.mu.Lock()
		f.log.fail = func(string) (bool, error) {
			if failures++; failures%5 == 1 || failures%5 == 3 {
				return failures%5 == 1, errDisk
			}
			return true, nil
		}
		f.log.mu.Unlock()
		for _, name := range []string{"bo", "chi", "dee"} {
			f.say(bare("added", "participant", base+name, ""))
			pass(time.Minute)
		}
		pass(10 * time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range f.log.observations(archive.SourceFetch) {
			got = append(got, o.URL[strings.LastIndexByte(o.URL, '/')+1:])
		}
		slices.Sort(got)
		if d := cmp.Diff([]string{"bo", "chi", "dee"}, slices.Compact(got)); d != "" {
			t.Error(d)
		}
		if len(f.log.fetches) != 3 {
			t.Errorf("%d entries, want each once: %+v", len(f.log.fetches), f.log.fetches)
		}
	})
}
