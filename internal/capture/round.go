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

func newRound(cfg Config, client *ucwa.Client, application string) *round {
	return &round{cfg: cfg, log: cfg.Logger, client: client, application: application}
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
	if !r.state.Begun.Known() || r.sum.Found == 0 || r.cfg.Now().Sub(r.state.Begun.Time) > roundLife {
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

// begin asks whether there is a history and lists it.
func (r *round) begin(ctx context.Context) error {
	r.state.Begun, r.state.Whole = archive.Time{}, false
	comm, resp, err := r.communication(ctx)
	if err != nil {
		return err
	}
	r.state.Checked = archive.At(r.cfg.Now())
	if comm.Logs == "" {
		return r.unavailable(ctx, resp)
	}
	r.state.Availability = archive.HistoryAvailable
	if err := r.commit(ctx, resp, archive.HistoryStep{Restart: true, State: &r.state}); err != nil {
		return err
	}
	if comm.MissedItems != "" {
		if err := r.missedItems(ctx, comm.MissedItems); err != nil {
			return err
		}
	}
	return r.list(ctx, comm)
}

// communication gets the resource that all of the history hangs on, waiting out
// what passes.
func (r *round) communication(ctx context.Context) (comm ucwa.Communication, resp ucwa.Response, err error) {
	_, err = r.persist(ctx, func() (ucwa.Response, error) {
		comm, resp, err = r.client.Communication(ctx, r.application)
		return resp, err
	})
	return comm, resp, err
}

// unavailable records that the server keeps no history, with the answer that
// says so.
func (r *round) unavailable(ctx context.Context, resp ucwa.Response) error {
	r.sum.Unavailable = true
	r.state.Availability, r.state.Begun, r.state.Trouble = archive.HistoryUnavailable, archive.Time{}, ""
	r.log.Info("this server keeps no conversation history")
	return r.commit(ctx, resp, archive.HistoryStep{Restart: true, State: &r.state})
}

// missedItems gets the server's counts. Without them the round is as good.
func (r *round) missedItems(ctx context.Context, href string) error {
	resp, err := r.get(ctx, href)
	if err != nil {
		return r.tolerable(err)
	}
	if r.counts, err = ucwa.ParseMissedItems(resp.Body); err == nil {
		r.counted = true
	}
	return r.commit(ctx, resp, archive.HistoryStep{})
}

// tolerable passes on only what ends a round.
func (r *round) tolerable(err error) error {
	if errors.Is(err, errSkip) {
		return nil
	}
	return err
}

// list gets the list of logs, asking for more as long as it may have been cut
// off. With its first page the round has begun.
func (r *round) list(ctx context.Context, comm ucwa.Communication) error {
	begun := archive.At(r.cfg.Now())
	resp, logs, whole, err := r.wholeList(ctx, comm.Logs)
	if tooOld(err) {
		return r.unavailable(ctx, resp)
	}
	if err != nil {
		return err
	}
	keeps := comm.History == "Enabled" || comm.History != "Disabled" && len(logs.Logs) > 0
	r.state.Begun, r.state.Whole = begun, whole && keeps
	next := r.tasks(ucwa.RelConversationLog, logs.Logs...)
	next = append(next, r.tasks(ucwa.RelConversationLogs, nonEmpty(logs.Next)...)...)
	if r.failed != "" || r.counted && logs.Next == "" && int64(len(logs.Logs)) < r.counts.Logs {
		r.state.Whole = false // it counts more than it lists, or lists what cannot be read
	}
	r.failed = ""
	return r.commit(ctx, resp, archive.HistoryStep{Restart: true, Next: next, State: &r.state})
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (r *round) wholeList(ctx context.Context, href string) (resp ucwa.Response, logs ucwa.ConversationLogs, whole bool, err error) {
	for limit := historyLimit; ; limit *= 4 {
		asked, err := ucwa.WithLimit(href, limit)
		if err != nil {
			return resp, logs, false, err
		}
		resp, err = r.get(ctx, asked)
		if errors.Is(err, archive.ErrInvalid) { // a server that knows no limit
			asked = href
			resp, err = r.get(ctx, href)
		}
		if err != nil {
			return resp, logs, false, err
		}
		if logs, err = ucwa.ParseConversationLogs(resp.Body); err != nil {
			return resp, logs, false, err
		}
		if len(logs.Logs) < limit || logs.Next != "" || asked == href {
			return resp, logs, true, nil
		}
		if limit >= historyMaxLimit {
			return resp, logs, false, nil
		}
	}
}

// tasks resolves what is to be read. A link that leads away from the server is
// left, and the round is then not whole.
func (r *round) tasks(rel string, hrefs ...string) []archive.HistoryTask {
	var out []archive.HistoryTask
	for _, href := range hrefs {
		url, err := r.client.Resolve(href)
		if err != nil {
			r.failed = "link"
			continue
		}
		out = append(out, archive.HistoryTask{Rel: rel, URL: url})
	}
	return out
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

// links are what a resource of the history leads to.
func (r *round) links(rel string, body []byte) ([]archive.HistoryTask, error) {
	switch rel {
	case ucwa.RelConversationLogs:
		list, err := ucwa.ParseConversationLogs(body)
		if err != nil {
			return nil, err
		}
		return append(r.tasks(ucwa.RelConversationLog, list.Logs...), r.tasks(ucwa.RelConversationLogs, nonEmpty(list.Next)...)...), nil
	case ucwa.RelConversationLog:
		l, err := ucwa.ParseConversationLog(body)
		if err != nil {
			return nil, err
		}
		r.sum.Logs++
		if l.Status == "Missed" {
			r.missed++
		}
		return r.tasks(ucwa.RelTranscripts, nonEmpty(l.Links.Href(ucwa.RelTranscripts))...), nil
	}
	page, err := ucwa.ParseTranscripts(body)
	if err != nil {
		return nil, err
	}
	r.sum.Transcripts++
	for _, raw := range page.Embedded.Transcripts {
		var t ucwa.Transcript
		if err := ucwa.Parse(raw, &t); err == nil && t.Embedded.Message != nil {
			r.sum.Messages++
		}
	}
	return r.tasks(ucwa.RelTranscripts, nonEmpty(page.Links.Href(ucwa.RelNextTranscripts))...), nil
}

// finish says that the round is over, and which gaps it covers.
func (r *round) finish(ctx context.Context) error {
	covers := r.state.Whole
	r.state.Round, r.state.Finished = r.state.Begun, archive.At(r.cfg.Now())
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
	r.state.Trouble, r.state.TroubleAt = trouble(err), archive.At(r.cfg.Now())
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
	o := observation(r.cfg.Account, "", archive.SourceBackfill, resp)
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
		r.cfg.OnCommit(a.ID)
	}
	return nil
}

// newHistoryPace gives the waits between attempts at one resource.
func newHistoryPace() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: time.Second, RandomizationFactor: 1, Multiplier: 2, MaxInterval: 30 * time.Second,
	}
}
