package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"archiver/internal/archive"
	"archiver/web/component"
)

// accountView is where capture stands for one account.
type accountView struct {
	URI, Name, Server string
	State             string // capturing, stopped or imported
	StateText         string
	Note              string
	Polled            bool
	LastPoll          component.Stamp
	LastEvent         component.Stamp
	Lag               string
	Stored            string
	Decoded           string
	Indexed           string
	Behind            string // "" when all stages are up to date
	Observations      string
	Undecoded         int64
	Failed            int64
	Gaps              int64
	Disk              string
	History           string // whether the server keeps one to fill gaps from
	HistoryRead       component.Stamp
	WasRead           bool
}

// statusView is the page about the archive itself.
type statusView struct {
	Accounts []accountView
	Gaps     []component.Gap
}

// noGaps says what it means that none is recorded: a gap that goes on may not be
// yet, as when the disk is full, and before a first capture there is none.
func (v statusView) noGaps() string {
	for _, a := range v.Accounts {
		if a.State == string(archive.StateStopped) {
			return "None is recorded so far. An account above is not captured now: what it misses is recorded when its capture goes on."
		}
	}
	return "None: everything since the first capture is covered."
}

func (s *site) statusPage(w http.ResponseWriter, r *http.Request) error {
	f := s.frame(r, "Status", "status")
	f.Live = true
	accounts, err := s.accounts(r.Context(), f.Clock)
	if err != nil {
		return err
	}
	gaps, err := s.Archive.Gaps(r.Context(), "")
	if err != nil {
		return err
	}
	return s.show(w, r, f, statusContent(statusView{accounts, newestGaps(f.Clock, gaps)}))
}

func (s *site) accounts(ctx context.Context, c component.Clock) ([]accountView, error) {
	all, err := s.Archive.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	states, err := s.Archive.Status(ctx)
	if err != nil {
		return nil, err
	}
	return newAccounts(c, all, states), nil
}

func newAccounts(c component.Clock, all []archive.Account, states []archive.Status) []accountView {
	known := map[string]archive.Account{}
	for _, a := range all {
		known[a.URI] = a
	}
	views := make([]accountView, len(states))
	for i, st := range states {
		views[i] = newAccount(c, known[st.Account], st)
	}
	return views
}

func newAccount(c component.Clock, a archive.Account, st archive.Status) accountView {
	v := accountView{
		URI: st.Account, Name: nameOr(a.Name, st.Account), Server: a.Server, State: string(st.State),
		Polled: st.LastPoll.Known(), LastPoll: c.Brief(st.LastPoll, ""), LastEvent: c.Brief(st.LastEvent, ""),
		Stored: st.Watermarks.Stored.String(), Decoded: st.Watermarks.Decoded.String(), Indexed: st.Watermarks.Indexed.String(),
		Observations: grouped(a.Observations), Undecoded: st.Undecoded, Failed: st.Failed, Gaps: st.Gaps, Disk: bytesText(st.DiskBytes),
	}
	switch st.State {
	case archive.StateCapturing:
		v.StateText = "Capturing"
	case archive.StateInterrupted:
		v.State, v.StateText = string(archive.StateStopped), "Interrupted" // it looks the same
		v.Note = "Nothing said now is kept. The archiver keeps trying to reach the server."
	case archive.StateStale:
		v.State, v.StateText = string(archive.StateStopped), "Stale"
		v.Note = "A process says that it captures, and the server has not answered it for a long time: nothing said now is known to be kept."
	case archive.StateStopped:
		v.StateText = "Not capturing"
		v.Note = "Nothing said now is kept. Go on with archiver run."
	case archive.StateImported:
		v.StateText = "Imported"
		v.Note = "Read from files; never captured live."
	default:
		v.StateText = string(st.State)
	}
	for _, p := range st.Policies {
		if p.Value == "Disabled" {
			v.Note = strings.TrimSpace(v.Note + " " + wish(c, p))
		}
	}
	if st.LagSeconds != nil {
		v.Lag = component.Span(time.Duration(*st.LagSeconds * float64(time.Second)))
	}
	v.Behind = behind(st.Watermarks)
	v.History, v.WasRead, v.HistoryRead = historyText(st.History), st.LastBackfill.Known(), c.Brief(st.LastBackfill, "")
	return v
}

func historyText(a archive.Availability) string {
	switch a {
	case archive.HistoryAvailable:
		return "kept"
	case archive.HistoryUnavailable:
		return "none kept: what is missed live is lost"
	}
	return "not asked for yet"
}

// wish tells that an administrator does not want conversations to be saved, and
// whether the operator knows.
func wish(c component.Clock, p archive.Policy) string {
	text := fmt.Sprintf("The administrator does not want conversations to be saved (%s is %s)", p.Name, p.Value)
	if !p.Acknowledged.Known() {
		return text + ", and nobody has acknowledged that."
	}
	return text + "; acknowledged " + c.Moment(p.Acknowledged, archive.FromServer).Text + "."
}

// behind says how far decoding and the index are from what is stored.
func behind(m archive.Watermarks) string {
	decode, index := int64(m.Stored-m.Decoded), int64(m.Decoded-m.Indexed)
	switch {
	case decode > 0:
		return fmt.Sprintf("%s stored but not yet decoded", count(decode, "response is", "responses are"))
	case index > 0:
		return fmt.Sprintf("%s decoded but not yet searchable", count(index, "response is", "responses are"))
	}
	return ""
}
