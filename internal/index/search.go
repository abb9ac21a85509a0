package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/blevesearch/bleve/v2/search"
	blevequery "github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"archiver/internal/archive"
	"archiver/internal/query"
)

// Search finds messages. The total is exact. A wrong query is an error of
// package query, which wraps archive.ErrInvalid here.
func (x *Index) Search(ctx context.Context, r archive.SearchRequest) (archive.SearchResult, error) {
	start := time.Now()
	q, err := query.Parse(r.Query, r.Zone)
	if err != nil {
		return archive.SearchResult{}, errors.Join(err, archive.ErrInvalid)
	}
	result := archive.SearchResult{Query: r.Query, Parsed: q.String(),
		Range: archive.SearchRange{After: archive.At(q.After), Before: archive.At(q.Before)}}
	marks, err := x.src.Watermarks(ctx)
	if err != nil {
		return result, err
	}
	x.refresh(ctx, marks.Decoded)
	found, err := x.find(ctx, q, result.Range, r.Sort == archive.SortRelevance)
	if err != nil {
		return result, fmt.Errorf("index: search: %w", err)
	}
	order(found, r.Sort)
	result.Total = int64(len(found))
	if err := x.state(ctx, marks, &result); err != nil {
		return result, err
	}
	if result.Hits, err = x.hits(ctx, page(found, r), q); err != nil {
		return result, fmt.Errorf("index: search: %w", err)
	}
	result.TookMS = float64(time.Since(start).Microseconds()) / 1000
	return result, nil
}

// match is one message that matches.
type match struct {
	event archive.EventID
	score float64
}

func order(found []match, by archive.Sort) {
	slices.SortFunc(found, func(a, b match) int {
		switch by {
		case archive.SortOldest:
			return cmp.Compare(a.event, b.event)
		case archive.SortRelevance:
			if c := cmp.Compare(b.score, a.score); c != 0 {
				return c
			}
		}
		return cmp.Compare(b.event, a.event)
	})
}

func page(found []match, r archive.SearchRequest) []match {
	found = found[min(max(0, r.Offset), len(found)):]
	if r.Limit >= 0 {
		found = found[:min(r.Limit, len(found))]
	}
	return found
}

// state tells what was searched in.
func (x *Index) state(ctx context.Context, marks archive.Watermarks, r *archive.SearchResult) (err error) {
	x.mu.RLock()
	r.Index = archive.IndexState{Documents: int64(len(x.columns.rows)), Behind: max(0, int64(marks.Decoded-x.mark))}
	x.mu.RUnlock()
	r.UncoveredSeconds, err = x.src.UncoveredSeconds(ctx, r.Range)
	return err
}

// find runs a query over the index and filters what it finds by time.
func (x *Index) find(ctx context.Context, q query.Query, rg archive.SearchRange, scored bool) (found []match, err error) {
	clause, err := x.lower(ctx, q.Node)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	defer recovered(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if x.bleve == nil {
		return nil, fmt.Errorf("the index is closed: %w", archive.ErrUnavailable)
	}
	advanced, err := x.bleve.Advanced()
	if err != nil {
		return nil, err
	}
	reader, err := advanced.Reader()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	options := search.SearcherOptions{}
	if !scored {
		options.Score = "none"
	}
	s, err := clause.Searcher(ctx, reader, x.bleve.Mapping(), options)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return x.collect(ctx, reader, s, rg)
}

// checkEvery is after how many hits a collection looks whether it is still
// wanted.
const checkEvery = 1024

// collect reads all matches. x.mu is held.
func (x *Index) collect(ctx context.Context, reader bleveindex.IndexReader, s search.Searcher, rg archive.SearchRange) ([]match, error) {
	var found []match
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(s.DocumentMatchPoolSize()+1, 0), IndexReader: reader}
	for n := 0; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		hit, err := s.Next(sc)
		if err != nil || hit == nil {
			return found, err
		}
		id, err := reader.ExternalID(hit.IndexInternalID)
		if err != nil {
			return nil, err
		}
		event, err := eventOf(id)
		if err != nil {
			return nil, err
		}
		if row, ok := x.columns.rows[event]; ok && within(row.Time, rg) {
			found = append(found, match{event, hit.Score})
		}
		sc.DocumentMatchPool.Put(hit)
	}
}

func eventOf(docID string) (archive.EventID, error) {
	b, err := hex.DecodeString(docID)
	if err != nil || len(b) != 8 {
		return 0, fmt.Errorf("a document of another program: %w", archive.ErrConflict)
	}
	return archive.EventID(binary.BigEndian.Uint64(b)), nil
}

