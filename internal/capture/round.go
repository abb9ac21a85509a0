package capture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// HistorySummary counts what one round of reading the history brought.
type HistorySummary struct {
	Logs         int64 `json:"logs"`         // conversations read
	Transcripts  int64 `json:"transcripts"`  // pages of what was said in them
	Observations int64 `json:"observations"` // answers
	New          int64 `json:"new"`          // answers that were not in the archive as they were
	Messages     int64 `json:"messages"`     // messages on those pages, known ones included
	Unavailable  bool  `json:"unavailable"`  // the server keeps no history
	Found        int64 `json:"-"`            // resources found so far, for showing progress
}

// round reads the server's conversation history once, from its list of logs to
// the last page of each. Every answer is committed, with what it leads to,
// before any of that is asked for; so a round that breaks off goes on where it
// was, as long as the application lives in which it began.
//
// It only ever GETs, one resource at a time with a pause between, and follows
// no links but those of the table in links: others would change what the
// user's own clients show.
type round struct {
	cfg         Config
	recorder    *recorder // for what of it any goroutine may use
	log         *slog.Logger
	client      *ucwa.Client
	application string
	progress    func(HistorySummary) // nil for nobody
	state       archive.History
	sum         HistorySummary
	failed      string // what kept the round from reading everything; "" for nothing
	counts      ucwa.MissedItems
	counted     bool
	missed      int64 // logs of missed conversations
	resumed     bool
}

// Waits between requests. The back-off is from one to 60 s, twice as long each
// time, with full jitter.
const (
	historyPause    = 100 * time.Millisecond
	historyAttempts = 10
)

// historyLimit is how many logs are asked for first; a list that is as long may
// be longer, and is asked for again with more.
const (
	historyLimit    = 1000
	historyMaxLimit = 64000
)

func newRound(r *recorder, client *ucwa.Client, application string) *round {
	return &round{cfg: r.cfg, recorder: r, log: r.log, client: client, application: application}
}

// run reads until the end; an error leaves the rest for another run.
func (r *round) run(ctx context.Context) error {
	var err error
	if r.state, err = r.cfg.History.History(ctx, r.cfg.Account); err != nil {
		return storageError{err}
	}
	pending, err := r.pending(ctx)
	if err != nil {
		return err
	}
	if r.resumed = r.goesOn(pending); !r.resumed {
		if err := r.begin(ctx); err != nil || r.sum.Unavailable {
			return r.noted(ctx, err)
		}
	}
	if err := r.work(ctx); err != nil {
		return r.noted(ctx, err)
	}
	return r.finish(ctx)
}

// roundLife is after how long a round that broke off begins anew: what it has
// read may have changed.
const roundLife = time.Hour

// goesOn reports whether an earlier run's round can go on with what it has still
// to read: hrefs are of the application that gave them.
func (r *round) goesOn(pending []archive.HistoryTask) bool {
	if !r.state.Begun.Known() || r.sum.Found == 0 || r.recorder.now().Sub(r.state.Begun.Time) > roundLife {
		return false
	}
	return len(pending) == 0 || ucwa.ApplicationHref(pending[0].URL) == ucwa.ApplicationHref(r.application)
}

func (r *round) pending(ctx context.Context) ([]archive.HistoryTask, error) {
	tasks, found, err := r.cfg.History.HistoryTasks(ctx, r.cfg.Account, 1)
	if err != nil {
		return nil, storageError{err}
	}
	r.sum.Found = found
	return tasks, nil
}

