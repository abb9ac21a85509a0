package capture

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"archiver/internal/archive"
)

// MachineClock are clocks of this machine that nobody can set.
type MachineClock struct {
	// Awake is the time since some fixed moment without what the machine slept.
	Awake func() time.Duration
	// Uptime is the time since some fixed moment with it; false where the
	// system does not tell. Without it a clock that was put forward looks like
	// a machine that slept, which is the safer of the two.
	Uptime func() (time.Duration, bool)
}

// Machine reads this machine's own clocks. Uptime is Linux's.
func Machine() *MachineClock {
	begun := time.Now()
	return &MachineClock{Awake: func() time.Duration { return time.Since(begun) }, Uptime: uptime}
}

func uptime() (time.Duration, bool) {
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0, false
	}
	seconds, _, _ := strings.Cut(string(b), " ")
	s, err := strconv.ParseFloat(seconds, 64)
	return time.Duration(s * float64(time.Second)), err == nil
}

// clockTick is how exactly the bounds of a sleep and of a setting are known.
const clockTick = time.Second

// timekeeper keeps the time by which intervals are measured: one line that
// begins where the clock on the wall stood and then only goes on, whoever sets
// the clock and however long the machine sleeps. wall says what the clock on
// the wall showed at a moment of the line: that is what goes into the archive.
//
// Without a MachineClock the clock on the wall is taken at its word.
type timekeeper struct {
	clock   func() time.Time
	machine *MachineClock

	mu     sync.Mutex
	now0   time.Time     // guarded by mu: the line when it was last read,
	wall0  time.Time     // the clock on the wall then,
	awake0 time.Duration // and the machine's
	nap0   time.Duration // Uptime − Awake when that was last read
	naps   bool          // whether it can be
	leaps  []leap        // guarded by mu
	shown  []offset      // guarded by mu: wall − line since when, oldest first
	woken  chan struct{} // guarded by mu: closed at the next waking
}

// leap is a sleep of the machine, or a setting of its clock.
type leap struct {
	asleep   bool
	from, to archive.Time // on the line for a sleep, on the wall for a setting
}

type offset struct {
	since time.Time
	by    time.Duration
}

func newTimekeeper(clock func() time.Time, machine *MachineClock) *timekeeper {
	k := &timekeeper{clock: clock, machine: machine}
	if machine == nil {
		return k
	}
	k.wall0, k.awake0, k.woken = clock().Round(0), machine.Awake(), make(chan struct{})
	k.now0 = k.wall0
	k.shown = []offset{{since: k.now0}}
	if up, ok := machine.Uptime(); ok {
		k.nap0, k.naps = up-k.awake0, true
	}
	return k
}

// watch reads the clocks until ctx ends, so that a leap is noticed when it happens.
func (k *timekeeper) watch(ctx context.Context) {
	if k.machine == nil {
		return
	}
	t := time.NewTicker(clockTick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			k.now()
		case <-ctx.Done():
			return
		}
	}
}

// now is the present moment of the line.
func (k *timekeeper) now() archive.Time {
	if k.machine == nil {
		return archive.At(k.clock())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	awake := k.machine.Awake()
	wall := k.clock().Round(0)
	if d := k.machine.Awake() - awake; d > leastGap/4 {
		// Something came between the two readings: they say nothing together.
		return archive.At(k.now0.Add(awake - k.awake0))
	}
	passed := awake - k.awake0
	before, wallBefore := k.now0, k.wall0
	differs := wall.Sub(k.wall0) - passed
	k.now0, k.wall0, k.awake0 = before.Add(passed), wall, awake
	if differs.Abs() <= leastGap {
		k.shown[len(k.shown)-1].by += differs // the clock is regulated
		return archive.At(k.now0)
	}
	slept := k.slept(differs, awake)
	k.now0 = k.now0.Add(slept)
	if slept > leastGap {
		k.leaps = append(k.leaps, leap{asleep: true, from: archive.At(before), to: archive.At(k.now0)})
		close(k.woken)
		k.woken = make(chan struct{})
	}
	if set := differs - slept; set.Abs() > leastGap {
		k.set(wallBefore.Add(passed+slept), set)
	}
	return archive.At(k.now0)
}

// slept is how much of a difference between the clocks was slept.
func (k *timekeeper) slept(differs, awake time.Duration) time.Duration {
	if !k.naps {
		return max(0, differs)
	}
	up, ok := k.machine.Uptime()
	if !ok {
		return max(0, differs)
	}
	nap := up - awake
	slept := nap - k.nap0
	k.nap0 = nap
	return max(0, slept)
}

// set notes that the clock on the wall went from one moment to another.
func (k *timekeeper) set(from time.Time, by time.Duration) {
	to := from.Add(by)
	if by < 0 {
		from, to = to, from
	}
	k.leaps = append(k.leaps, leap{from: archive.At(from), to: archive.At(to)})
	k.shown = append(k.shown, offset{since: k.now0, by: k.shown[len(k.shown)-1].by + by})
}

// wall is what the clock on the wall showed at a moment of the line.
func (k *timekeeper) wall(at archive.Time) archive.Time {
	if k.machine == nil || !at.Known() {
		return at
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	by := k.shown[0].by
	for _, o := range k.shown {
		if !at.Before(o.since) {
			by = o.by
		}
	}
	return archive.At(at.Add(by))
}

// since are the leaps after the first n.
func (k *timekeeper) since(n int) []leap {
	if k.machine == nil {
		return nil
	}
	k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]leap(nil), k.leaps[min(n, len(k.leaps)):]...)
}

// waking is closed when the machine has slept.
func (k *timekeeper) waking() <-chan struct{} {
	if k.machine == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.woken
}
