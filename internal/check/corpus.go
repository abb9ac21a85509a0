package check

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// Corpus is a generated history of one account: the P-GET responses that a
// server would have sent in a capture of five years. The same Corpus gives the
// same bytes always.
//
// A response holds one event on average, of about 2.3 KB as front ends format
// them. Conversations begin with an incoming invitation that carries the first
// text, go on with messages of 2,000 people in four scripts, six in ten of them
// with an HTML part, and end; one in twenty messages goes to a room that lasts.
// Words follow a power law, with numbers, addresses and ticket ids between
// them, so that an index of it has the shape of a real one.
type Corpus struct {
	Seed     uint64
	Messages int // with the first texts of invitations
}

// Account is whose history it is.
const Account = "sip:ana.ruiz@contoso.example"

const (
	application = "/ucwa/oauth/v1/applications/10420777301"
	people      = 2000
	wordCount   = 40_000
	perTalk     = 16 // messages in a conversation, on average
	openTalks   = 12 // conversations that go on at a time
)

// Bodies are the responses in the order sent. Each is the caller's to keep.
func (c Corpus) Bodies() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		g := newGenerator(c)
		for g.left > 0 || len(g.talks) > 0 {
			if !yield(g.response()) {
				return
			}
		}
	}
}

// generator is the state of a history as it unfolds.
type generator struct {
	rnd   *rand.Rand
	zipf  *rand.Zipf
	words []string
	left  int           // messages yet to come
	step  time.Duration // between messages, on average
	now   time.Time
	ack   int
	talks []talk // the first is the room
}

// talk is a conversation that goes on.
type talk struct {
	href   string
	thread string
	person int
	left   int // messages yet to come
}

func newGenerator(c Corpus) *generator {
	rnd := rand.New(rand.NewPCG(c.Seed, 20200106))
	return &generator{
		rnd:   rnd,
		zipf:  rand.NewZipf(rnd, 1.07, 4, wordCount-1),
		words: vocabulary(rnd),
		left:  c.Messages,
		step:  5 * 365 * 24 * time.Hour / time.Duration(max(c.Messages, 1)),
		now:   time.Date(2020, 1, 6, 8, 0, 0, 0, time.UTC),
	}
}

// response is the next P-GET response.
func (g *generator) response() []byte {
	g.ack++
	g.now = g.now.Add(time.Duration(g.rnd.Float64() * 2 * float64(g.step)))
	b := fmt.Appendf(nil, envelopeHead, application, g.ack, application, g.ack+1)
	switch i, begins := g.next(); {
	case begins:
		g.talks = append(g.talks, g.newTalk())
		g.left--
		b = g.begin(b, g.talks[len(g.talks)-1])
	case g.left == 0 || g.talks[i].left <= 0 && i > 0:
		b = g.end(b, g.talks[i])
		g.talks = append(g.talks[:i], g.talks[i+1:]...)
	default:
		b = g.message(b, g.talks[i])
		g.talks[i].left--
		g.left--
	}
	return append(b, envelopeTail...)
}

// next is the conversation in which something happens, or that one begins.
func (g *generator) next() (i int, begins bool) {
	n := len(g.talks)
	switch {
	case g.left == 0:
		return n - 1, false
	case n == 0 || n <= openTalks && g.rnd.IntN(perTalk) == 0:
		return 0, true
	case g.rnd.IntN(20) == 0:
		return 0, false
	}
	return g.rnd.IntN(n), false
}

func (g *generator) newTalk() talk {
	return talk{
		href:   application + "/communication/conversations/" + g.guid(),
		thread: g.thread(),
		person: g.person(),
		left:   g.rnd.IntN(2 * perTalk),
	}
}

// thread is a Conversation-Index of now, as desktop clients make it
// (PidTagConversationIndex): the high bytes of a FILETIME and a GUID.
func (g *generator) thread() string {
	const filetimeUnix = 116444736000000000
	var index [24]byte
	binary.BigEndian.PutUint64(index[:], uint64(g.now.UnixNano()/100+filetimeUnix))
	binary.BigEndian.PutUint64(index[6:], g.rnd.Uint64())
	binary.BigEndian.PutUint64(index[14:], g.rnd.Uint64())
	return base64.StdEncoding.EncodeToString(index[:22])
}

func (g *generator) guid() string {
	a, b := g.rnd.Uint64(), g.rnd.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// person is somebody; a few people write most of what is written.
func (g *generator) person() int {
	f := g.rnd.Float64()
	return int(f * f * f * people)
}
