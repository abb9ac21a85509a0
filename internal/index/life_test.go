package index_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"archiver/internal/archive"
	"archiver/internal/index"
)

// An index that is not the store's is made anew: one ahead of it, as when the
// store was decoded anew or came from a backup, or of other messages.
func TestAnotherStore(t *testing.T) {
	s, dir := corpus(), t.TempDir()
	if err := open(t, dir, s).Close(); err != nil {
		t.Fatal(err)
	}
	young := newSource()
	young.write("bo", "plan", "release")
	x := open(t, dir, young)
	if got := found(t, x, ""); got != "1" || x.Watermark() != 1 {
		t.Errorf("an index ahead of the store: found %q up to %s", got, x.Watermark())
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	other := corpus()
	other.messages = other.messages[2:]
	if err := open(t, dir, other).Close(); err != nil {
		t.Fatal(err)
	}
	other.messages = other.messages[1:]
	if got := found(t, open(t, dir, other), "release"); got != "" {
		t.Errorf("an index of more messages: found %q", got)
	}
}

// A reader keeps no writer out, a writer every other.
func TestLocks(t *testing.T) {
	s, dir := corpus(), t.TempDir()
	if _, err := index.OpenReadOnly(t.Context(), dir, s, index.Options{}); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("reading where there is no index: %v", err)
	}
	if err := open(t, dir, s).Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := index.OpenReadOnly(t.Context(), dir, s, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.Follow(t.Context()); !errors.Is(err, archive.ErrInvalid) {
		t.Errorf("a reader writes: %v", err)
	}
	if err := reader.Rebuild(t.Context(), nil); !errors.Is(err, archive.ErrInvalid) {
		t.Errorf("a reader rebuilds: %v", err)
	}
	x := open(t, dir, s)
	if _, err := index.Open(t.Context(), dir, s, index.Options{}); !errors.Is(err, archive.ErrConflict) {
		t.Errorf("a second writer: %v", err)
	}
	if err := x.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := found(t, reader, "release"); got != "3 1" {
		t.Errorf("a reader whose generation is gone finds %q", got)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// gated is a source that can be made to wait in the middle of being followed.
type gated struct {
	*source
	hold          atomic.Bool
	entered, pass chan struct{}
}

func (g *gated) MessagesChangedAfter(ctx context.Context, after archive.ObservationID, n int) ([]archive.Indexable, error) {
	if g.hold.Load() {
		g.entered <- struct{}{}
		<-g.pass
	}
	return g.source.MessagesChangedAfter(ctx, after, n)
}

// Searches do not wait for Follow and Rebuild.
func TestSearchMeanwhile(t *testing.T) {
	g := &gated{source: corpus(), entered: make(chan struct{}), pass: make(chan struct{})}
	x, err := index.Open(t.Context(), t.TempDir(), g, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	g.write("bo", "plan", "release again")
	for _, tt := range []struct {
		work        func(context.Context) error
		during, end string
	}{
		{x.Follow, "3 1", "9 3 1"},
		{func(ctx context.Context) error { return x.Rebuild(ctx, nil) }, "9 3 1", "9 3 1"},
	} {
		g.hold.Store(true)
		done := make(chan error)
		go func() { done <- tt.work(t.Context()) }()
		<-g.entered
		if got := found(t, x, "release"); got != tt.during {
			t.Errorf("meanwhile: found %q, want %q", got, tt.during)
		}
		g.hold.Store(false)
		g.pass <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := found(t, x, "release"); got != tt.end {
			t.Errorf("afterwards: found %q, want %q", got, tt.end)
		}
	}
}

// Readers that come at any moment find the messages up to their watermark.
func TestReadersBesideBusyWriter(t *testing.T) {
	s, dir := newSource(), t.TempDir()
	rng := rand.New(rand.NewPCG(7, 8))
	s.generate(rng, 50)
	x := open(t, dir, s)
	guard := &guarded{source: s}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			guard.mu.Lock()
			s.generate(rng, 3)
			err := x.Follow(t.Context())
			guard.mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	opened := 0
	for range 40 {
		r, err := index.OpenReadOnly(t.Context(), dir, guard, index.Options{})
		if errors.Is(err, archive.ErrConflict) {
			continue // the writer was faster every time
		}
		if err != nil {
			t.Fatal(err)
		}
		opened++
		result := search(t, r, archive.SearchRequest{Query: "-nothing"})
		if want := int64(r.Watermark()); result.Total < want || int64(len(result.Hits)) != result.Total {
			t.Errorf("up to %d there are %d messages", want, result.Total)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writer.Wait()
	if opened == 0 {
		t.Error("no reader ever got a snapshot")
	}
}

// guarded is a source that several goroutines may use.
type guarded struct {
	*source
	mu sync.RWMutex
}

func (g *guarded) Watermarks(ctx context.Context) (archive.Watermarks, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.source.Watermarks(ctx)
}

func (g *guarded) Documents(ctx context.Context, fn func(archive.Document) error) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.source.Documents(ctx, fn)
}

func (g *guarded) MessagesByEvent(ctx context.Context, ids []archive.EventID) ([]archive.Message, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.source.MessagesByEvent(ctx, ids)
}

// What could not be written is not searched; the next Follow puts it right.
func TestWriteFails(t *testing.T) {
	s, dir := corpus(), t.TempDir()
	x := open(t, dir, s)
	stores, err := filepath.Glob(filepath.Join(dir, "*", "store"))
	if err != nil || len(stores) != 1 {
		t.Fatal(stores, err)
	}
	if err := os.RemoveAll(stores[0]); err != nil {
		t.Fatal(err)
	}
	s.write("bo", "plan", "release again")
	if err := x.Follow(t.Context()); err == nil {
		t.Fatal("written into nothing")
	}
	if _, err := x.Search(t.Context(), archive.SearchRequest{Query: "release"}); !errors.Is(err, archive.ErrUnavailable) {
		t.Errorf("searching what could not be written: %v", err)
	}
	follow(t, x)
	if got := found(t, x, "release"); got != "9 3 1" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestEnding(t *testing.T) {
	x := open(t, t.TempDir(), corpus())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, q := range []string{"", "release", "from:bo"} {
		if _, err := x.Search(ctx, archive.SearchRequest{Query: q}); !errors.Is(err, context.Canceled) {
			t.Errorf("%q: a search that nobody wants: %v", q, err)
		}
	}
	for range 2 {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Search(t.Context(), archive.SearchRequest{Query: "release"}); !errors.Is(err, archive.ErrUnavailable) {
		t.Errorf("a search after the end: %v", err)
	}
	if err := x.Follow(t.Context()); !errors.Is(err, archive.ErrUnavailable) {
		t.Errorf("following after the end: %v", err)
	}
}
