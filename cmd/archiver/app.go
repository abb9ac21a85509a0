package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"archiver/internal/archive"
	"archiver/internal/capture"
	"archiver/internal/decode"
	"archiver/internal/index"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

// app is an open archive with its index: where the parts of the program meet.
type app struct {
	*store.Store
	program *program
	index   *index.Index // nil when it could not be opened
	noIndex error        // why
	logger  *slog.Logger
	settled []string // addresses of the accounts that are to be captured here
}

const indexDir = "index"

// openRead opens the store of an archive for reading.
func (p *program) openRead(ctx context.Context) (*store.Store, error) {
	dir, err := p.archiveDir()
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, dir, store.Options{Logger: p.logger()})
}

// openReader opens an archive with its index for reading. Without an index
// everything but searching works.
func (p *program) openReader(ctx context.Context) (*app, error) {
	s, err := p.openRead(ctx)
	if err != nil {
		return nil, err
	}
	a := &app{Store: s, program: p, logger: p.logger(), settled: p.settledHere(s.Dir())}
	a.index, a.noIndex = index.OpenReadOnly(ctx, filepath.Join(s.Dir(), indexDir), s, index.Options{Logger: a.logger})
	return a, nil
}

// openExisting opens an archive for writing that must be there already.
func (p *program) openExisting(ctx context.Context, owner string) (*app, error) {
	s, err := p.openRead(ctx)
	if err != nil && !errors.Is(err, archive.ErrConflict) { // an older schema is brought up to date below
		return nil, err
	}
	if s != nil && err == nil {
		if err := s.Close(); err != nil {
			return nil, err
		}
	}
	return p.openWriter(ctx, store.Options{Owner: owner})
}

// openWriter opens an archive for writing, making it when there is none, and
// finishes what an earlier run left undone.
func (p *program) openWriter(ctx context.Context, opt store.Options) (*app, error) {
	opt.Write, opt.Logger = true, p.logger()
	dir, err := p.archiveDir()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, dir, opt)
	if err != nil {
		return nil, err
	}
	a := &app{Store: s, program: p, logger: opt.Logger, settled: p.settledHere(s.Dir())}
	a.index, err = index.Open(ctx, filepath.Join(s.Dir(), indexDir), s, index.Options{Logger: a.logger})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return a, nil
}

func (a *app) close() error {
	if a.index == nil {
		return a.Store.Close()
	}
	return errors.Join(a.index.Close(), a.Store.Close())
}

// catchUp decodes and indexes what is stored.
func (a *app) catchUp(ctx context.Context, progress func(capture.Progress)) (capture.Progress, error) {
	done, err := a.project(ctx, progress)
	if err != nil {
		return done, err
	}
	return done, a.index.Follow(ctx)
}

// keepUp does so beside a capture, whose commits wait for one transaction of
// decoding at most: it is kept short.
func (a *app) keepUp(ctx context.Context) error {
	const few = 10
	if _, err := capture.Project(ctx, capture.Projection{Archive: a.Store, Batch: few, Logger: a.logger}); err != nil {
		return err
	}
	return a.index.Follow(ctx)
}

// project decodes what is stored past the watermark.
func (a *app) project(ctx context.Context, progress func(capture.Progress)) (capture.Progress, error) {
	return capture.Project(ctx, capture.Projection{Archive: a.Store, Progress: progress, Logger: a.logger})
}

// Search finds messages: the one path that the command line and the pages use.
func (a *app) Search(ctx context.Context, r archive.SearchRequest) (archive.SearchResult, error) {
	if a.index == nil {
		return archive.SearchResult{}, a.noIndex
	}
	return a.index.Search(ctx, r)
}

// Status completes the store's with what the index and the clock say.
func (a *app) Status(ctx context.Context) ([]archive.Status, error) {
	all, err := a.Store.Status(ctx)
	if err != nil {
		return nil, err
	}
	all = addSettled(all, a.settled)
	now := a.program.now()
	for i := range all {
		if a.index != nil {
			all[i].Watermarks.Indexed = a.index.Watermark()
		}
		if all[i].LastPoll.Known() {
			lag := max(0, now.Sub(all[i].LastPoll.Time).Seconds())
			all[i].LagSeconds = &lag
		}
		markStale(&all[i])
	}
	return all, nil
}

// Inspect shows an event with its own bytes and what is decoded from them now.
func (a *app) Inspect(ctx context.Context, id archive.EventID) (archive.Inspection, error) {
	e, err := a.Event(ctx, id)
	if err != nil {
		return archive.Inspection{}, err
	}
	o, err := a.Observation(ctx, id.Observation())
	if err != nil {
		return archive.Inspection{}, err
	}
	neighbours, err := a.EventNeighbours(ctx, id)
	if err != nil {
		return archive.Inspection{}, err
	}
	in := archive.Inspection{Event: e, Observation: o, Neighbours: neighbours, Raw: rawEvent(o.Body, id.Position())}
	for _, d := range decode.Observation(o) {
		if d.Event.ID == id {
			in.Changes = d.Changes
		}
	}
	return in, nil
}

// rawEvent is the bytes of the event at a position of a body: of an entry of a
// batch, or of a page of the server's history, which is itself the first. It is
// the whole body where there is no such thing.
func rawEvent(body []byte, position int) []byte {
	env, err := ucwa.ParseEnvelope(body)
	if err != nil {
		return body
	}
	if page, err := ucwa.ParseTranscripts(body); err == nil && position >= 2 && position-2 < len(page.Embedded.Transcripts) {
		return page.Embedded.Transcripts[position-2]
	}
	for _, s := range env.Senders {
		if position <= len(s.Events) {
			return s.Events[position-1]
		}
		position -= len(s.Events)
	}
	return body
}

// follow decodes and indexes while capture goes on. notify tells it that the
// log has grown; wait returns when ctx has ended and both have stopped, with
// everything stored decoded and indexed.
func (a *app) follow(ctx context.Context) (notify func(archive.ObservationID), wait func() error) {
	wake := make(chan struct{}, 1)
	var owned sync.WaitGroup
	owned.Go(func() {
		for {
			if err := a.keepUp(ctx); err != nil && ctx.Err() == nil {
				a.logger.Error("decode and index", "err", err)
				rest(ctx, retryAfter)
			}
			select {
			case <-wake:
			case <-ctx.Done():
				return
			}
		}
	})
	notify = func(archive.ObservationID) {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return notify, func() error {
		owned.Wait()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWork)
		defer cancel()
		_, err := a.catchUp(last, nil)
		return err
	}
}

const (
	// retryAfter is how long decoding rests after a failure; the log holds all.
	retryAfter = 5 * time.Second
	// lastWork is how long decoding may go on after the wish to stop.
	lastWork = 10 * time.Second
)

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
