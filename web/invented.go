package web

import (
	"fmt"
	"time"

	"archiver/internal/archive"
)

// invented is a small archive that nobody ever wrote: what stories show and
// tests read.
type invented struct {
	Accounts      []archive.Account
	Status        []archive.Status
	Conversations []archive.ConversationView // newest activity first
	Messages      []archive.Message          // in the order of the log
	People        []archive.Person
	Gaps          []archive.Gap
	Events        []archive.Event // newest first
	Inspections   map[archive.EventID]archive.Inspection
	Totals        archive.Totals
}

const annURI = "sip:ann@contoso.example"

// inventedNow is when the invented archive is looked at.
func inventedNow() time.Time { return time.Date(2026, 10, 26, 16, 20, 0, 0, time.UTC) }

// october is a moment on a day of October 2026, in UTC.
func october(day, hour, minute, second int) archive.Time {
	return archive.At(time.Date(2026, 10, day, hour, minute, second, 0, time.UTC))
}

func at(observation archive.ObservationID) archive.EventID { return archive.NewEventID(observation, 1) }

// cast are the invented people, by the first part of their address.
func cast() map[string]archive.Person {
	people := map[string]archive.Person{}
	for _, p := range []struct{ user, domain, name string }{
		{"ann", "contoso", "Ann Berg"}, {"bo", "contoso", "Bo Lindqvist"}, {"chen", "contoso", "陈伟"},
		{"dana", "fabrikam", "دانا حداد"}, {"priya", "contoso", "Priya Nair"}, {"tomas", "fabrikam", "Tomás Ortega"},
	} {
		uri := "sip:" + p.user + "@" + p.domain + ".example"
		people[p.user] = archive.Person{
			ID: archive.PersonID(uri), URI: uri, Names: []string{p.name}, Addresses: []string{uri},
			Conversations: 3, Messages: 40, First: october(5, 8, 0, 0), Last: october(26, 15, 58, 0),
		}
	}
	return people
}

// script writes one invented conversation.
type script struct {
	people map[string]archive.Person
	view   archive.ConversationView
	lines  []archive.Message
}

func newScript(thread, subject string, kind archive.ConversationKind, began archive.ObservationID, start archive.Time, who ...string) *script {
	s := &script{people: cast()}
	s.view.Conversation = archive.Conversation{
		ID: archive.ConversationID(annURI, thread, ""), Account: annURI, Thread: thread, Subject: subject, Kind: kind,
		Importance: "Normal", State: "Connected", Started: start, StartedSource: archive.FromServer, First: at(began), Last: at(began),
	}
	for _, name := range who {
		p := s.people[name]
		s.view.Participants = append(s.view.Participants, archive.Participant{
			Conversation: s.view.Conversation.ID, Person: p.ID, URI: p.URI, Name: p.Name(), Local: name == "ann", Role: "Attendee",
			Joined: start, JoinedSource: archive.FromReceipt, JoinedEvent: at(began),
		})
		s.view.Conversation.Participants = append(s.view.Conversation.Participants,
			archive.Member{Person: p.ID, Name: p.Name(), Local: name == "ann"})
	}
	return s
}

// say adds a message and returns it to be changed.
func (s *script) say(place archive.ObservationID, t archive.Time, who, text string) *archive.Message {
	p, c := s.people[who], &s.view.Conversation
	m := archive.Message{
		ID: archive.MessageID(annURI, fmt.Sprintf("/messages/%d", place)), Conversation: c.ID,
		From: p.ID, FromURI: p.URI, FromName: p.Name(), Direction: archive.Incoming,
		Time: t, TimeSource: archive.FromServer, Format: "plain", Text: text, TextKnown: true, Status: "Success",
		Event: at(place), Events: []archive.EventID{at(place)}, Place: at(place), Provenance: archive.ProvenanceLive,
	}
	if who == "ann" {
		m.Direction = archive.Outgoing
	}
	s.lines = append(s.lines, m)
	c.Messages++
	c.Last, c.LastTime, c.LastMessage = m.Event, t, text
	return &s.lines[len(s.lines)-1]
}

// invite adds an invitation of Ann, or by her.
func (s *script) invite(place archive.ObservationID, kind, from, to string, o archive.Outcome, began, done archive.Time) *archive.Invitation {
	f, t := s.people[from], s.people[to]
	inv := archive.Invitation{
		ID: archive.InvitationID(annURI, fmt.Sprintf("/invitations/%d", place)), Conversation: s.view.Conversation.ID, Kind: kind,
		Direction: archive.Incoming, From: f.ID, FromURI: f.URI, FromName: f.Name(), To: t.ID, ToURI: t.URI, ToName: t.Name(),
		Outcome: o, Started: began, StartedSource: archive.FromReceipt, Completed: done, CompletedSource: archive.FromReceipt,
		StartedEvent: at(place), CompletedEvent: at(place + 1),
	}
	if from == "ann" {
		inv.Direction = archive.Outgoing
	}
	s.view.Invitations = append(s.view.Invitations, inv)
	s.view.Conversation.Last = max(s.view.Conversation.Last, at(place))
	return &s.view.Invitations[len(s.view.Invitations)-1]
}

