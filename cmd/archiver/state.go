package main

import (
	"strings"

	"archiver/internal/archive"
)

// markStale takes a process that says that it captures at its word only as long
// as the server has answered it not long ago.
func markStale(st *archive.Status) {
	if st.State == archive.StateCapturing && (st.LagSeconds == nil || *st.LagSeconds > archive.StaleAfterSeconds) {
		st.State = archive.StateStale
	}
}

// tellState tells the state of an account: in red when it is not captured.
func (p *program) tellState(st archive.Status) string {
	text := string(st.State)
	switch st.State {
	case archive.StateStopped:
		text += ": no process captures it"
	case archive.StateInterrupted:
		text += ": the server cannot be captured from now; archiver keeps trying"
	case archive.StateStale:
		text += ": a process says that it captures, and the server has not answered it for a long time"
	}
	var wishes []string
	for _, w := range st.Policies {
		if w.Acknowledged.Known() {
			wishes = append(wishes, "\n  policy     "+w.Name+" is "+w.Value+", acknowledged at "+w.Acknowledged.String())
		} else {
			wishes = append(wishes, "\n  policy     "+w.Name+" is "+w.Value)
		}
	}
	if st.State != archive.StateCapturing && st.State != archive.StateImported && p.colored(p.out) {
		text = "\x1b[31m" + text + "\x1b[0m"
	}
	return text + strings.Join(wishes, "")
}
