package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/web"
	"archiver/web/component"
)

func TestSearch(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	doc := b.get("/search?q=thank+you", 200)
	if diff := cmp.Diff([]string{"Thank you"}, texts(doc, ".hit-row mark")); diff != "" {
		t.Error(diff)
	}
	if got := texts(doc, ".snippet"); got[0] != "👍 Perfect. <b>Thank you</b> all!" {
		t.Errorf("snippet %q", got)
	}
	if got := doc.Find(".snippet a").AttrOr("href", ""); got != "/m/"+f.lastMessage().ID {
		t.Errorf("a hit leads to %q", got)
	}
	doc = b.get("/search?q=Ticket&page=2&sort=oldest", 200)
	if got := texts(doc, ".pager span"); got[0] != "26–50 of 250 messages" {
		t.Errorf("page 2: %q", got)
	}
	if got := doc.Find(".pager a[rel=next]").AttrOr("href", ""); got != "/search?page=3&q=Ticket&sort=oldest" {
		t.Errorf("next page: %q", got)
	}
	if got := b.get("/search?q=zebra", 200).Find(".empty").Text(); !strings.Contains(got, "265 messages were searched") {
		t.Errorf("empty: %q", got)
	}
}

func TestSearchSaysWhatItCouldNotSee(t *testing.T) {
	f := newFake()
	day := archive.At(time.Date(2026, 10, 23, 22, 0, 0, 0, time.UTC))
	f.search = func(r archive.SearchRequest) (archive.SearchResult, error) {
		if r.Zone.String() != "Europe/Berlin" || !r.Now.Equal(web.InventedNow()) {
			t.Errorf("asked in %v at %v", r.Zone, r.Now)
		}
		return archive.SearchResult{Parsed: "on:2026-10-24", Range: archive.SearchRange{After: day, Before: archive.At(day.Add(24 * time.Hour))},
			UncoveredSeconds: 43200, Index: archive.IndexState{Behind: 3}}, nil
	}
	doc := open(t, f, nil).get("/search?q=on:yesterday", 200)
	if diff := cmp.Diff([]string{"on:2026-10-24", "24 October 2026"}, texts(doc, ".chip")); diff != "" {
		t.Error(diff)
	}
	notices := texts(doc, ".notice")
	if len(notices) != 2 || !strings.HasPrefix(notices[0], "12 h of this range were not captured.") || !strings.Contains(notices[1], "3 responses behind") {
		t.Errorf("notices: %q", notices)
	}
}

func TestSearchMistake(t *testing.T) {
	f := newFake()
	f.search = func(archive.SearchRequest) (archive.SearchResult, error) {
		return archive.SearchResult{}, fmt.Errorf("index: search: %w", wrongQuery{})
	}
	b := open(t, f, nil)
	doc := b.get("/search?q=%E7%BF%BB%E8%AF%91+xyafter:soon+rest", 400)
	if got := doc.Find(".mistake strong").Text(); got != "after: takes a date" {
		t.Errorf("told %q", got)
	}
	if got := doc.Find(".wrong").Text(); got != "after:soon" {
		t.Errorf("underlined %q", got)
	}
	b.get("/search?q=%E7%BF%BB%E8%AF%91%E7%BF%BB%E8%AF%91", 400) // byte 9 is a letter's beginning
	b.get("/search?q=x", 400)                                    // and byte 9 may be past the end
}

func TestSnippet(t *testing.T) {
	for s, want := range map[string][]component.Mark{
		"":                                   nil,
		"a <mark>b</mark> c":                 {{Text: "a "}, {Text: "b", Hit: true}, {Text: " c"}},
		"<mark>a</mark><mark>b</mark>":       {{Text: "a", Hit: true}, {Text: "b", Hit: true}},
		"&lt;script&gt; <mark>x</mark>":      {{Text: "<script> "}, {Text: "x", Hit: true}},
		"<script>x</script>":                 {{Text: "<script>x</script>"}},
		"<mark>never closed":                 {{Text: "never closed", Hit: true}},
		"&amp;lt;mark&amp;gt; <mark></mark>": {{Text: "&lt;mark&gt; "}},
	} {
		if diff := cmp.Diff(want, web.SnippetMarks(s)); diff != "" {
			t.Errorf("%q: %s", s, diff)
		}
	}
}