func (s *script) end(place archive.ObservationID, t archive.Time) {
	c := &s.view.Conversation
	c.State, c.Ended, c.EndedSource = "Disconnected", t, archive.FromReceipt
	for i := range s.view.Participants {
		p := &s.view.Participants[i]
		p.Left, p.LeftSource, p.LeftEvent = t, archive.FromReceipt, at(place)
	}
	c.Last = max(c.Last, at(place))
}

// invent makes the archive anew.
func invent() invented {
	in := invented{Inspections: map[archive.EventID]archive.Inspection{}}
	for _, s := range []*script{launchPlan(), reviewMeeting(), withBo(), missedCall(), longTalk()} {
		in.Conversations = append(in.Conversations, s.view)
	}
	for _, s := range []*script{longTalk(), missedCall(), withBo(), reviewMeeting(), launchPlan()} {
		in.Messages = append(in.Messages, s.lines...)
	}
	for _, user := range []string{"ann", "bo", "chen", "dana", "priya", "tomas"} {
		in.People = append(in.People, cast()[user])
	}
	in.People[1].Names = append(in.People[1].Names, "Bo L.")
	in.Gaps = inventedGaps()
	lag := 4.2
	in.Accounts = []archive.Account{{ID: archive.AccountID(annURI), URI: annURI, Name: "Ann Berg", Server: "https://lyncweb.contoso.example",
		First: october(5, 8, 0, 0), Last: october(26, 16, 19, 56), Observations: 940}}
	in.Status = []archive.Status{{Account: annURI, State: "capturing", LastPoll: october(26, 16, 19, 56), LastEvent: october(26, 16, 19, 56),
		LagSeconds: &lag, Gaps: 2, Undecoded: 1, DiskBytes: 4_812_800, Watermarks: archive.Watermarks{Stored: 940, Decoded: 940, Indexed: 940}}}
	in.Totals = archive.Totals{Observations: 940, Events: 2871, Conversations: 5, Messages: int64(len(in.Messages)), People: 6, Gaps: 2, Invitations: 3}
	in.addEvents()
	return in
}

func inventedGaps() []archive.Gap {
	return []archive.Gap{
		{ID: 1, Account: annURI, Cause: archive.GapApplicationGone, From: october(24, 14, 2, 10), To: october(24, 16, 37, 40), Seconds: 9330, AtRisk: true, After: 903},
		{ID: 2, Account: annURI, Cause: archive.GapUnreachable, From: october(26, 9, 10, 0), To: october(26, 9, 10, 12), Seconds: 12, After: 921},
	}
}

func launchPlan() *script {
	s := newScript("AdJLaunch", "Launch plan", archive.Group, 900, october(24, 12, 58, 0), "ann", "bo", "chen", "dana")
	s.invite(900, "messaging", "bo", "ann", archive.Accepted, october(24, 12, 58, 0), october(24, 12, 58, 6))
	s.say(901, october(24, 12, 58, 2), "bo", "Morning! Can we settle the launch date today? The draft is at https://wiki.contoso.example/launch?v=2.")
	s.say(902, october(24, 13, 1, 0), "ann", "Yes. I would keep the 3rd of November.")
	s.say(903, october(24, 13, 1, 20), "ann", "Or a week later, if the translation is not done.")
	s.view.Gaps = inventedGaps()
	s.say(905, october(24, 16, 41, 0), "chen", "翻译下周三完成，东京办公室也在等最后的校对。")
	s.say(906, october(24, 16, 41, 30), "chen", "So the 3rd works for us.")
	s.say(907, october(25, 0, 30, 0), "dana", "مرحبا، النسخة العربية جاهزة منذ أمس.")
	s.say(908, october(25, 1, 30, 0), "dana", "Sent before and after the clocks went back: one hour apart.")
	m := s.say(909, archive.Time{}, "ann", "")
	m.TextKnown, m.Format, m.TimeSource = false, "", archive.FromOrder
	m = s.say(922, october(26, 9, 14, 0), "ann", "Then it is settled: 3 November, 10:00.\n\nI will tell the others:\n  - support\n  - the press office")
	m.Status, m.Reason = "Failure", &archive.Reason{Code: "ServiceFailure", Subcode: "RemoteDestinationUnreachable", Message: "Dana could not be reached"}
	m = s.say(923, october(26, 9, 15, 10), "bo", "👍 Perfect. <b>Thank you</b> all!")
	m.TimeSource, m.Format = archive.FromReceipt, "html"
	s.view.Conversation.Gaps = 2
	return s
}

