package ucwatest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// move is what the server does next: release a batch, or misbehave.
type move struct {
	at     time.Time     // simulated time of its release, in the history
	live   bool          // happens in real time
	wait   time.Duration // live: after the move before it
	events []sent
	body   []byte // a raw body instead of events
	media  string // its type; "" is JSON
	fault  *fault
	logs   []*chronicle    // histories that can be read from now on
	acts   []func(*Server) // what else happens; the server's lock is held
	acting bool            // nothing but that: what comes of it is in the queues
}

// fault is one misbehaviour.
type fault struct {
	kind    string // gone, down, resync, resume, drop, status
	length  time.Duration
	status  int
	subcode string
}

// sent is an event with its sender. {app} stands for the application's href.
type sent struct {
	rel, href string
	event     map[string]any
	at        time.Time // when it began to wait; live ones only
	fetched   func()    // called once a P-GET has it; nil for nobody. Server.mu is held
}

// story turns steps into moves. It knows who is in which conversation.
type story struct {
	sc      *Scenario
	embed   bool
	base    time.Time // what relative times are relative to
	clock   time.Time
	isLive  bool
	wait    time.Duration
	held    bool // between batch and send
	pending []sent
	talks   map[string]*talk
	history bool                  // the server keeps one
	logs    map[string]*chronicle // of the conversations going on
	effects []func(*Server)       // what changes with the batch and is not in it
	// chronicles are finished histories on their way into a move.
	chronicles []*chronicle
	moves      []move
	said       int
	made       int // ids
}

// compile plays the steps of a scenario into moves. base is the moment that
// relative times are relative to.
func compile(sc *Scenario, base time.Time, opt Options) ([]move, error) {
	s := &story{sc: sc, embed: opt.Embed, history: opt.History, base: base, clock: base,
		talks: make(map[string]*talk), logs: make(map[string]*chronicle)}
	for _, st := range sc.steps {
		if err := verbs[st.words[0]].play(s, st); err != nil {
			return nil, fmt.Errorf("ucwatest: %s:%d: %s: %w", sc.Name, st.line, st.words[0], err)
		}
		s.cut()
	}
	s.flush()
	if n := len(s.moves); n > 0 {
		s.moves[n-1].logs = append(s.moves[n-1].logs, s.chronicles...)
	}
	return s.moves, nil
}

// emit adds an event to the batch. The sender's href follows {app}.
func (s *story) emit(rel, href string, event map[string]any) {
	s.pending = append(s.pending, sent{rel: rel, href: "{app}" + href, event: event})
}

// cut ends the batch, unless the scenario groups by hand.
func (s *story) cut() {
	if !s.held {
		s.flush()
	}
}

func (s *story) embeds() bool { return s.embed }

// flush ends the batch.
func (s *story) flush() {
	if len(s.pending) == 0 {
		return
	}
	s.move(move{events: s.pending})
	s.pending = nil
}

func (s *story) move(m move) {
	m.at, m.live, m.wait = s.clock, s.isLive, s.wait
	m.logs, s.chronicles = s.chronicles, nil
	m.acts, s.effects = s.effects, nil
	s.wait = 0
	s.moves = append(s.moves, m)
	s.pass(200 * time.Millisecond)
}

// pass moves the clock on.
func (s *story) pass(d time.Duration) {
	s.clock = s.clock.Add(d)
	if s.isLive {
		s.wait += d
	}
}

// id is a GUID made from what it names, the same at every run.
func (s *story) id(parts ...string) string {
	sum := sha256.Sum256([]byte(s.sc.Name + "\x00" + strings.Join(parts, "\x00")))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// newID is the next id of a sort.
func (s *story) newID(sort string) string {
	s.made++
	return s.id(sort, strconv.Itoa(s.made))
}

// thread makes a threadId: a Conversation-Index as desktop clients make them
// (MS-OXOMSG 2.2.1.3), one of a reply, 32 hex digits as UCWA does, or none.
func (s *story) thread(form, key string) string {
	sum := sha256.Sum256([]byte(s.sc.Name + key))
	switch form {
	case "none":
		return ""
	case "hex":
		return hex.EncodeToString(sum[:16])
	}
	const toUnix = 11644473600 // seconds from 1601 to 1970
	filetime := uint64(s.clock.Unix()+toUnix)*1e7 + uint64(s.clock.Nanosecond()/100)
	index := binary.BigEndian.AppendUint64(nil, filetime)[:6]
	index = append(index, sum[:16]...)
	if form == "long" { // a reply's has five bytes more for each answer before it
		index = append(index, sum[16:26]...)
	}
	return base64.StdEncoding.EncodeToString(index)
}

func (s *story) person(key string) (Person, error) {
	p, ok := s.sc.people[key]
	if !ok {
		return p, fmt.Errorf("nobody is called %q", key)
	}
	return p, nil
}

func (s *story) talk(key string) (*talk, error) {
	t, ok := s.talks[key]
	if !ok {
		return nil, fmt.Errorf("there is no conversation %q", key)
	}
	return t, nil
}
