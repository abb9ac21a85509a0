package web_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"archiver/internal/archive"
	"archiver/web"
	"archiver/web/component"
)

// texts are the texts of what a selector finds, spaces evened out.
func texts(doc *goquery.Document, selector string) []string {
	return doc.Find(selector).Map(func(_ int, s *goquery.Selection) string {
		return strings.Join(strings.Fields(s.Text()), " ")
	})
}

func TestStories(t *testing.T) {
	names := map[string]bool{}
	for _, s := range web.Stories() {
		if names[s.Name] {
			t.Errorf("two stories are called %q", s.Name)
		}
		names[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := s.Render(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
			doc, err := goquery.NewDocumentFromReader(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			checkPage(t, doc)
			if b.Len() > 400<<10 {
				t.Errorf("%d bytes", b.Len())
			}
		})
	}
}

// checkPage holds every page to the rules that need no eyes.
func checkPage(t *testing.T, doc *goquery.Document) {
	t.Helper()
	if n := doc.Find("h1").Length(); n != 1 {
		t.Errorf("%d h1, want 1", n)
	}
	if doc.Find("html").AttrOr("lang", "") == "" || doc.Find("title").Text() == "" {
		t.Error("no language or no title")
	}
	ids := map[string]bool{}
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, a := range s.Get(0).Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s %s=…>: the content policy forbids it", goquery.NodeName(s), a.Key)
			}
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("id %q is there twice", a.Val)
			}
			if a.Key == "id" {
				ids[a.Val] = true
			}
		}
		switch goquery.NodeName(s) {
		case "style", "iframe", "object", "embed", "img", "base":
			t.Errorf("<%s> on a page", goquery.NodeName(s))
		case "script":
			if s.Text() != "" {
				t.Error("a script on the page")
			}
		}
	})
	doc.Find("input:not([type=hidden]), select").Each(func(_ int, s *goquery.Selection) {
		labelled := s.Closest("label").Length() > 0 || doc.Find(fmt.Sprintf("label[for=%q]", s.AttrOr("id", ""))).Length() > 0
		if !labelled {
			t.Errorf("the field %q has no label", s.AttrOr("name", ""))
		}
	})
	doc.Find("a").Each(func(_ int, s *goquery.Selection) {
		href := s.AttrOr("href", "")
		if !regexp.MustCompile(`^(/|#|\?|https?://)`).MatchString(href) || strings.HasPrefix(href, "//") {
			t.Errorf("link to %q", href)
		}
		if strings.TrimSpace(s.Text()) == "" {
			t.Errorf("the link to %q has no text", href)
		}
	})
}

// Whatever somebody writes stays text on every page.
func TestMarkupStaysText(t *testing.T) {
	payloads := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</textarea></title><svg onload=alert(1)>`,
		`javascript:alert(1)`, `{{alert(1)}}`, `<a href="javascript:alert(1)">x</a>`, `<mark>x</mark>`, `&lt;b&gt;`, "\u202e<b>", `https://x"onclick="alert(1)`,
	}
	for _, payload := range payloads {
		f := newFake()
		c := &f.Invented.Conversations[0]
		c.Conversation.Subject, c.Conversation.LastMessage = payload, payload
		c.Invitations[0].FromName, c.Invitations[0].Reason, c.Invitations[0].Outcome = payload, payload, archive.Failed
		for i := range c.Participants {
			c.Participants[i].Name, c.Conversation.Participants[i].Name = payload, payload
		}
		m := f.lastMessage()
		m.Text, m.FromName, m.HTML, m.Status, m.Reason = payload, payload, payload, "Failure", &archive.Reason{Message: payload}
		f.Invented.People[1].Names[0], f.Invented.Events[0].Title = payload, payload
		in := f.Inspections[archive.NewEventID(923, 1)]
		in.Raw, in.Event.Title, in.Observation.URL = fmt.Appendf(nil, "{%q:%q}", payload, payload), payload, payload
		in.Changes = append(in.Changes, archive.ConversationChange{Subject: payload, Href: payload}, archive.InvitationChange{Text: &archive.Text{Plain: payload}})
		f.Inspections[archive.NewEventID(923, 1)] = in
		b := open(t, f, nil)
		for _, target := range []string{"/", "/conversations", f.conversation(0), "/people", "/p/" + f.Invented.People[1].ID, "/events", "/events/923.1", "/status"} {
			doc := b.get(target, 200)
			checkPage(t, doc)
			if doc.Find("svg [onload], svg[onload], [onerror], main mark, main script").Length() > 0 {
				t.Errorf("%s: markup of %q came alive", target, payload)
			}
		}
		if got := b.get(f.conversation(0), 200).Find("#m-" + m.ID[2:] + " .text").Text(); got != payload {
			t.Errorf("text is %q, want %q", got, payload)
		}
		checkPage(t, b.get("/search?q="+"zebra", 200))
	}
}

