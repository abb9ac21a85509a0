package store_test

import (
	"errors"
	"testing"

	"archiver/internal/archive"
	"archiver/internal/store"
	"archiver/internal/store/storetest"
)

// An account looks well only while a process captures it, a P-GET was answered
// and nothing has gone wrong since.
func TestStatus(t *testing.T) {
	dir, account := t.TempDir(), storetest.Account
	s, err := store.Open(t.Context(), dir, store.Options{Write: true, Owner: "test", Captures: true})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cursor := archive.Cursor{Account: account, EndpointID: "e", Updated: archive.FromNanos(5)}
	save := func() error { _, err := s.AppendObservations(t.Context(), nil, &cursor); return err }
	var gap archive.GapID
	for _, step := range []struct {
		what string
		do   func() error
		want archive.State
	}{
		{"known", func() error { return s.EnsureAccount(t.Context(), account, "") }, archive.StateImported},
		{"an application is asked for", save, archive.StateStopped},
		{"a process captures it", func() error { return s.SetCapturing(account, true) }, archive.StateInterrupted},
		{"the application is there", func() error { cursor.Next = "n"; return save() }, archive.StateInterrupted},
		{"a P-GET was answered", func() error { cursor.Polled = archive.FromNanos(6); return save() }, archive.StateCapturing},
		{"the server is gone", func() (err error) {
			gap, err = s.AppendGap(t.Context(), archive.Gap{Account: account, Cause: archive.GapUnreachable, From: archive.FromNanos(7)})
			return err
		}, archive.StateInterrupted},
		{"and back", func() error { return s.CloseGap(t.Context(), gap, archive.FromNanos(8)) }, archive.StateCapturing},
		{"a conversation is elsewhere", func() error {
			_, err := s.AppendGap(t.Context(), archive.Gap{Account: account, Cause: archive.GapElsewhere, From: archive.FromNanos(9), Conversation: "c"})
			return err
		}, archive.StateCapturing},
		{"another account ends", func() error { return s.SetCapturing("sip:bo@contoso.example", false) }, archive.StateCapturing},
		{"its capture ends, the process goes on", func() error { return s.SetCapturing(account, false) }, archive.StateStopped},
		{"its capture goes on", func() error { return s.SetCapturing(account, true) }, archive.StateCapturing},
		{"the process ends", s.Close, archive.StateStopped},
	} {
		must(step.do())
		all, err := reader.Status(t.Context())
		must(err)
		if len(all) != 1 || all[0].State != step.want {
			t.Errorf("%s: %+v, want %s", step.what, all, step.want)
		}
	}
	must(reader.Close())

	// A process that only writes captures nobody, whatever one before it said.
	s = openWrite(t, dir)
	all, err := s.Status(t.Context())
	must(errors.Join(err, s.Close()))
	if all[0].State != archive.StateStopped || all[0].LastPoll != archive.FromNanos(6) {
		t.Errorf("beside an import: %+v", all[0])
	}
}
