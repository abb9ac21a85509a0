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

// moment reads a time: absolute, relative to the start, or a day relative to it
// with a time of day where the server runs.
func (s *story) moment(words []string) (time.Time, error) {
	if len(words) == 1 {
		if d, err := time.ParseDuration(words[0]); err == nil {
			return s.base.Add(d), nil
		}
		return time.Parse(time.RFC3339, words[0])
	}
	day, err := s.day(words[0])
	if err != nil {
		return time.Time{}, err
	}
	clock, err := time.Parse("15:04", words[1])
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time of day such as 09:12", words[1])
	}
	y, m, d := day.Date()
	return time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, s.base.Location()), nil
}

// day reads a day before the start: -9d, or -9wd when only Monday to Friday
// count, or mon-2w for the Monday two weeks before this one.
func (s *story) day(word string) (time.Time, error) {
	name, count, ok := strings.Cut(strings.TrimRight(word, "wd"), "-")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("%q is no day such as -9d, -9wd or mon-5w", word)
	}
	switch {
	case name == "" && strings.HasSuffix(word, "wd"):
		return workday(s.base, n), nil
	case name == "" && strings.HasSuffix(word, "d"):
		return s.base.AddDate(0, 0, -n), nil
	}
	for i, day := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if name == day {
			return s.base.AddDate(0, 0, i-(int(s.base.Weekday())+6)%7-7*n), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no weekday", name)
}

// workday is the nth working day before a day.
func workday(t time.Time, n int) time.Time {
	for n > 0 {
		t = t.AddDate(0, 0, -1)
		if d := t.Weekday(); d != time.Saturday && d != time.Sunday {
			n--
		}
	}
	return t
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

// writing is about how long somebody takes to write a text. Nobody watching
// wants to wait for as long, so live people write fast.
func (s *story) writing(text string) time.Duration {
	if s.isLive {
		return 2*time.Second + time.Duration(len(text))*30*time.Millisecond
	}
	return time.Duration(4+len(text)/6+s.said*7%23) * time.Second
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
	s.move(move{body: []byte(strings.TrimSuffix(string(body), "\n")), media: st.opts["type"]})
	return nil
}

func (s *story) empty(step) error {
	s.flush()
	s.move(move{})
	return nil
}