func TestConversationFlow(t *testing.T) {
	f := newFake()
	doc := open(t, f, nil).get(f.conversation(0), 200)
	var flow []string
	doc.Find(".flow > li").Each(func(_ int, s *goquery.Selection) {
		text := strings.Join(strings.Fields(s.Text()), " ")
		switch {
		case s.HasClass("run"):
			flow = append(flow, fmt.Sprintf("%s ×%d", strings.Join(strings.Fields(s.Find(".who").Text()), " "), s.Find(".msg").Length()))
		default:
			flow = append(flow, text)
		}
	})
	want := []string{
		"Saturday, 24 October 2026",
		"Bo Lindqvist invited you at 14:58; you accepted",
		"You, Bo Lindqvist, 陈伟 and دانا حداد joined 14:58",
		"Bo Lindqvist ×1",
		"Ann Berg you ×2",
		"not captured 16:02–18:37 the application was gone messages may have been lost",
		"陈伟 ×2",
		"Sunday, 25 October 2026",
		"دانا حداد ×1", // 02:30 summer time
		"دانا حداد ×1", // 02:30 winter time, an hour later
		"Ann Berg you ×1",
		"Monday, 26 October 2026",
		"not captured 10:10:00–10:10:12 the server did not answer too short for messages to be lost",
		"Ann Berg you ×1",
		"Bo Lindqvist ×1",
	}
	if diff := cmp.Diff(want, flow); diff != "" {
		t.Error(diff)
	}
}

// Who comes in the same minute is told together, unless somebody spoke between.
func TestArrivals(t *testing.T) {
	f := newFake()
	ps := f.Invented.Conversations[0].Participants
	ps[0].JoinedEvent, ps[1].JoinedEvent = archive.NewEventID(900, 2), archive.NewEventID(900, 3)
	ps[2].JoinedEvent, ps[3].JoinedEvent = archive.NewEventID(901, 4), archive.NewEventID(902, 2)
	ps[3].Joined = archive.At(ps[3].Joined.Add(3 * time.Minute))
	want := []string{"Bo Lindqvist invited you at 14:58; you accepted", "You and Bo Lindqvist joined 14:58", "陈伟 joined 14:58", "دانا حداد joined 15:01"}
	if diff := cmp.Diff(want, texts(open(t, f, nil).get(f.conversation(0), 200), ".notice-line")); diff != "" {
		t.Error(diff)
	}
}

// An open conversation opens at its end, unless a place in it was asked for.
func TestFollowing(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	for target, want := range map[string]int{
		f.conversation(0): 1, f.conversation(0) + "?at=2026-10-24": 0, f.conversation(0) + "?hit=" + f.lastMessage().ID: 0, f.conversation(2): 0,
	} {
		if got := b.get(target, 200).Find(".flow[data-follow]").Length(); got != want {
			t.Errorf("%s: %d, want %d", target, got, want)
		}
	}
}

func TestDaysFollowTheZone(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	for zone, want := range map[string][]string{
		"UTC":                 {"2026-10-24", "2026-10-25", "2026-10-26"},
		"America/Los_Angeles": {"2026-10-24", "2026-10-26"},
		"Pacific/Auckland":    {"2026-10-25", "2026-10-26"},
	} {
		b.zone = zone
		doc := b.get(f.conversation(0), 200)
		got := doc.Find(".day time").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("datetime", "") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", zone, diff)
		}
	}
	b.zone = "Europe/Berlin"
	var stamps []string
	b.get(f.conversation(0), 200).Find(".msg time").Each(func(_ int, s *goquery.Selection) {
		if s.Text() == "02:30" || s.Text() == "01:30" {
			stamps = append(stamps, s.Text()+" "+s.AttrOr("title", ""))
		}
	})
	want := []string{"02:30 Sunday, 25 October 2026, 02:30:00 CEST", "02:30 Sunday, 25 October 2026, 02:30:00 CET"}
	if diff := cmp.Diff(want, stamps); diff != "" {
		t.Error(diff)
	}
}

