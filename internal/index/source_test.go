package index_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/index"
)

// source is a store in memory.
type source struct {
	messages []archive.Message
	changed  map[archive.EventID]archive.ObservationID
	decoded  archive.ObservationID
	gaps     float64
}

func newSource() *source {
	return &source{changed: make(map[archive.EventID]archive.ObservationID)}
}

// base is the time of the first message.
var base = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// write adds a message, an hour after the one before.
func (s *source) write(from, conversation, text string) archive.EventID {
	s.decoded++
	e := archive.NewEventID(s.decoded, 1)
	s.messages = append(s.messages, archive.Message{
		ID: fmt.Sprintf("m:%d", s.decoded), Event: e, From: "p:" + from, FromName: from, Conversation: "c:" + conversation, Text: text,
		Time: archive.At(base.Add(time.Duration(s.decoded-1) * time.Hour)), TimeSource: archive.FromServer,
	})
	s.changed[e] = s.decoded
	return e
}

// rewrite changes a message's text.
func (s *source) rewrite(e archive.EventID, text string) {
	s.decoded++
	for i := range s.messages {
		if s.messages[i].Event == e {
			s.messages[i].Text = text
		}
	}
	s.changed[e] = s.decoded
}

// retime changes a message's time.
func (s *source) retime(e archive.EventID, at time.Time) {
	s.decoded++
	for i := range s.messages {
		if s.messages[i].Event == e {
			s.messages[i].Time = archive.At(at)
		}
	}
	s.changed[e] = s.decoded
}

func (s *source) Watermarks(context.Context) (archive.Watermarks, error) {
	return archive.Watermarks{Stored: s.decoded, Decoded: s.decoded}, nil
}

func document(m archive.Message) archive.Document {
	return archive.Document{Event: m.Event, Conversation: m.Conversation, From: m.From, Time: m.Time}
}

func (s *source) MessagesChangedAfter(_ context.Context, after archive.ObservationID, limit int) ([]archive.Indexable, error) {
	var out []archive.Indexable
	for _, m := range s.messages {
		if c := s.changed[m.Event]; c > after {
			out = append(out, archive.Indexable{Document: document(m), Text: m.Text, Changed: c})
		}
	}
	slices.SortFunc(out, func(a, b archive.Indexable) int { return int(a.Changed - b.Changed) })
	return out[:min(limit, len(out))], nil
}

func (s *source) MessagesByEvent(_ context.Context, ids []archive.EventID) (out []archive.Message, err error) {
	for _, m := range s.messages {
		if slices.Contains(ids, m.Event) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (s *source) Documents(_ context.Context, fn func(archive.Document) error) error {
	for _, m := range s.messages {
		if err := fn(document(m)); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) FindPeople(_ context.Context, text string) (ids []string, err error) {
	for _, m := range s.messages {
		if strings.Contains(m.From, text) && !slices.Contains(ids, m.From) {
			ids = append(ids, m.From)
		}
	}
	return ids, nil
}

func (s *source) FindConversations(_ context.Context, text string) (ids []string, err error) {
	for _, m := range s.messages {
		if strings.Contains(m.Conversation, text) && !slices.Contains(ids, m.Conversation) {
			ids = append(ids, m.Conversation)
		}
	}
	return ids, nil
}

func (s *source) ConversationTitles(_ context.Context, ids []string) (map[string]string, error) {
	titles := make(map[string]string)
	for _, id := range ids {
		titles[id] = "about " + id
	}
	return titles, nil
}

func (s *source) UncoveredSeconds(context.Context, archive.SearchRange) (float64, error) {
	return s.gaps, nil
}

// open opens an index over a source, to be closed with the test.
func open(t testing.TB, dir string, s *source) *index.Index {
	t.Helper()
	x, err := index.Open(t.Context(), dir, s, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func follow(t testing.TB, x *index.Index) {
	t.Helper()
	if err := x.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, x *index.Index, r archive.SearchRequest) archive.SearchResult {
	t.Helper()
	if r.Limit == 0 {
		r.Limit = -1
	}
	result, err := x.Search(t.Context(), r)
	if err != nil {
		t.Fatalf("search %q: %v", r.Query, err)
	}
	return result
}

// found lists the numbers of the messages that a query finds, newest first.
func found(t testing.TB, x *index.Index, query string) string {
	t.Helper()
	var ids []string
	for _, h := range search(t, x, archive.SearchRequest{Query: query}).Hits {
		ids = append(ids, strings.TrimPrefix(h.ID, "m:"))
	}
	return strings.Join(ids, " ")
}
