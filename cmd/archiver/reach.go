package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"archiver/internal/ucwa"
)

// reachers are the transports of a process, one for each file of authorities:
// accounts share them, since idle connections are worth keeping.
type reachers struct {
	accounts int
	wire     io.Writer // where exchanges are logged; nil for nowhere
	now      func() time.Time
	byFile   map[string]*http.Client
}

// reachers makes transports for so many accounts. wireLog names the file that
// exchanges are added to, "" for none; it is closed when the program ends.
func (p *program) reachers(accounts int, wireLog string) (*reachers, error) {
	r := &reachers{accounts: accounts, now: p.now, byFile: make(map[string]*http.Client)}
	if wireLog == "" {
		return r, nil
	}
	f, err := os.OpenFile(wireLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("wire log: %w", err)
	}
	p.closers = append(p.closers, f)
	r.wire = f
	return r, nil
}

func (r *reachers) client(caFile string) (*http.Client, error) {
	if c, ok := r.byFile[caFile]; ok {
		return c, nil
	}
	t, err := ucwa.NewTransport(ucwa.TransportConfig{CAFile: caFile, Accounts: r.accounts})
	if err != nil {
		return nil, err
	}
	c := &http.Client{Transport: t}
	if r.wire != nil {
		c.Transport = ucwa.WireLog(r.wire, t, r.now)
	}
	r.byFile[caFile] = c
	return c, nil
}