func TestTimesAreNeverInvented(t *testing.T) {
	f := newFake()
	doc := open(t, f, nil).get(f.conversation(0), 200)
	absent := doc.Find(".msg:has(.absent)")
	got := []string{absent.Find(".text").Text(), absent.Find(".unknown").Text()}
	if diff := cmp.Diff([]string{"text not captured: sent from another client", "time unknown"}, got); diff != "" {
		t.Error(diff)
	}
	if absent.Find("time").Length() != 0 {
		t.Error("an unknown time has a machine-readable form")
	}
	inferred := doc.Find(".msg time.inferred")
	if inferred.Length() != 1 || !strings.Contains(inferred.AttrOr("title", ""), "inferred: when the response arrived") {
		t.Errorf("%d inferred times, title %q", inferred.Length(), inferred.AttrOr("title", ""))
	}
}

func TestFailedDeliveryAndLinks(t *testing.T) {
	f := newFake()
	doc := open(t, f, nil).get(f.conversation(0), 200)
	if diff := cmp.Diff([]string{"not delivered: Dana could not be reached"}, texts(doc, ".failure")); diff != "" {
		t.Error(diff)
	}
	link := doc.Find(".text a")
	if got := link.AttrOr("href", ""); got != "https://wiki.contoso.example/launch?v=2" || link.AttrOr("rel", "") != "noopener noreferrer nofollow" {
		t.Errorf("link %q, rel %q", got, link.AttrOr("rel", ""))
	}
	if n := doc.Find(".text[dir=auto]").Length(); n != 9 {
		t.Errorf("%d texts find their own direction, want 9", n)
	}
}

func TestFromTheHistory(t *testing.T) {
	f := newFake()
	if n := open(t, f, nil).get(f.conversation(0), 200).Find(".msg .history").Length(); n != 0 {
		t.Errorf("%d messages are said to come from the history", n)
	}
	for i := range f.Invented.Messages {
		f.Invented.Messages[i].Provenance = archive.ProvenanceLog
	}
	doc := open(t, f, nil).get(f.conversation(0), 200)
	if n := doc.Find(".msg .history").Length(); n == 0 || n != doc.Find(".msg").Length() {
		t.Errorf("%d of %d messages say that they come from the history", n, doc.Find(".msg").Length())
	}
}

// What only the history shows is drawn behind what was not captured before it.
func TestPlaceInTheTimeline(t *testing.T) {
	from := time.Date(2026, 10, 26, 9, 0, 0, 0, time.UTC)
	gaps := []archive.Gap{{After: 12, From: archive.At(from)}, {After: 40, From: archive.At(from.Add(time.Hour))}}
	live := archive.NewEventID(12, 3)
	for _, tt := range []struct {
		provenance archive.Provenance
		at         archive.Time
		want       archive.EventID
	}{
		{archive.ProvenanceBoth, archive.At(from.Add(time.Minute)), live},
		{archive.ProvenanceLog, archive.At(from.Add(-time.Minute)), live},
		{archive.ProvenanceLog, archive.At(from.Add(time.Minute)), archive.NewEventID(13, 0)},
		{archive.ProvenanceLog, archive.At(from.Add(2 * time.Hour)), archive.NewEventID(41, 0)},
		{archive.ProvenanceLog, archive.Time{}, live},
	} {
		m := archive.Message{Place: live, Provenance: tt.provenance, Time: tt.at}
		if got := web.PlaceOf(&m, gaps); got != tt.want {
			t.Errorf("%s at %s stands at %s, want %s", tt.provenance, tt.at, got, tt.want)
		}
	}
}

// Following the links from the newest page back, and forth again, shows every
// message once.
func TestPagesHoldEveryMessageOnce(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	walk := func(start, rel string) []string {
		var pages [][]string
		for next := start; next != ""; {
			doc := b.get(next, 200)
			ids := doc.Find(".msg").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("id", "") })
			if len(ids) > 100 {
				t.Errorf("%s shows %d messages", next, len(ids))
			}
			pages = append(pages, ids)
			next = doc.Find(".pager a[rel="+rel+"]").AttrOr("href", "")
		}
		if rel == "prev" {
			slices.Reverse(pages)
		}
		return slices.Concat(pages...)
	}
	var want []string
	for _, m := range f.Invented.Messages {
		if "/c/"+m.Conversation == f.conversation(4) {
			want = append(want, strings.Replace(m.ID, ":", "-", 1))
		}
	}
	if diff := cmp.Diff(want, walk(f.conversation(4), "prev")); diff != "" {
		t.Errorf("backwards: %s", diff)
	}
	if diff := cmp.Diff(want, walk(f.conversation(4)+"?after=0", "next")); diff != "" {
		t.Errorf("forwards: %s", diff)
	}
}

