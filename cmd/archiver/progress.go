package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far long work has come: a bar on a terminal, a line every
// 30 seconds elsewhere, nothing when asked to be quiet.
type progress struct {
	p     *program
	what  string
	total int64
	bar   *progressbar.ProgressBar
	last  time.Time
}

const progressEvery = 30 * time.Second

func (p *program) progress(what string, total int64) *progress {
	g := &progress{p: p, what: what, total: total, last: p.now()}
	if !p.quiet && isTerminal(p.err) {
		g.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.err), progressbar.OptionSetDescription(what),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())
	}
	return g
}

// set tells how much of the total is done.
func (g *progress) set(done int64) {
	if g.bar != nil {
		_ = g.bar.Set64(done) // a bar that cannot be drawn is no reason to stop
		return
	}
	if now := g.p.now(); now.Sub(g.last) >= progressEvery {
		g.last = now
		g.p.say("%s: %d of %d", g.what, done, g.total)
	}
}

func (g *progress) done() {
	if g.bar != nil {
		_ = g.bar.Finish()
	}
}

// grow sets the total where it shows only on the way.
func (g *progress) grow(total int64) {
	if g.total = total; g.bar != nil && total > 0 {
		g.bar.ChangeMax64(total)
	}
}
