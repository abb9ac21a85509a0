package decode

import (
	"fmt"
	"strings"

	"archiver/internal/archive"
	"archiver/internal/ucwa"
)

// decodeNothing understands a resource from which nothing follows.
func decodeNothing(entry) ([]archive.Change, error) { return nil, nil }

// ofHistory reports whether a resource tells of what happened rather than of
// the way to it.
func ofHistory(rel string) bool {
	switch rel {
	case ucwa.RelConversationLogs, ucwa.RelConversationLog, ucwa.RelTranscripts, ucwa.RelMissedItems:
		return true
	}
	return false
}

// decodeLog reads a conversation of the server's history
// (conversationLog_ref.md).
func decodeLog(e entry) ([]archive.Change, error) {
	if len(e.event.Embedded) == 0 {
		return nil, nil
	}
	var r ucwa.ConversationLog
	if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
		return nil, err
	}
	c := archive.LogChange{
		Href: e.place(), Transcripts: ucwa.InApplication(r.Links.Href(ucwa.RelTranscripts)),
		Thread: thread(r.ThreadID), Type: r.Type, Status: r.Status, Direction: r.Direction,
		Subject: r.Subject, Importance: r.Importance, Created: archive.At(r.Created.Time),
		Meeting: r.MeetingURI != "" || r.Type == "ConferenceLog",
	}
	for _, p := range r.Embedded.Recipients {
		party := logParty(p.Links.First("contact"))
		if uri := ucwa.NormalizeURI(p.URI); uri != "" {
			party.URI = uri
		}
		party.Name = p.Name
		if party != (archive.Party{}) {
			c.Recipients = append(c.Recipients, party)
		}
	}
	return []archive.Change{c}, nil
}

// place is where in its application a resource of the history is: what was
// asked for, since a page's self link need not say which page it is.
func (e entry) place() string {
	if e.event.Type == fetched && e.url != "" {
		return ucwa.InApplication(e.url)
	}
	return ucwa.InApplication(e.event.Link.Href)
}

// decodeLogPage reads which page of a logged conversation this is. Its entries
// are events of their own: see logEntries.
func decodeLogPage(e entry) ([]archive.Change, error) {
	page, err := ucwa.ParseTranscripts(e.event.Embedded)
	if err != nil {
		return nil, err
	}
	next := ""
	if href := page.Links.Href(ucwa.RelNextTranscripts); href != "" {
		next = ucwa.InApplication(href)
	}
	return []archive.Change{archive.LogPageChange{Href: e.place(), Next: next}}, nil
}

// logEntries decodes what stands on a page, each entry as an event that the
// page sent, so that each has a place and evidence of its own.
func logEntries(o archive.Observation, of entry) []archive.Decoded {
	page, err := ucwa.ParseTranscripts(o.Body)
	if err != nil {
		return nil // decodeLogPage has said so
	}
	var out []archive.Decoded
	copies := make(map[string]int)
	for i, raw := range page.Embedded.Transcripts {
		head, err := ucwa.ParseHead(raw)
		e := entry{account: of.account, url: of.url,
			sender: ucwa.Sender{Rel: ucwa.RelTranscripts, Href: of.event.Link.Href},
			event: ucwa.Event{Type: fetched, Embedded: raw,
				Link: ucwa.Link{Rel: ucwa.RelTranscript, Href: head.Links.Href("self")}}}
		d := decodeEntry(o.ID, 2+i, e, err)
		for j, change := range d.Changes {
			if m, ok := change.(archive.LogMessageChange); ok {
				key := fmt.Sprint(m.From.URI, m.From.Href, m.Time, len(m.Text.Plain), m.Text.Plain)
				m.Copy = copies[key]
				copies[key]++
				d.Changes[j] = m
			}
		}
		out = append(out, d)
	}
	return out
}

// decodeLogEntry reads one entry of a logged conversation
// (conversationLogTranscript_ref.md): a message, a call or an error.
func decodeLogEntry(e entry) ([]archive.Change, error) {
	var r ucwa.Transcript
	if err := ucwa.Parse(e.event.Embedded, &r); err != nil {
		return nil, err
	}
	page, from, at := e.place(), logAuthor(e, r.Links), archive.At(r.TimeStamp.Time)
	links := r.Links
	if r.Embedded.Message != nil {
		links = r.Embedded.Message.Links
	}
	text, err := messageText(links)
	if err != nil {
		return nil, err
	}
	switch {
	case text != nil:
		m := archive.LogMessageChange{Page: page, Direction: archive.Incoming, From: from, Time: at, Text: text}
		if from.URI == e.account {
			m.Direction = archive.Outgoing
		}
		return []archive.Change{m}, nil
	case r.Embedded.Audio != nil:
		return []archive.Change{archive.LogNoteChange{Page: page, Sort: "audio", From: from, Time: at,
			Status: r.Embedded.Audio.Status, Duration: strings.Trim(string(r.Embedded.Audio.Duration), `"`)}}, nil
	case r.Embedded.Error != nil:
		return []archive.Change{archive.LogNoteChange{Page: page, Sort: "error", From: from, Time: at,
			Status: r.Embedded.Error.Reason}}, nil
	}
	return nil, nil
}

// logAuthor is who an entry is from: the user himself where it links to me,
// else the contact.
func logAuthor(e entry, links ucwa.Links) archive.Party {
	if links.Href("me") != "" {
		return archive.Party{URI: e.account}
	}
	return logParty(links.First("contact"))
}

// logParty is whom a link of the history names, by a place that outlives the
// application.
func logParty(link ucwa.Link) archive.Party {
	p := linked(link)
	p.Href = ucwa.InApplication(link.Href)
	return p
}

// decodeMissedItems reads the server's counts (missedItems_ref.md).
func decodeMissedItems(e entry) ([]archive.Change, error) {
	if len(e.event.Embedded) == 0 {
		return nil, nil
	}
	m, err := ucwa.ParseMissedItems(e.event.Embedded)
	if err != nil {
		return nil, err
	}
	return []archive.Change{archive.MissedItemsChange{Logs: m.Logs, Missed: m.Missed, Unread: m.Unread,
		VoiceMails: m.VoiceMails, UnreadVoice: m.UnreadVoice}}, nil
}
