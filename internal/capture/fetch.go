package capture

import (
	"context"
	"errors"
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
}

// fetchQueue is how many links may wait. A conversation brings a few, a large
// meeting some hundreds.
const fetchQueue = 4096

// drainTime is how long a stop waits for links that are queued: unlike the
// event channel, what is not fetched now cannot be asked for later.
const drainTime = 5 * time.Second

// fetcher gets resources that committed events link to. It works beside the
// loop, so that the next P-GET is parked meanwhile.
type fetcher struct {
	cfg    Config
	queue  chan link
	cancel context.CancelFunc
	done   sync.WaitGroup
}

type link struct {
	client  *ucwa.Client
	capture string
	rel     string
	href    string
}

func newFetcher(cfg Config) *fetcher {
	return &fetcher{cfg: cfg, queue: make(chan link, fetchQueue)}
}

func (f *fetcher) start(ctx context.Context) {
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.done.Go(func() {
		for l := range f.queue {
			if ctx.Err() == nil {
				f.fetch(ctx, l)
			}
		}
	})
}

// stop gets what is queued, for drainTime at most, and waits for the end.
func (f *fetcher) stop() {
	close(f.queue)
	drained := time.AfterFunc(drainTime, f.cancel)
	f.done.Wait()
	drained.Stop()
	f.cancel()
}

// wanted queues what an envelope links to without embedding it, each resource
// once. It never blocks.
func (f *fetcher) wanted(client *ucwa.Client, capture string, env ucwa.Envelope) {
	var seen []string
	for _, s := range env.Senders {
		for _, raw := range s.Events {
			e, err := ucwa.ParseEvent(raw)
			if err != nil || !worthFetching(e) || slices.Contains(seen, e.Link.Href) {
				continue
			}
			seen = append(seen, e.Link.Href)
			f.enqueue(link{client: client, capture: capture, rel: e.Link.Rel, href: e.Link.Href})
		}
	}
}

func worthFetching(e ucwa.Event) bool {
	return len(e.Embedded) == 0 && e.Link.Href != "" && e.Type != "deleted" &&
		e.In.Rel != "typingParticipants" && slices.Contains(fetched, e.Link.Rel)
}

func (f *fetcher) enqueue(l link) {
	select {
	case f.queue <- l:
	default:
		f.cfg.Logger.Warn("too many resources to fetch", "rel", l.rel)
	}
}

// fetch gets one resource and commits it. One that is gone by now is as
// expected: the events themselves are in the log.
func (f *fetcher) fetch(ctx context.Context, l link) {
	resp, err := l.client.Fetch(ctx, l.href)
	if errors.Is(err, archive.ErrNotFound) {
		f.cfg.Logger.Debug("resource gone before fetch", "rel", l.rel)
		return
	}
	if err != nil {
		f.cfg.Logger.Warn("fetch", "rel", l.rel, "err", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	o := observation(f.cfg.Account, l.capture, archive.SourceFetch, resp)
	appended, err := f.cfg.Log.AppendObservations(ctx, []archive.Observation{o}, nil)
	if err != nil {
		f.cfg.Logger.Error("commit of a fetched resource", "rel", l.rel, "err", err)
		return
	}
	for _, a := range appended {
		f.cfg.OnCommit(a.ID)
	}
}
