package capture

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// fetched are the resources worth getting when an event only links to them:
// those that say who took part, what was said and how it ended. Presence and
// contact cards change all day and are nobody's conversation.
var fetched = []string{
	"conversation", "participant", "localParticipant", "message", "messaging", "onlineMeeting",
	"messagingInvitation", "phoneAudioInvitation", "audioVideoInvitation",
	"onlineMeetingInvitation", "participantInvitation", "applicationSharingInvitation",
	policies,
}

// policies is the resource that says what an administrator wishes. It is
// updated when he changes his mind.
const policies = "policies"

// readable are the events of an envelope that can be read, in order.
func readable(env ucwa.Envelope) []ucwa.Event {
	var out []ucwa.Event
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			if e, err := ucwa.ParseEvent(raw); err == nil {
				out = append(out, e)
			}
		}
	}
	return out
}

// wanted is what events link to without embedding it, each resource once.
func wanted(events []ucwa.Event) []archive.Link {
	var out []archive.Link
	for _, e := range events {
		l := archive.Link{Rel: e.Link.Rel, Href: e.Link.Href}
		if worthFetching(e) && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func worthFetching(e ucwa.Event) bool {
	return len(e.Embedded) == 0 && e.Link.Href != "" && e.Type != "deleted" &&
		e.In.Rel != "typingParticipants" && slices.Contains(fetched, e.Link.Rel)
}

const (
	// fetchPage is how much of the list is read at a time.
	fetchPage = 64
	// maxAttempts is after how many answers other than the resource it is given up.
	maxAttempts = 8
	// drainTime is how long a stop waits for what is listed. What remains waits
	// for the next start, if the application lives till then.
	drainTime = 5 * time.Second
)

// fetcher works off the list of resources that committed events link to. It
// works beside the loop, so that the next P-GET is parked meanwhile, and what
// it has not got survives it: the log holds the list.
type fetcher struct {
	cfg      Config
	recorder *recorder // for what of it any goroutine may use
	wake     chan struct{}
	stopping chan struct{}
	cancel   context.CancelFunc
	done     sync.WaitGroup
	pace     *pace

	mu      sync.Mutex
	client  *ucwa.Client // guarded by mu; nil while there is nobody to ask
	capture string       // guarded by mu; the present life of the application
}

func newFetcher(cfg Config, r *recorder) *fetcher {
	return &fetcher{cfg: cfg, recorder: r, wake: make(chan struct{}, 1), stopping: make(chan struct{}), pace: newPace(cfg.random)}
}

func (f *fetcher) start(ctx context.Context) {
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.done.Go(func() { f.recorder.guard.run(func() { f.run(ctx) }) })
}

// stop gets what is listed, for drainTime at most, and waits for the end.
func (f *fetcher) stop() {
	close(f.stopping)
	drained := time.AfterFunc(drainTime, f.cancel)
	f.done.Wait()
	drained.Stop()
	f.cancel()
}

// serve says whom to ask from now on: nobody for nil.
func (f *fetcher) serve(client *ucwa.Client, capture string) {
	f.mu.Lock()
	f.client, f.capture = client, capture
	f.mu.Unlock()
	f.notify()
}

func (f *fetcher) server() (*ucwa.Client, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.client, f.capture
}

// notify says that the list has grown. It never blocks.
func (f *fetcher) notify() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *fetcher) run(ctx context.Context) {
	for {
		var again <-chan time.Time
		if !f.work(ctx) {
			again = time.After(f.pace.next())
		}
		select {
		case <-f.wake:
		case <-again:
		case <-f.stopping:
			f.work(ctx)
			return
		}
	}
}

// work goes through the list until nothing is on it, and reports whether that
// is so. What fails on the way ends it: the next is likely to fail as well.
func (f *fetcher) work(ctx context.Context) bool {
	for {
		client, capture := f.server()
		if client == nil {
			return true // serve wakes it
		}
		list, err := f.cfg.Log.Fetches(ctx, f.cfg.Account, fetchPage)
		if err != nil || len(list) == 0 {
			return err == nil
		}
		for _, item := range list {
			if ctx.Err() != nil || !f.one(ctx, client, capture, item) {
				return false
			}
		}
	}
}

// one settles an entry of the list; false when it stays there.
func (f *fetcher) one(ctx context.Context, client *ucwa.Client, capture string, item archive.Fetch) bool {
	if item.Capture != capture {
		return f.note(ctx, item, archive.FetchApplicationGone)
	}
	asking, _ := f.recorder.pacer.admit(ctx, 1)
	resp, err := client.Fetch(asking, item.Href)
	if err != nil {
		outcome := outcomeOf(err, item)
		f.cfg.Logger.Debug("fetch", "rel", item.Rel, "attempts", item.Attempts, "outcome", outcome, "err", err)
		return outcome != "" && f.note(ctx, item, outcome) && outcome != archive.FetchAgain
	}
	if !f.commit(ctx, item, resp) {
		return false
	}
	if item.Rel == policies {
		f.recorder.changed(ctx, resp.Body)
	}
	f.recorder.joiner.invited(ctx, client, item.Rel, resp.Body)
	return true
}

// outcomeOf is what a failure says of a resource; "" when it says nothing of
// it, as when nobody answered.
func outcomeOf(err error, item archive.Fetch) archive.FetchOutcome {
	var api *ucwa.APIError
	switch {
	case !errors.As(err, &api) && errors.Is(err, archive.ErrInvalid):
		return archive.FetchRefused // the link leads away from the server
	case !errors.As(err, &api), api.Status == http.StatusUnauthorized:
		return ""
	case api.FromUCWA && api.Subcode == ucwa.ApplicationNotFound:
		return archive.FetchApplicationGone
	case api.FromUCWA && errors.Is(err, archive.ErrNotFound):
		return archive.FetchGone // as expected of what is short-lived: its events are in the log
	case api.FromUCWA && api.Status == http.StatusForbidden:
		return archive.FetchRefused
	case item.Attempts+1 >= maxAttempts:
		return archive.FetchFailed
	}
	return archive.FetchAgain
}

func (f *fetcher) note(ctx context.Context, item archive.Fetch, outcome archive.FetchOutcome) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	if outcome == archive.FetchFailed {
		f.cfg.Logger.Warn("resource given up", "rel", item.Rel, "attempts", item.Attempts+1)
	}
	if err := f.cfg.Log.NoteFetch(ctx, item.ID, outcome); err != nil {
		f.cfg.Logger.Error("note a fetch", "rel", item.Rel, "err", err)
		return false
	}
	return true
}

func (f *fetcher) commit(ctx context.Context, item archive.Fetch, resp ucwa.Response) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	o := f.recorder.observation(item.Capture, archive.SourceFetch, resp)
	o.Answers = item.ID
	appended, err := f.cfg.Log.AppendObservations(ctx, []archive.Observation{o}, nil)
	if err != nil {
		f.cfg.Logger.Error("commit of a fetched resource", "rel", item.Rel, "err", err)
		return false
	}
	f.pace.reset()
	f.recorder.told(appended)
	return true
}