// What happened between two pages is drawn on one of them.
func TestGapsAndNoticesFallOnOnePage(t *testing.T) {
	f := newFake()
	view := &f.Invented.Conversations[4]
	for _, after := range []archive.ObservationID{150, 200, 201, 250, 251, 300, 350} {
		view.Gaps = append(view.Gaps, archive.Gap{ID: archive.GapID(after), Cause: archive.GapResync, After: after})
	}
	b := open(t, f, nil)
	for _, start := range []struct{ target, rel string }{{f.conversation(4), "prev"}, {f.conversation(4) + "?after=0", "next"}} {
		gaps, notices := 0, 0
		for next := start.target; next != ""; {
			doc := b.get(next, 200)
			gaps, notices = gaps+doc.Find(".gap").Length(), notices+doc.Find(".notice-line").Length()
			next = doc.Find(".pager a[rel="+start.rel+"]").AttrOr("href", "")
		}
		if gaps != len(view.Gaps) || notices != 2 {
			t.Errorf("%s: %d gaps and %d notices, want %d and 2", start.rel, gaps, notices, len(view.Gaps))
		}
	}
}

func TestPermalink(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	for _, i := range []int{0, 60, 130, 249} {
		m := f.Invented.Messages[i]
		res := b.do(b.request("GET", "/m/"+m.ID))
		location := res.Header.Get("Location")
		target, fragment, _ := strings.Cut(location, "#")
		if res.StatusCode != 302 || fragment != "m-"+m.ID[2:] {
			t.Fatalf("message %d: status %d to %q", i, res.StatusCode, location)
		}
		doc := b.get(target, 200)
		if got := doc.Find("#" + fragment + ".hit .text").Text(); got != m.Text {
			t.Errorf("message %d: outlined is %q, want %q", i, got, m.Text)
		}
		if n := doc.Find(".hit").Length(); n != 1 {
			t.Errorf("message %d: %d are outlined", i, n)
		}
	}
}

func TestJumpToDay(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	b.zone = "UTC"
	for day, want := range map[string]string{
		"2026-10-01": "Monday, 12 October 2026", "2026-10-15": "Thursday, 15 October 2026", "2030-01-01": "Friday, 16 October 2026",
	} {
		doc := b.get(f.conversation(4)+"?at="+day, 200)
		if got := texts(doc, ".day")[0]; got != want {
			t.Errorf("%s begins with %q, want %q", day, got, want)
		}
	}
	for _, end := range []string{"?after=999.1", "?before=1.1"} {
		if b.get(f.conversation(4)+end, 200).Find(".msg").Length() != 100 {
			t.Errorf("%s leads nowhere", end)
		}
	}
}

func TestInvitationsAreTold(t *testing.T) {
	at := func(minute int) archive.Time {
		return archive.At(time.Date(2026, 10, 21, 7, minute, 0, 0, time.UTC))
	}
	for _, tt := range []struct {
		inv  archive.Invitation
		want string
	}{
		{archive.Invitation{Kind: "messaging", Direction: archive.Incoming, FromName: "Bo", Outcome: archive.Declined, Started: at(12)}, "Bo invited you at 09:12; you declined"},
		{archive.Invitation{Kind: "phoneAudio", Direction: archive.Incoming, FromName: "Bo", Outcome: archive.Missed, Started: at(12)}, "Bo called you at 09:12; you did not answer"},
		{archive.Invitation{Kind: "audioVideo", Direction: archive.Outgoing, ToName: "Bo", Outcome: archive.Accepted, Started: at(12)}, "You called Bo with video at 09:12; Bo accepted"},
		{archive.Invitation{Kind: "participant", Direction: archive.Outgoing, ToURI: "sip:bo@contoso.example", Outcome: archive.Pending, Started: at(12)}, "You asked bo@contoso.example to join at 09:12; no answer yet"},
		{archive.Invitation{Kind: "onlineMeeting", Direction: archive.Incoming, FromName: "Bo", Outcome: archive.Cancelled, Completed: at(13)}, "Bo invited you to a meeting; Bo took it back"},
		{archive.Invitation{Kind: "messaging", Direction: archive.Outgoing, ToName: "Bo", Outcome: archive.Failed, Subcode: "NoLocalEndpoint", Started: at(12)}, "You invited Bo at 09:12; it failed: NoLocalEndpoint"},
		{archive.Invitation{Kind: "messaging", Direction: archive.Incoming, FromName: "Bo", Outcome: archive.EndedElsewhere, Started: at(12)}, "Bo invited you at 09:12; answered on another device"},
	} {
		f := newFake()
		tt.inv.StartedEvent = archive.NewEventID(500, 1)
		f.Invented.Conversations[3].Invitations = []archive.Invitation{tt.inv}
		b := open(t, f, nil)
		if diff := cmp.Diff([]string{tt.want}, texts(b.get(f.conversation(3), 200), ".notice-line a")); diff != "" {
			t.Error(diff)
		}
		if got := texts(b.get("/conversations", 200), ".row-last")[3]; got != tt.want {
			t.Errorf("in the list: %q, want %q", got, tt.want)
		}
	}
}

