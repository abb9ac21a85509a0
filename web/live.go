package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tmaxmax/go-sse"

	"archiver/internal/archive"
)

const (
	// pollEvery is how often the watermarks are looked at when nobody tells.
	pollEvery = time.Second
	// keepAlive is how often a quiet stream shows that it is alive.
	keepAlive = 20 * time.Second
)

// live sends an event "changed", naming the newest watermarks, whenever the
// archive has grown.
func (s *site) live(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead {
		return nil // a stream has no end to wait for
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream, err := sse.Upgrade(w, r)
	if err != nil {
		return err
	}
	seen, err := s.Archive.Watermarks(ctx)
	if err != nil {
		return err
	}
	err = tell(stream, seen, "hello")
	var watched <-chan struct{}
	every := pollEvery
	if s.Watch != nil {
		watched, every = s.Watch(ctx), keepAlive
	}
	poll, alive := time.NewTicker(every), time.NewTicker(keepAlive)
	defer poll.Stop()
	defer alive.Stop()
	for err == nil { // an error is a reader who has gone; he comes back by himself
		select {
		case <-ctx.Done():
			return nil
		case <-s.Done:
			return nil
		case <-alive.C:
			err = tell(stream, seen, "alive")
		case <-poll.C:
			seen, err = s.tellChange(ctx, stream, seen)
		case _, open := <-watched:
			if !open {
				watched = nil
			}
			seen, err = s.tellChange(ctx, stream, seen)
		}
	}
	return nil
}

func (s *site) tellChange(ctx context.Context, stream *sse.Session, seen archive.Watermarks) (archive.Watermarks, error) {
	now, err := s.Archive.Watermarks(ctx)
	if err != nil || now == seen {
		return seen, err
	}
	return now, tell(stream, now, "changed")
}

func tell(stream *sse.Session, m archive.Watermarks, what string) error {
	event := &sse.Message{Type: sse.Type(what)}
	event.AppendData(m.Stored.String() + " " + m.Decoded.String())
	return errors.Join(stream.Send(event), stream.Flush())
}