// within holds for times in a range. A message without time is in no range but
// the open one.
func within(t archive.Time, rg archive.SearchRange) bool {
	if !rg.After.Known() && !rg.Before.Known() {
		return true
	}
	return t.Known() && !(rg.After.Known() && t.Before(rg.After.Time)) && !(rg.Before.Known() && !t.Before(rg.Before.Time))
}

// lower makes a Bleve query of a node.
func (x *Index) lower(ctx context.Context, n query.Node) (blevequery.Query, error) {
	switch n := n.(type) {
	case query.And:
		return x.all(ctx, n.Nodes)
	case query.Not:
		q, err := x.lower(ctx, n.Node)
		return blevequery.NewBooleanQuery([]blevequery.Query{blevequery.NewMatchAllQuery()}, nil, []blevequery.Query{q}), err
	case query.Word:
		return phrase(n.Text), nil
	case query.Phrase:
		return phrase(n.Text), nil
	case query.Field:
		return x.field(ctx, n)
	}
	return blevequery.NewMatchAllQuery(), nil // a span, which the columns answer
}

func (x *Index) all(ctx context.Context, nodes []query.Node) (blevequery.Query, error) {
	var qs []blevequery.Query
	for _, n := range nodes {
		if _, ok := n.(query.Span); ok {
			continue
		}
		q, err := x.lower(ctx, n)
		if err != nil {
			return nil, err
		}
		qs = append(qs, q)
	}
	if len(qs) == 0 {
		return blevequery.NewMatchAllQuery(), nil
	}
	return blevequery.NewConjunctionQuery(qs), nil
}

// field matches the keywords of the people or conversations that the values
// name.
func (x *Index) field(ctx context.Context, n query.Field) (blevequery.Query, error) {
	field, resolve := fieldFrom, x.src.FindPeople
	if n.Name == "in" {
		field, resolve = fieldConversation, x.src.FindConversations
	}
	var qs []blevequery.Query
	for _, v := range n.Values {
		ids, err := resolve(ctx, v)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			qs = append(qs, term(field, id))
		}
	}
	if len(qs) == 0 {
		return blevequery.NewMatchNoneQuery(), nil
	}
	return blevequery.NewDisjunctionQuery(qs), nil
}

func term(field, text string) blevequery.Query {
	q := blevequery.NewTermQuery(text)
	q.SetField(field)
	return q
}

// phrase matches the pieces of a text in their order. Text without anything
// searchable, such as a lone bracket, matches everything.
func phrase(text string) blevequery.Query {
	var qs []blevequery.Query
	var run []string
	flush := func() {
		switch len(run) {
		case 0:
		case 1:
			qs = append(qs, term(fieldText, run[0]))
		default:
			qs = append(qs, blevequery.NewPhraseQuery(run, fieldText))
		}
		run = nil
	}
	for _, t := range tokenize(text) {
		if !t.cjk {
			run = append(run, t.term)
			continue
		}
		flush()
		qs = append(qs, cjkPhrase(t.term))
	}
	flush()
	switch len(qs) {
	case 0:
		return blevequery.NewMatchAllQuery()
	case 1:
		return qs[0]
	}
	return blevequery.NewConjunctionQuery(qs)
}

// cjkPhrase matches a run of characters by its pairs.
func cjkPhrase(run string) blevequery.Query {
	runes := []rune(run)
	if len(runes) < 3 {
		return term(fieldCJK, run)
	}
	var pairs []string
	for i := range len(runes) - 1 {
		pairs = append(pairs, string(runes[i:i+2]))
	}
	return blevequery.NewPhraseQuery(pairs, fieldCJK)
}

// hits reads what is shown of the matches of a page.
func (x *Index) hits(ctx context.Context, found []match, q query.Query) ([]archive.Hit, error) {
	events := make([]archive.EventID, len(found))
	for i, m := range found {
		events[i] = m.event
	}
	messages, err := x.src.MessagesByEvent(ctx, events)
	if err != nil {
		return nil, err
	}
	byEvent := make(map[archive.EventID]archive.Message, len(messages))
	var conversations []string
	for _, m := range messages {
		byEvent[m.Event] = m
		conversations = append(conversations, m.Conversation)
	}
	titles, err := x.src.ConversationTitles(ctx, conversations)
	if err != nil {
		return nil, err
	}
	wanted := termsOf(q.Node)
	hits := make([]archive.Hit, 0, len(found))
	for _, f := range found {
		if m, ok := byEvent[f.event]; ok {
			hits = append(hits, archive.Hit{Message: m, ConversationTitle: titles[m.Conversation], Score: f.score, Snippet: snippet(m.Text, wanted)})
		}
	}
	return hits, nil
}
