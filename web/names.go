package web

import (
	"fmt"
	"slices"
	"strings"

	"archiver/internal/archive"
)

// you is how pages call the account's own person.
const you = "You"

// nameOr is a name, or what there is instead.
func nameOr(name, instead string) string {
	if name != "" {
		return name
	}
	if instead = strings.TrimPrefix(instead, "sip:"); instead != "" {
		return instead
	}
	return "somebody"
}

// conversationTitle is a conversation's subject, else who takes part in it,
// else whom an invitation was from or to.
func conversationTitle(c archive.Conversation) string {
	if c.Subject != "" {
		return c.Subject
	}
	if others := others(c.Participants); len(others) > 0 {
		return joinNames(others, 4)
	}
	if c.Title != "" {
		return nameOr("", c.Title)
	}
	return "Nobody else"
}

// others are the names of those who take part beside the account.
func others(members []archive.Member) []string {
	var names []string
	for _, m := range members {
		if name := nameOr(m.Name, ""); !m.Local && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// joinNames is a list as one says it, its end summed up past a limit.
func joinNames(names []string, limit int) string {
	if len(names) > limit {
		names = append(slices.Clone(names[:limit-1]), fmt.Sprintf("%d others", len(names)-limit+1))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// count is a number with its noun.
func count(n int64, one, many string) string { return grouped(n) + " " + plural(n, one, many) }

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// grouped writes a number with thin spaces between its thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "\u202f" + s[at:]
	}
	return s
}

// bytesText is a size in the unit that suits it.
func bytesText(n int64) string {
	switch {
	case n < 10_000:
		return grouped(n) + " B"
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// anchor is an id as the fragment of an address: "m:abc" is "m-abc".
func anchor(id string) string { return strings.Replace(id, ":", "-", 1) }

func conversationHref(id string) string { return "/c/" + id }
func personHref(id string) string       { return "/p/" + id }
func messageHref(id string) string      { return "/m/" + id }

func eventHref(id archive.EventID) string { return "/events/" + position(id) }

// position is an event's id without its letter, as addresses have it.
func position(id archive.EventID) string { return strings.TrimPrefix(id.String(), "e:") }

// parsePosition reads what position writes; 0 is the beginning of the log.
func parsePosition(s string) (archive.EventID, error) {
	var id archive.EventID
	if s == "0" || s == "" {
		return 0, nil
	}
	err := id.UnmarshalText([]byte("e:" + s))
	return id, err
}
