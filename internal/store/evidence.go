package store

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"archiver/internal/archive"
)

// evidence notes that the event at hand shows a message again: live, or in a
// log of the history.
func (a *applier) evidence(message archive.EventID, log string) error {
	if message == a.event {
		return nil
	}
	return exec(a.conn, `INSERT OR IGNORE INTO evidence (message, event, log) VALUES (?, ?, ?)`, message, a.event, log)
}

// evidence reads the further events that show what the first one shows, those
// of the history as negative numbers. The first is live when its place is the
// message's: else the history showed it before.
func (r row) evidence(first archive.EventID, live bool) []archive.Evidence {
	tell := func(e archive.EventID, live bool) archive.Evidence {
		if live {
			return archive.Evidence{Event: e, Provenance: archive.ProvenanceLive}
		}
		return archive.Evidence{Event: e, Provenance: archive.ProvenanceLog}
	}
	out := []archive.Evidence{tell(first, live)}
	for s := range strings.SplitSeq(r.text(), ",") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			out = append(out, tell(archive.EventID(max(n, -n)), n > 0))
		}
	}
	slices.SortFunc(out, func(a, b archive.Evidence) int { return cmp.Compare(a.Event, b.Event) })
	return out
}