// work reads task after task until none is left.
func (r *round) work(ctx context.Context) error {
	for {
		pending, err := r.pending(ctx)
		if err != nil || len(pending) == 0 {
			return err
		}
		if err := r.one(ctx, pending[0]); err != nil {
			return err
		}
		if r.progress != nil {
			r.progress(r.sum)
		}
		sleep(ctx, jittered(historyPause))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// one reads one task. What cannot be had is left out, and the round is then not
// whole, except for a log that has been deleted since it was listed.
func (r *round) one(ctx context.Context, t archive.HistoryTask) error {
	resp, err := r.get(ctx, t.URL)
	if errors.Is(err, errSkip) {
		if !errors.Is(err, archive.ErrNotFound) {
			r.state.Whole = false
		}
		return r.append(ctx, archive.HistoryStep{Done: t.URL, State: &r.state})
	}
	if err != nil {
		return err
	}
	next, err := r.links(t.Rel, resp.Body)
	if err != nil || r.failed != "" {
		r.state.Whole, r.failed = false, ""
	}
	return r.commit(ctx, resp, archive.HistoryStep{Done: t.URL, Next: next, State: &r.state})
}

// finish says that the round is over, and which gaps it covers.
func (r *round) finish(ctx context.Context) error {
	covers := r.state.Whole
	r.state.Round, r.state.Finished = r.state.Begun, r.recorder.now()
	r.state.Begun, r.state.Whole, r.state.Trouble, r.state.TroubleAt = archive.Time{}, false, "", archive.Time{}
	return r.append(ctx, archive.HistoryStep{Restart: true, State: &r.state, Covers: covers})
}

// report tells the operator what a finished round came to.
func (r *round) report() {
	if r.sum.Unavailable {
		return
	}
	r.log.Info("history read", "logs", r.sum.Logs, "pages", r.sum.Transcripts, "messages", r.sum.Messages, "new", r.sum.New)
	if !r.resumed && r.counted && (r.counts.Logs > r.sum.Logs || r.counts.Missed > r.missed) {
		r.log.Warn("the server counts more than its history holds", "logs", r.sum.Logs, "counted", r.counts.Logs,
			"missed", r.missed, "missed_counted", r.counts.Missed)
	}
}

// noted keeps what ended a round, and gives it back.
func (r *round) noted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	var storage storageError
	if errors.As(err, &storage) {
		return err
	}
	r.state.Trouble, r.state.TroubleAt = trouble(err), r.recorder.now()
	return errors.Join(err, r.append(ctx, archive.HistoryStep{State: &r.state}))
}

// trouble is a failure in words of the protocol.
func trouble(err error) string {
	var api *ucwa.APIError
	if errors.As(err, &api) {
		return api.Error()
	}
	if errors.Is(err, archive.ErrUnavailable) {
		return "no answer"
	}
	return "an answer that cannot be read"
}

// commit makes an answer durable with what follows from it.
func (r *round) commit(ctx context.Context, resp ucwa.Response, step archive.HistoryStep) error {
	o := r.recorder.observation("", archive.SourceBackfill, resp)
	step.Observation, step.Resource = &o, ucwa.InApplication(resp.URL)
	if resp.Status != http.StatusOK || !resp.FromUCWA() { // no version of the resource
		step.Resource = fmt.Sprint(resp.Status, " ", step.Resource)
	}
	step.Digest = digest(resp)
	r.sum.Observations++
	return r.append(ctx, step)
}

// digest is of an answer less what names the application: the next one gives
// the same history under another name, and that is not worth keeping again.
func digest(resp ucwa.Response) []byte {
	body := resp.Body
	if app := ucwa.ApplicationHref(resp.URL); app != "" {
		body = bytes.ReplaceAll(body, []byte(app), nil)
	}
	sum := sha256.Sum256(body)
	return sum[:]
}

func (r *round) append(ctx context.Context, step archive.HistoryStep) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	step.Account = r.cfg.Account
	a, err := r.cfg.History.AppendHistory(ctx, step)
	if err != nil {
		return storageError{err}
	}
	if a.New {
		r.sum.New++
		r.recorder.told([]archive.Appended{a})
	}
	return nil
}

// newHistoryPace gives the waits between attempts at one resource.
func newHistoryPace() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: time.Second, RandomizationFactor: 1, Multiplier: 2, MaxInterval: 30 * time.Second,
	}
}
