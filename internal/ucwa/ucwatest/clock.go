package ucwatest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// at sets the clock.
func (s *story) at(st step) error {
	t, err := s.moment(st.words[1:])
	if err != nil {
		return err
	}
	if t.Before(s.clock) && len(s.moves) > 0 {
		return fmt.Errorf("%s is before what has happened", strings.Join(st.words[1:], " "))
	}
	s.clock = t
	return nil
}

// moment reads a time: absolute, relative to the start, or a weekday some weeks
// before it with a time of day in UTC.
func (s *story) moment(words []string) (time.Time, error) {
	if len(words) == 1 {
		if d, err := time.ParseDuration(words[0]); err == nil {
			return s.base.Add(d), nil
		}
		return time.Parse(time.RFC3339, words[0])
	}
	day, weeks, ok := strings.Cut(strings.TrimSuffix(words[0], "w"), "-")
	n, err := strconv.Atoi(weeks)
	if !ok || err != nil {
		return time.Time{}, fmt.Errorf("%q is no day such as mon-5w", words[0])
	}
	clock, err := time.Parse("15:04", words[1])
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time of day such as 09:12", words[1])
	}
	for i, name := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if name == day {
			monday := s.base.AddDate(0, 0, -(int(s.base.Weekday())+6)%7-7*n)
			y, m, d := monday.AddDate(0, 0, i).Date()
			return time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, time.UTC), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no weekday", day)
}

func (s *story) after(st step) error {
	d, err := time.ParseDuration(st.words[1])
	s.pass(d)
	return err
}

func (s *story) live(step) error {
	s.isLive, s.wait = true, 0
	s.clock = s.base
	return nil
}

func (s *story) batch(step) error {
	s.held = true
	return nil
}

func (s *story) send(step) error {
	s.held = false
	return nil
}

// writing is about how long somebody takes to write a text.
func writing(text string, n int) time.Duration {
	return time.Duration(4+len(text)/6+n*7%23) * time.Second
}

// fault makes the server misbehave.
func (s *story) fault(st step) error {
	f := &fault{kind: st.words[0], subcode: st.opts["subcode"]}
	if len(st.words) > 1 {
		if d, err := time.ParseDuration(st.words[1]); err == nil {
			f.length = d
		} else if f.status, err = strconv.Atoi(st.words[1]); err != nil {
			return fmt.Errorf("%q is neither a duration nor a status", st.words[1])
		}
	}
	s.flush()
	s.move(move{fault: f})
	if f.kind == "gone" {
		s.pass(f.length)
		s.talks = make(map[string]*talk) // they died with the application
	}
	return nil
}

func (s *story) raw(st step) error {
	body, ok := s.sc.files[st.words[1]]
	if !ok {
		return fmt.Errorf("the scenario has no file %q", st.words[1])
	}
	s.flush()
	s.move(move{body: []byte(strings.TrimSuffix(string(body), "\n"))})
	return nil
}

func (s *story) empty(step) error {
	s.flush()
	s.move(move{})
	return nil
}
