package capture

import "sync"

// teller calls callbacks in order, apart from whoever has something to tell: a
// callback that takes its time must not keep the next P-GET waiting. There is a
// goroutine only while there is something to tell.
type teller struct {
	guard *guard

	mu      sync.Mutex
	queue   []func() // guarded by mu
	telling bool     // guarded by mu
	done    sync.WaitGroup
}

func (t *teller) tell(call func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, call)
	if !t.telling {
		t.telling = true
		t.done.Go(t.run)
	}
}

func (t *teller) run() {
	for {
		t.mu.Lock()
		queue := t.queue
		t.queue = nil
		t.telling = len(queue) > 0
		t.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, call := range queue {
			t.guard.run(call)
		}
	}
}

// stop waits until everything is told.
func (t *teller) stop() { t.done.Wait() }
