package main

import (
	"path/filepath"
	"slices"
	"strings"

	"archiver/internal/archive"
	"archiver/internal/config"
	"archiver/internal/ucwa"
)

// markStale takes a process that says that it captures at its word only as long
// as the server has answered it not long ago.
func markStale(st *archive.Status) {
	if st.State == archive.StateCapturing && (st.LagSeconds == nil || *st.LagSeconds > archive.StaleAfterSeconds) {
		st.State = archive.StateStale
	}
}

// settledHere are the accounts whose captures go to the archive in a directory:
// those that are set up, if it is the one of the settings. Another, such as one
// of imported files, waits for nobody.
func (p *program) settledHere(dir string) []string {
	s, err := config.Load(config.Source{File: p.config, Env: p.env})
	if err != nil {
		return nil // who needs the settings has said so
	}
	if here, err := filepath.Abs(dir); err != nil || filepath.Clean(s.Archive) != here {
		return nil
	}
	uris := make([]string, len(s.Accounts))
	for i, a := range s.Accounts {
		uris[i] = ucwa.NormalizeURI(a.Address)
	}
	return uris
}

// addSettled adds the accounts that are set up and have not been captured yet,
// as after a wrong password: an archive that knows nothing of them would look
// well without them.
func addSettled(all []archive.Status, uris []string) []archive.Status {
	for _, uri := range uris {
		i := slices.IndexFunc(all, func(st archive.Status) bool { return st.Account == uri })
		switch {
		case i < 0 && len(all) > 0:
			all = append(all, archive.Status{Account: uri, State: archive.StateStopped, History: archive.HistoryUnknown,
				Watermarks: all[0].Watermarks, DiskBytes: all[0].DiskBytes})
		case i < 0:
			all = append(all, archive.Status{Account: uri, State: archive.StateStopped, History: archive.HistoryUnknown})
		case all[i].State == archive.StateImported:
			all[i].State = archive.StateStopped
		}
	}
	return all
}

// tellState tells the state of an account: in red when it is not captured.
func (p *program) tellState(st archive.Status) string {
	text := string(st.State)
	switch st.State {
	case archive.StateStopped:
		text += ": no process captures it"
		if !st.LastPoll.Known() {
			text += ", and none has yet; `archiver run` does, or says why not"
		}
	case archive.StateInterrupted:
		text += ": the server cannot be captured from now; archiver keeps trying"
		if !st.LastPoll.Known() && st.Gaps == 0 {
			text = string(st.State) + ": signed in, and the server has not yet answered what is new; until then nothing is known to be kept"
		}
	case archive.StateStale:
		text += ": a process says that it captures, and the server has not answered it for a long time"
	}
	var wishes []string
	for _, w := range st.Policies {
		if w.Acknowledged.Known() {
			wishes = append(wishes, "\n  policy     "+w.Name+" is "+w.Value+", acknowledged at "+w.Acknowledged.String())
		} else if w.Value == "Disabled" {
			wishes = append(wishes, "\n  policy     "+w.Name+" is "+w.Value+": nothing is captured before you say --policy-acknowledged to `archiver run`")
		} else {
			wishes = append(wishes, "\n  policy     "+w.Name+" is "+w.Value)
		}
	}
	if st.State != archive.StateCapturing && st.State != archive.StateImported && p.colored(p.out) {
		text = "\x1b[31m" + text + "\x1b[0m"
	}
	return text + strings.Join(wishes, "")
}
