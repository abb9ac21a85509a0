package capture_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"archiver/internal/archive"
)

// errDisk is what a faulty log answers.
var errDisk = errors.New("the disk is full")

// errTwice is what the store answers to whoever ends a gap again elsewhere.
var errTwice = errors.New("a gap can only be ended, once")

// memory is a log that behaves: what it was given once it keeps, and the same
// again alters nothing. Faults are decided per call by fail.
type memory struct {
	mu      sync.Mutex
	obs     []archive.Observation
	cursors []archive.Cursor // every one that was durable, in order
	gaps    []archive.Gap
	servers []string
	applied []archive.Batch
	decoded archive.ObservationID

	fetches  []archive.Fetch
	outcomes map[archive.FetchID]archive.FetchOutcome // of those that are off the list

	slow time.Duration // what an append takes

	wishes    []archive.Policy
	capturing map[string]bool // by account

	// fail answers whether a call takes effect and what it returns: a log can
	// fail before or after it has written.
	fail func(op string) (apply bool, err error)
}

func (m *memory) fault(op string) (bool, error) {
	if m.fail == nil {
		return true, nil
	}
	return m.fail(op)
}

func (m *memory) EnsureAccount(_ context.Context, uri, server string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.servers = append(m.servers, uri+" "+server)
	_, err := m.fault("account")
	return err
}

func (m *memory) AppendObservations(_ context.Context, obs []archive.Observation, cur *archive.Cursor) ([]archive.Appended, error) {
	m.mu.Lock()
	slow := m.slow
	m.mu.Unlock()
	time.Sleep(slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	apply, err := m.fault("append")
	if !apply {
		return nil, err
	}
	out := make([]archive.Appended, len(obs))
	for i, o := range obs {
		out[i] = m.append(o)
		m.noteFetches(o, out[i])
	}
	if cur != nil {
		m.cursors = append(m.cursors, *cur)
	}
	return out, err
}

func (m *memory) append(o archive.Observation) archive.Appended {
	for _, have := range m.obs {
		if have.Account == o.Account && have.Capture == o.Capture && have.URL == o.URL &&
			string(have.Body) == string(o.Body) && (o.Source == archive.SourceCapture || have.Received == o.Received) {
			return archive.Appended{ID: have.ID}
		}
	}
	o.ID = archive.ObservationID(len(m.obs) + 1)
	m.obs = append(m.obs, o)
	return archive.Appended{ID: o.ID, New: true}
}

func (m *memory) Cursor(context.Context, string) (archive.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if apply, err := m.fault("cursor"); !apply {
		return archive.Cursor{}, err
	}
	if len(m.cursors) == 0 {
		return archive.Cursor{}, archive.ErrNotFound
	}
	return m.cursors[len(m.cursors)-1], nil
}

func (m *memory) AppendGap(_ context.Context, g archive.Gap) (archive.GapID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	apply, err := m.fault("gap")
	if !apply {
		return 0, err
	}
	for i, have := range m.gaps { // the pieces of a gap follow upon each other
		if have.Account != g.Account || have.Cause != g.Cause || have.From != g.From || have.Conversation != g.Conversation {
			continue
		}
		if !have.To.Known() && g.To.Known() {
			m.gaps[i].To, m.gaps[i].Seconds, m.gaps[i].AtRisk = g.To, g.Seconds, g.AtRisk
			have = m.gaps[i]
		}
		if !have.To.Known() || g.To.Known() && !g.To.After(have.To.Time) {
			return have.ID, err
		}
		if g.From = have.To; !have.To.After(have.From.Time) {
			g.From = archive.At(have.From.Add(time.Nanosecond))
		}
		g.Seconds = g.To.Sub(g.From.Time).Seconds()
		g.AtRisk = g.Risk()
	}
	g.ID, g.After = archive.GapID(len(m.gaps)+1), archive.ObservationID(len(m.obs))
	m.gaps = append(m.gaps, g)
	return g.ID, err
}

func (m *memory) CloseGap(_ context.Context, id archive.GapID, to archive.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	apply, err := m.fault("gap")
	if !apply {
		return err
	}
	g := &m.gaps[id-1]
	if g.To.Known() && g.To != to {
		return errTwice
	}
	g.To, g.Seconds = to, to.Sub(g.From.Time).Seconds()
	g.AtRisk = g.Seconds >= archive.RiskAfterSeconds
	return err
}

func (m *memory) OpenGaps(context.Context, string) ([]archive.Gap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []archive.Gap
	for _, g := range m.gaps {
		if !g.To.Known() {
			open = append(open, g)
		}
	}
	return open, nil
}

func (m *memory) Watermarks(context.Context) (archive.Watermarks, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return archive.Watermarks{Stored: archive.ObservationID(len(m.obs)), Decoded: m.decoded}, nil
}

func (m *memory) ObservationsAfter(_ context.Context, after archive.ObservationID, limit int) ([]archive.Observation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.obs[min(int(after), len(m.obs)):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (m *memory) Apply(_ context.Context, batches []archive.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	apply, err := m.fault("apply")
	if apply {
		m.applied = append(m.applied, batches...)
		m.decoded = batches[len(batches)-1].Observation.ID
	}
	return err
}

// wasDurable reports whether capture may ask for a URL: only what has once
// been the durable cursor may be acknowledged.
func (m *memory) wasDurable(url string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.cursors, func(c archive.Cursor) bool { return c.Next == url })
}

func (m *memory) observations(source archive.Source) []archive.Observation {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []archive.Observation
	for _, o := range m.obs {
		if o.Source == source {
			out = append(out, o)
		}
	}
	return out
}

func (m *memory) allGaps() []archive.Gap {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.gaps)
}

func (m *memory) cursor() archive.Cursor {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.cursors) == 0 {
		return archive.Cursor{}
	}
	return m.cursors[len(m.cursors)-1]
}

