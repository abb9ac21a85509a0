package index

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"

	"archiver/internal/archive"
)

// numbers know the rows of the documents of each segment. Segments never
// change, so what is known of one stays true as long as it lives.
type numbers struct {
	mu       sync.Mutex
	segments map[uint64][]int32 // rows by document number; guarded by mu
}

func newNumbers() *numbers { return &numbers{segments: make(map[uint64][]int32)} }

// noRow is the row of a document that no message is known of.
const noRow = -1

// of are the rows of the documents of a snapshot, segment by segment. What is
// no longer part of the index is forgotten when it is more than what is.
func (n *numbers) of(c *columns, snapshot *scorch.IndexSnapshot) ([][]int32, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := snapshot.Segments()
	out := make([][]int32, len(all))
	for i, s := range all {
		rows, ok := n.segments[s.Id()]
		if !ok {
			var complete bool
			var err error
			if rows, complete, err = readRows(c, s); err != nil {
				return nil, err
			}
			if complete { // else columns that know more are about to come
				n.segments[s.Id()] = rows
			}
		}
		out[i] = rows
	}
	if len(n.segments) > 2*len(all)+8 {
		kept := make(map[uint64][]int32, len(all))
		for i, s := range all {
			if _, ok := n.segments[s.Id()]; ok {
				kept[s.Id()] = out[i]
			}
		}
		n.segments = kept
	}
	return out, nil
}

// readRows looks up every document of a segment.
func readRows(c *columns, s *scorch.SegmentSnapshot) (rows []int32, complete bool, err error) {
	rows, complete = make([]int32, s.FullSize()), true
	guess := 0 // documents mostly stand in the order of the log
	for i := range rows {
		id, err := s.DocID(uint64(i))
		if err != nil {
			return nil, false, err
		}
		event, err := eventOf(id)
		if err != nil {
			return nil, false, err
		}
		ok := guess < len(c.events) && c.events[guess] == event
		if !ok {
			guess, ok = c.row(event)
		}
		rows[i] = int32(guess)
		if !ok {
			rows[i], complete = noRow, false
		}
		guess++
	}
	return rows, complete, nil
}

func eventOf(docID []byte) (archive.EventID, error) {
	var b [8]byte
	if len(docID) != 2*len(b) {
		return 0, fmt.Errorf("a document of another program: %w", archive.ErrConflict)
	}
	if _, err := hex.Decode(b[:], docID); err != nil {
		return 0, fmt.Errorf("a document of another program: %w", archive.ErrConflict)
	}
	return archive.EventID(binary.BigEndian.Uint64(b[:])), nil
}