func TestConversationList(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	doc := b.get("/conversations", 200)
	if diff := cmp.Diff([]string{"Launch plan", "Quarterly review", "Bo Lindqvist", "Tomás Ortega", "Support rota"}, texts(doc, ".row h3")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"2 gaps"}, texts(doc, ".gap-pill")); diff != "" {
		t.Error(diff)
	}
	if got := texts(b.get("/conversations?kind=meeting&q=review", 200), ".row h3"); len(got) != 1 {
		t.Errorf("filtered: %q", got)
	}
	if b.get("/conversations?q=zebra", 200).Find(".empty a[href='/conversations']").Length() != 1 {
		t.Error("an empty list does not lead back")
	}
	for i := range 60 { // a second page
		v := f.Invented.Conversations[2]
		v.Conversation.Last = archive.NewEventID(archive.ObservationID(99-i), 1)
		f.Invented.Conversations = append(f.Invented.Conversations, v)
	}
	older := b.get("/conversations", 200).Find(".pager a[rel=next]").AttrOr("href", "")
	if n := b.get(older, 200).Find(".row").Length(); n != 15 {
		t.Errorf("%s lists %d, want 15", older, n)
	}
}

func TestEventPage(t *testing.T) {
	f := newFake()
	b := open(t, f, nil)
	doc := b.get("/events/923.1", 200)
	code := doc.Find(".json").Text()
	for _, want := range []string{"\n  \"status\": \"Success\",\n", `"timeStamp": "\/Date(1792999510000)\/"`, `"count": 1.5e3`} {
		if !strings.Contains(code, want) {
			t.Errorf("the JSON lacks %q", want)
		}
	}
	if got := doc.Find(".json .n").Text() + doc.Find(".json .l").Text(); got != "1.5e3truenull" {
		t.Errorf("numbers and literals: %q", got)
	}
	if got := doc.Find("a.strong").AttrOr("href", ""); got != "/m/"+f.lastMessage().ID {
		t.Errorf("leads to %q", got)
	}
	if doc.Find("a[download]").AttrOr("href", "") != "/observations/923/raw" || doc.Find("a[rel=prev]").AttrOr("href", "") != "/events/922.1" {
		t.Error("no download or no previous event")
	}
	if got := texts(b.get("/events?undecoded=1", 200), "td code"); len(got) != 1 || got[0] != "typingIndicator" {
		t.Errorf("not understood: %q", got)
	}
}

func TestEmptyArchiveSaysWhatToRun(t *testing.T) {
	f := &fake{}
	doc := open(t, f, nil).get("/", 200)
	commands := texts(doc, ".empty code")
	if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, "archiver run ") }) {
		t.Errorf("commands: %q", commands)
	}
}

// The formatted document keeps every byte that is not space between tokens.
func FuzzHighlight(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e-3,true,null,"x\"y\\"],"é":{}}`))
	f.Add([]byte{})
	f.Add([]byte(`"\u0000`))
	f.Add([]byte{0xff, 0xfe, '"'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var b strings.Builder
		for _, token := range component.Highlight(raw).Tokens {
			if token.Text == "" {
				t.Fatal("an empty token")
			}
			b.WriteString(token.Text)
		}
		if len(raw) > 4096 {
			return
		}
		even := func(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), "") }
		if even(b.String()) != even(string(raw)) {
			t.Errorf("%q became %q", raw, b.String())
		}
	})
}
