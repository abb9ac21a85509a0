package capture_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// filled is a log of n batches: one message each, every tenth unreadable.
func filled(n int) *memory {
	m := &memory{}
	for i := range n {
		body := fmt.Sprintf(`{"_links":{"next":{"href":"/e?ack=%d"}},"sender":[{"rel":"conversation","href":"/c1","events":[%s]}]}`, i+1, message(i))
		if i%10 == 9 {
			body = `{"_links":`
		}
		m.append(archive.Observation{Account: account, Source: archive.SourceCapture, URL: fmt.Sprint(i), Body: []byte(body)})
	}
	return m
}

func TestProjectReadsTheLogToItsEnd(t *testing.T) {
	m := filled(95)
	var seen []archive.ObservationID
	p := capture.Projection{Archive: m, Batch: 20, Progress: func(p capture.Progress) { seen = append(seen, p.Through) }}
	done, err := capture.Project(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]archive.ObservationID{20, 40, 60, 80, 95}, seen); d != "" {
		t.Error(d)
	}
	want := capture.Progress{Through: 95, Observations: 95, Events: 95, Changes: done.Changes, Failed: 9}
	if d := cmp.Diff(want, done); d != "" || done.Changes < 86 {
		t.Error(d, done)
	}
	for i, b := range m.applied {
		if b.Observation.ID != archive.ObservationID(i+1) || b.Observation.Body != nil {
			t.Fatalf("batch %d is of %s, %d bytes", i, b.Observation.ID, len(b.Observation.Body))
		}
	}
	again, err := capture.Project(t.Context(), p)
	if err != nil || again.Observations != 0 || again.Through != 95 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestProjectStopsAtAFailure(t *testing.T) {
	m := filled(95)
	calls := 0
	m.fail = func(op string) (bool, error) {
		if calls++; calls == 3 {
			return false, errDisk
		}
		return true, nil
	}
	done, err := capture.Project(t.Context(), capture.Projection{Archive: m, Batch: 20})
	if !errors.Is(err, errDisk) || done.Through != 40 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestAProjectorKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := filled(3)
		p := capture.NewProjector(capture.Projection{Archive: m})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		decoded := func() archive.ObservationID {
			synctest.Wait()
			w, _ := m.Watermarks(ctx)
			return w.Decoded
		}
		if got := decoded(); got != 3 {
			t.Errorf("at the start: %s", got)
		}
		for i := range 5 {
			m.mu.Lock()
			o := m.append(archive.Observation{Account: account, URL: fmt.Sprint("n", i), Body: []byte(`{}`)})
			m.mu.Unlock()
			p.Notify(o.ID)
			p.Notify(o.ID)
		}
		if got := decoded(); got != 8 {
			t.Errorf("notified: %s", got)
		}
		m.mu.Lock()
		m.fail = func(string) (bool, error) { return false, errDisk }
		o := m.append(archive.Observation{Account: account, URL: "x", Body: []byte(`{}`)})
		m.mu.Unlock()
		p.Notify(o.ID)
		if got := decoded(); got != 8 {
			t.Errorf("while the archive refuses: %s", got)
		}
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got := decoded(); got != 9 {
			t.Errorf("after it has recovered: %s", got)
		}
		cancel()
		<-done
	})
}