func reviewMeeting() *script {
	s := newScript("AdJReview", "Quarterly review", archive.Meeting, 700, october(23, 9, 0, 0), "ann", "priya", "tomas", "bo", "dana")
	s.view.Conversation.Importance = "Urgent"
	s.invite(700, "onlineMeeting", "priya", "ann", archive.Accepted, october(23, 9, 0, 0), october(23, 9, 0, 9))
	s.say(702, october(23, 9, 4, 0), "priya", "Numbers are in the shared workbook, second sheet.")
	s.say(703, october(23, 9, 6, 0), "tomas", "¿Puedes compartir la pantalla?")
	s.say(704, october(23, 9, 6, 40), "ann", "One moment.")
	s.end(710, october(23, 10, 2, 0))
	return s
}

func withBo() *script {
	s := newScript("AdJBo", "", archive.Direct, 600, october(22, 11, 0, 0), "ann", "bo")
	s.say(601, october(22, 11, 0, 5), "bo", "Lunch at half past twelve?")
	s.say(602, october(22, 11, 2, 0), "ann", "Gladly.")
	s.end(603, october(22, 11, 30, 0))
	return s
}

func missedCall() *script {
	s := newScript("AdJCall", "", archive.Direct, 500, october(21, 15, 12, 0), "ann", "tomas")
	s.view.Participants[0].JoinedEvent, s.view.Participants[1].JoinedEvent = 0, 0
	s.invite(500, "phoneAudio", "tomas", "ann", archive.Declined, october(21, 15, 12, 0), october(21, 15, 12, 9))
	s.view.Conversation.Ended, s.view.Conversation.EndedSource = october(21, 15, 12, 9), archive.FromReceipt
	return s
}

// longTalk has more messages than two pages hold.
func longTalk() *script {
	s := newScript("AdJLong", "Support rota", archive.Group, 100, october(12, 7, 0, 0), "ann", "priya", "bo")
	who := []string{"priya", "priya", "ann", "bo"}
	for i := range 250 {
		t := archive.At(october(12, 7, 0, 0).Add(time.Duration(i) * 37 * time.Minute))
		s.say(archive.ObservationID(101+i), t, who[i%len(who)], fmt.Sprintf("Ticket CT-%d is taken care of.", 4000+i))
	}
	s.end(400, october(19, 8, 0, 0))
	return s
}

const inventedBody = `{"link":{"rel":"message","href":"/ucwa/oauth/v1/applications/101/communication/conversations/7/messages/923"},` +
	`"_embedded":{"message":{"direction":"Incoming","timeStamp":"\/Date(1792999510000)\/","_links":{` +
	`"plainMessage":{"href":"data:text/plain;charset=utf-8,Perfect.%20%3Cb%3EThank%20you%3C%2Fb%3E%20all!"},` +
	`"contact":{"href":"/ucwa/oauth/v1/applications/101/people/bo@contoso.example"}},"rel":"message","count":1.5e3,"final":true,"note":null}},` +
	`"status":"Success","type":"completed"}`

func (in *invented) addEvents() {
	for i := len(in.Messages) - 1; i >= 0; i-- {
		m := in.Messages[i]
		in.Events = append(in.Events, archive.Event{
			ID: m.Event, Observation: m.Event.Observation(), Position: 1, Sender: "conversation", Type: "completed", Rel: "message",
			Href: fmt.Sprintf("/ucwa/oauth/v1/applications/101/communication/conversations/7/messages/%d", m.Event.Observation()),
			In:   "messages", Status: "Success", Embedded: true, Decoded: true, Kind: "message",
		})
	}
	in.Events[1].Rel, in.Events[1].Kind, in.Events[1].Decoded, in.Events[1].Title = "typingIndicator", "unknown", false, "Bo Lindqvist"
	for i, e := range in.Events {
		in.Inspections[e.ID] = archive.Inspection{
			Event: e, Raw: []byte(inventedBody), Neighbours: in.neighbours(i),
			Observation: archive.Observation{
				ID: e.Observation, Account: annURI, Source: archive.SourceCapture, Method: "GET", Status: 200,
				URL:      "https://lyncweb.contoso.example/ucwa/oauth/v1/applications/101/events?ack=12",
				Received: october(26, 9, 15, 10), Bytes: int64(len(inventedBody)), Body: []byte(inventedBody),
				SHA256: "9f2b6c3d1c0e4a5b8d7f6e5d4c3b2a190817263544536271809f8e7d6c5b4a39",
			},
			Changes: []archive.Change{archive.MessageChange{
				Href: e.Href, Conversation: "/ucwa/oauth/v1/applications/101/communication/conversations/7", Direction: archive.Incoming,
				From: archive.Party{URI: "sip:bo@contoso.example", Name: "Bo Lindqvist"}, Time: october(26, 9, 15, 10),
				Text: &archive.Text{Plain: "Perfect. <b>Thank you</b> all!"}, Status: "Success",
			}},
		}
	}
}

func (in *invented) neighbours(i int) archive.Neighbours {
	var n archive.Neighbours
	if i > 0 {
		n.Next = in.Events[i-1].ID
	}
	if i+1 < len(in.Events) {
		n.Previous = in.Events[i+1].ID
	}
	return n
}
