package capture

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"archiver/internal/archive"
	"archiver/internal/decode"
)

// Archive is what projecting reads and writes: the log and the tables made
// from it.
type Archive interface {
	// Watermarks say what has been decoded.
	Watermarks(ctx context.Context) (archive.Watermarks, error)
	// ObservationsAfter reads the log in order, with bodies.
	ObservationsAfter(ctx context.Context, after archive.ObservationID, limit int) ([]archive.Observation, error)
	// Apply writes changes and the decoded watermark in one transaction.
	Apply(ctx context.Context, batches []archive.Batch) error
}

// Projection says what to project.
type Projection struct {
	Archive Archive
	// Batch is how many observations one transaction decodes; 0 is 200. It
	// holds up a commit of capture for as long as it takes.
	Batch int
	// Progress is told after each transaction; nil for nobody.
	Progress func(Progress)
	Logger   *slog.Logger // nil discards
}

// Progress counts what has been projected.
type Progress struct {
	Through      archive.ObservationID // the decoded watermark
	Observations int64
	Events       int64
	Changes      int64
	Failed       int64 // events that could not be decoded
}

const defaultBatch = 200

// Project decodes the log from the decoded watermark to its end and says what
// it did. Import and rebuild use it as it is; a Projector repeats it as capture
// goes on.
func Project(ctx context.Context, p Projection) (Progress, error) {
	if p.Batch <= 0 {
		p.Batch = defaultBatch
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	w, err := p.Archive.Watermarks(ctx)
	if err != nil {
		return Progress{}, fmt.Errorf("project: %w", err)
	}
	done := Progress{Through: w.Decoded}
	for {
		more, err := p.batch(ctx, &done)
		if err != nil || !more {
			return done, err
		}
		if p.Progress != nil {
			p.Progress(done)
		}
	}
}

// batch decodes one transaction's worth.
func (p Projection) batch(ctx context.Context, done *Progress) (more bool, err error) {
	obs, err := p.Archive.ObservationsAfter(ctx, done.Through, p.Batch)
	if err != nil {
		return false, fmt.Errorf("project after %s: %w", done.Through, err)
	}
	if len(obs) == 0 {
		return false, nil
	}
	batches := make([]archive.Batch, len(obs))
	for i, o := range obs {
		batches[i] = archive.Batch{Observation: o, Events: p.decode(o)}
		batches[i].Observation.Body = nil
	}
	if err := p.Archive.Apply(ctx, batches); err != nil {
		return false, fmt.Errorf("project after %s: %w", done.Through, err)
	}
	done.count(batches)
	return true, nil
}

// decode never fails: a decoder that panics on bytes from outside leaves a
// note against the observation and does not take capture down with it.
func (p Projection) decode(o archive.Observation) (events []archive.Decoded) {
	defer func() {
		if v := recover(); v != nil {
			p.Logger.Error("decoder panicked", "observation", o.ID)
			events = []archive.Decoded{{Event: archive.Event{
				ID: archive.NewEventID(o.ID, 1), Observation: o.ID, Position: 1,
				Kind: "unknown", Error: "decode: the decoder broke down",
			}}}
		}
	}()
	return decode.Observation(o)
}

func (d *Progress) count(batches []archive.Batch) {
	d.Through = batches[len(batches)-1].Observation.ID
	d.Observations += int64(len(batches))
	for _, b := range batches {
		d.Events += int64(len(b.Events))
		for _, e := range b.Events {
			d.Changes += int64(len(e.Changes))
			if e.Event.Error != "" {
				d.Failed++
			}
		}
	}
}

// Projector keeps the decoded tables up with the log while capture runs.
type Projector struct {
	projection Projection
	wake       chan struct{}
}

// NewProjector makes a Projector that does nothing until Run.
func NewProjector(p Projection) *Projector {
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	return &Projector{projection: p, wake: make(chan struct{}, 1)}
}

// Notify says that the log has grown. It never blocks and may be called from
// any goroutine: it is a Config.OnCommit.
func (p *Projector) Notify(archive.ObservationID) {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// retryProjection is how long a failed projection rests.
const retryProjection = 5 * time.Second

// Run projects whenever it is notified, and what is there at the start, until
// ctx ends. A failure is logged and tried again: the log holds everything, and
// capture does not wait.
func (p *Projector) Run(ctx context.Context) {
	for {
		_, err := Project(ctx, p.projection)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.projection.Logger.Error("project", "err", err)
			sleep(ctx, retryProjection)
			continue
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
	}
}