func (m *memory) Fetches(_ context.Context, account string, limit int) ([]archive.Fetch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []archive.Fetch
	for _, f := range m.fetches {
		if f.Account == account && m.outcomes[f.ID] == "" {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b archive.Fetch) int { return a.Attempts - b.Attempts })
	return out[:min(limit, len(out))], nil
}

func (m *memory) NoteFetch(_ context.Context, id archive.FetchID, outcome archive.FetchOutcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	apply, err := m.fault("note")
	if apply && m.outcomes[id] == "" {
		m.fetches[id-1].Attempts++
		if outcome != archive.FetchAgain {
			m.settle(id, outcome)
		}
	}
	return err
}

func (m *memory) settle(id archive.FetchID, outcome archive.FetchOutcome) {
	if m.outcomes == nil {
		m.outcomes = make(map[archive.FetchID]archive.FetchOutcome)
	}
	m.outcomes[id] = outcome
}

// noteFetches brings the list of fetches up to an observation that is appended.
func (m *memory) noteFetches(o archive.Observation, a archive.Appended) {
	if o.Answers != 0 {
		m.settle(o.Answers, "fetched")
	}
	if !a.New {
		return
	}
	for _, l := range o.Wants {
		m.fetches = append(m.fetches, archive.Fetch{ID: archive.FetchID(len(m.fetches) + 1), Account: o.Account, Capture: o.Capture,
			Rel: l.Rel, Href: l.Href, After: a.ID})
	}
}

func (m *memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

func (m *memory) SeePolicy(_ context.Context, p archive.Policy) (archive.Policy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if apply, err := m.fault("policy"); !apply || err != nil {
		return archive.Policy{}, err
	}
	for i, have := range m.wishes {
		if have.Account == p.Account && have.Name == p.Name {
			if have.Value != p.Value {
				m.wishes[i] = p
			}
			return m.wishes[i], nil
		}
	}
	m.wishes = append(m.wishes, p)
	return p, nil
}

func (m *memory) AcknowledgePolicy(_ context.Context, account, name string, at archive.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, have := range m.wishes {
		if have.Account == account && have.Name == name {
			m.wishes[i].Acknowledged = at
			return nil
		}
	}
	return archive.ErrNotFound
}

func (m *memory) Policies(_ context.Context, account string) ([]archive.Policy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.wishes), func(p archive.Policy) bool { return p.Account != account }), nil
}

func (m *memory) SetCapturing(account string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.capturing == nil {
		m.capturing = make(map[string]bool)
	}
	m.capturing[account] = on
	return nil
}
