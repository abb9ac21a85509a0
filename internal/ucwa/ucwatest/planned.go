package ucwatest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Planned is a fault and the requests that it is for.
type Planned struct {
	Fault
	Spec   string // as it was written
	Method string // "" for every one
	Path   string // a part of the path, in any letter case; "" for every one
	Ack    int    // of the P-GET; 0 for any
	After  int    // so many requests are spared first
	Times  int    // how many are broken; 0 for all

	seen int // guarded by Server.mu
}

// FaultHelp says how a planned fault is written.
const FaultHelp = `METHOD PATH FAULT…, such as "GET /events 503 times=2" or "POST /messages drop skip"
  METHOD and PATH   which requests; PATH is a part of the path, * stands for all
  404, 503, …       answer with this status: as an HTML page, or with
                    subcode=NAME as UCWA's error object; retry-after=SECONDS
  drop              close the connection instead of answering
  cut               close it in the middle of the body
  close             close it after a full answer
  hang              never answer, and keep the connection open
  wait=DURATION     answer later
  resync            lead a P-GET back to what is not acknowledged; with "next" as
                    well, there is a next link beside it
  resume            lead a P-GET on past a silence: conversations and subscriptions
                    are closed, and nothing tells of it
  gone              end the application: 404 ApplicationNotFound, or what a status
                    and subcode= say
  skip              do not do what was asked (otherwise it is done, and only the
                    answer suffers)
  ack=N             only the P-GET with this number
  times=N after=N   break N requests only, after N others`

// ParseFault reads a planned fault: see FaultHelp.
func ParseFault(spec string) (Planned, error) {
	words := strings.Fields(spec)
	p := Planned{Spec: spec}
	if len(words) < 3 {
		return p, fmt.Errorf("ucwatest: fault %q: it takes METHOD PATH FAULT…", spec)
	}
	if p.Method, p.Path = strings.ToUpper(words[0]), strings.ToLower(words[1]); p.Method == "*" {
		p.Method = ""
	}
	if p.Path == "*" {
		p.Path = ""
	}
	for _, w := range words[2:] {
		if err := p.word(w); err != nil {
			return p, fmt.Errorf("ucwatest: fault %q: %w", spec, err)
		}
	}
	return p, nil
}

// word takes up one word of a fault.
func (p *Planned) word(w string) (err error) {
	if name, value, ok := strings.Cut(w, "="); ok {
		return p.option(name, value)
	}
	switch w {
	case "drop":
		p.Drop = true
	case "cut":
		p.Cut = true
	case "close":
		p.Close = true
	case "hang":
		p.Hang = true
	case "skip":
		p.Skip = true
	case "next":
		p.Next = true
	case "resync", "resume", "gone":
		p.Detour = w
	default:
		if p.Status, err = strconv.Atoi(w); err != nil || p.Status < 200 || p.Status > 599 {
			return fmt.Errorf("%q is no fault: a status, drop, cut, close, hang, resync, resume, gone, next or skip", w)
		}
	}
	return nil
}

func (p *Planned) option(name, value string) (err error) {
	switch name {
	case "subcode":
		p.Subcode = value
	case "retry-after":
		var n int
		n, err = natural(value)
		p.RetryAfter = time.Duration(n) * time.Second
	case "wait":
		p.Wait, err = time.ParseDuration(value)
	case "ack":
		p.Ack, err = natural(value)
	case "times":
		p.Times, err = natural(value)
	case "after":
		p.After, err = natural(value)
	default:
		return fmt.Errorf("there is no option %q: subcode, retry-after, wait, ack, times or after", name)
	}
	if err == nil && p.Wait < 0 {
		err = fmt.Errorf("wait=%s is less than nothing", value)
	}
	return err
}

// natural reads a number that counts something: a negative one would make a
// fault that never happens.
func natural(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err == nil && n < 0 {
		err = fmt.Errorf("%d is less than nothing", n)
	}
	return n, err
}

// hits tells whether this request is to break, and counts it.
func (p *Planned) hits(r *http.Request) bool {
	if p.Method != "" && p.Method != r.Method || !strings.Contains(strings.ToLower(r.URL.Path), p.Path) {
		return false
	}
	if p.Ack != 0 && r.URL.Query().Get("ack") != strconv.Itoa(p.Ack) {
		return false
	}
	p.seen++
	return p.seen > p.After && (p.Times == 0 || p.seen <= p.After+p.Times)
}

// left is how many more requests it will break; -1 for all that come.
func (p *Planned) left() int {
	if p.Times == 0 {
		return -1
	}
	return max(0, p.After+p.Times-p.seen)
}
