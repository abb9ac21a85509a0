package importer

import (
	"bytes"
	"context"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// readBodies reads UCWA bodies between anything else. It goes through the file
// twice: whose bodies they are may stand in any of them, and the file may be
// larger than memory.
func readBodies(ctx context.Context, j *job) error {
	owners := newOwners(j.account)
	if _, err := j.scan(ctx, 0, owners); err != nil {
		return err
	}
	owners.settle()
	s, err := j.scan(ctx, 1, &bodies{job: j, owners: owners})
	if err != nil {
		return err
	}
	switch {
	case s.chatter == 0 && s.values+s.broken == 1:
		j.report.Format = formatJSON
	case s.spread == 0 && s.values+s.broken > s.chatter:
		j.report.Format = formatJSONL
	}
	return nil
}

func (j *job) scan(ctx context.Context, pass int64, out findings) (*scanner, error) {
	w, err := j.in.window(ctx, pass, 2)
	if err != nil {
		return nil, err
	}
	s := &scanner{w: w, out: out}
	return s, s.scan(ctx)
}

// bodies makes observations of the bodies of a file.
type bodies struct {
	*job
	owners *owners
}

// body makes an observation of one body. How it was obtained is not known: it
// has no times, no status and no capture, and its URL is its self link.
func (b *bodies) body(ctx context.Context, _ int, body []byte) error {
	href, events := describe(body)
	return b.add(ctx, archive.Observation{
		Account: b.owners.of(href),
		Source:  archive.SourceImport,
		URL:     href,
		Body:    bytes.Clone(body),
	}, events)
}

// describe is a body's own href, "" when it has none, and how many events it
// holds. What cannot be read is stored all the same: decoding will say why.
func describe(body []byte) (href string, events int) {
	env, err := ucwa.ParseEnvelope(body)
	if err != nil {
		return "", 0
	}
	if len(env.Senders) > 0 || env.Next != "" || env.Resume != "" || env.Resync != "" {
		return env.Self, env.Count()
	}
	head, err := ucwa.ParseHead(body)
	if err == nil && head.Rel != "" {
		events = 1 // a resource of its own is decoded as one entry
	}
	return env.Self, events
}
