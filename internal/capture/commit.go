package capture

import (
	"bytes"
	"context"
	"time"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// commitTime is how long a commit may take once it was decided to stop.
const commitTime = 10 * time.Second

// refused keeps an answer in memory that the log would not take.
func (r *recorder) refused(o archive.Observation, err error) error {
	for _, u := range r.unsaved {
		if u.URL == o.URL && bytes.Equal(u.Body, o.Body) {
			return err
		}
	}
	if len(r.unsaved) < maxUnsaved {
		r.unsaved = append(r.unsaved, o)
	}
	return err
}

// maxUnsaved bounds the answers kept in memory while the log refuses them. The
// server is asked for the same batch each time, so there is rarely a second.
const maxUnsaved = 4

// keep commits an observation that moves nothing.
func (r *recorder) keep(ctx context.Context, o archive.Observation) error {
	if err := r.save(ctx, []archive.Observation{o}, r.cursor); err != nil {
		return r.refused(o, err)
	}
	return nil
}

// save commits observations and the cursor, and only then makes the cursor the
// one to go on from.
func (r *recorder) save(ctx context.Context, obs []archive.Observation, cur archive.Cursor) error {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	cur.Account = r.cfg.Account
	all := append(r.unsaved[:len(r.unsaved):len(r.unsaved)], obs...)
	appended, err := r.cfg.Log.AppendObservations(ctx, all, &cur)
	if err != nil {
		return storageError{err}
	}
	r.cursor, r.unsaved = cur, nil
	r.told(appended)
	return nil
}

// told passes on what has become durable.
func (r *recorder) told(appended []archive.Appended) {
	if len(appended) == 0 {
		return
	}
	r.teller.tell(func() {
		for _, a := range appended {
			r.cfg.OnCommit(a.ID)
		}
	})
}

// keepFetched commits an answer that no list asked for. It may be called from
// any goroutine.
func (r *recorder) keepFetched(ctx context.Context, resp ucwa.Response) {
	ctx, cancel := r.committing(ctx)
	defer cancel()
	_, capture := r.fetcher.server()
	appended, err := r.cfg.Log.AppendObservations(ctx, []archive.Observation{r.observation(capture, archive.SourceFetch, resp)}, nil)
	if err != nil {
		r.log.Error("commit of a resource", "err", err)
	}
	r.told(appended)
}

// committing is the context of a write: a wish to stop does not end it, since
// what has arrived should be kept.
func (r *recorder) committing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), commitTime)
}

// observation is a response as the log keeps it. It may be called from any
// goroutine.
func (r *recorder) observation(capture string, source archive.Source, resp ucwa.Response) archive.Observation {
	return archive.Observation{
		Account: r.cfg.Account, Source: source, Method: "GET", URL: resp.URL, Status: resp.Status,
		Requested: r.clock.wall(resp.Requested), Received: r.clock.wall(resp.Received), Date: resp.Date,
		ContentType: resp.Header.Get("Content-Type"), Capture: capture,
		Bytes: int64(len(resp.Body)), Body: resp.Body,
	}
}
