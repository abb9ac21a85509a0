package ucwatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// Person is somebody in a scenario.
type Person struct {
	Key  string // by which steps name him
	URI  string // sip: or tel:
	Name string
}

// Scenario is a history to be played. Its text form is a txtar archive: the
// comment says what it shows, the file "script" holds one step a line, and
// other files hold raw bodies. Words are separated by blanks; a word with
// blanks stands in Go quotes; # begins a comment. The steps are listed by
// Verbs.
type Scenario struct {
	Name     string
	About    string // the comment
	Account  Person // whose history it is, and who can sign in
	Password string
	people   map[string]Person
	habits   map[string]map[string]string // what a person's options say, by key
	steps    []step
	files    map[string][]byte
}

// step is one line of a script.
type step struct {
	line  int
	words []string          // the verb and its arguments
	opts  map[string]string // key=value words
}

// ParseScenario reads the text form. Errors name the file and the line.
func ParseScenario(name string, data []byte) (*Scenario, error) {
	a := txtar.Parse(data)
	sc := &Scenario{Name: name, About: strings.TrimSpace(string(a.Comment)), Password: "correct horse",
		people: make(map[string]Person), habits: make(map[string]map[string]string), files: make(map[string][]byte)}
	script, at := "", 0
	for _, f := range a.Files {
		if f.Name == "script" {
			script = string(f.Data)
			at = strings.Count(string(data[:strings.Index(string(data), "-- script --")]), "\n") + 1
			continue
		}
		sc.files[f.Name] = f.Data
	}
	for i, text := range strings.Split(script, "\n") {
		words, err := split(text)
		if err == nil && len(words) > 0 {
			err = sc.add(at+i+1, words)
		}
		if err != nil {
			return nil, fmt.Errorf("ucwatest: %s:%d: %w", name, at+i+1, err)
		}
	}
	if sc.Account.URI == "" {
		return nil, fmt.Errorf("ucwatest: %s: no account step", name)
	}
	if _, err := compile(sc, time.Now(), Options{}); err != nil {
		return nil, err
	}
	return sc, nil
}

// Rename gives the scenario's account another address.
func (sc *Scenario) Rename(address string) {
	sc.Account.URI = uriOf(address)
	sc.people["me"] = sc.Account
}

// People are those who can sign in besides the account, by their addresses.
func (sc *Scenario) People() []Person {
	var people []Person
	for _, p := range sc.people {
		if p.Key != sc.Account.Key {
			people = append(people, p)
		}
	}
	slices.SortFunc(people, func(a, b Person) int { return strings.Compare(a.URI, b.URI) })
	return people
}

// split cuts a line into words.
func split(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		var word string
		for line != "" && line[0] != ' ' && line[0] != '\t' && line[0] != '\r' {
			if line[0] != '"' {
				word, line = word+line[:1], line[1:]
				continue
			}
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("a quote is not closed")
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			word, line = word+text, line[len(quoted):]
		}
		words = append(words, word)
	}
}

// add takes up one line: who there is, or a step.
func (sc *Scenario) add(line int, words []string) error {
	verb, ok := verbs[words[0]]
	if !ok {
		return fmt.Errorf("there is no step %q", words[0])
	}
	s := step{line: line, words: words[:1:1], opts: make(map[string]string)}
	for _, w := range words[1:] {
		key, value, ok := strings.Cut(w, "=")
		if ok && strings.Contains(verb.options, " "+key+" ") {
			s.opts[key] = value
			continue
		}
		s.words = append(s.words, w)
	}
	if n := len(s.words) - 1; n < verb.least || n > verb.most {
		return fmt.Errorf("%s takes: %s", words[0], verb.usage)
	}
	switch words[0] {
	case "account":
		sc.Account = Person{Key: "me", URI: uriOf(s.words[1]), Name: s.words[2]}
		if p := s.opts["password"]; p != "" {
			sc.Password = p
		}
		sc.people["me"] = sc.Account
	case "person":
		sc.people[s.words[1]] = Person{Key: s.words[1], URI: uriOf(s.words[2]), Name: s.words[3]}
		sc.habits[s.words[1]] = s.opts
	default:
		sc.steps = append(sc.steps, s)
	}
	return nil
}

func uriOf(address string) string {
	if strings.Contains(address, ":") {
		return address
	}
	if strings.HasPrefix(address, "+") {
		return "tel:" + address
	}
	return "sip:" + address
}
