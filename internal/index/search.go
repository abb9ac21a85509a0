package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"archiver/internal/archive"
	"archiver/internal/query"
)

// Search finds messages. The total is exact. A wrong query is an error of
// package query, which wraps archive.ErrInvalid here. Ending ctx ends the
// search.
func (x *Index) Search(ctx context.Context, r archive.SearchRequest) (archive.SearchResult, error) {
	start := time.Now()
	q, err := query.Parse(r.Query, r.Zone)
	if err != nil {
		return archive.SearchResult{}, errors.Join(err, archive.ErrInvalid)
	}
	result := archive.SearchResult{Query: r.Query, Parsed: q.String(),
		Range: archive.SearchRange{After: archive.At(q.After), Before: archive.At(q.Before)}}
	if err := x.search(ctx, q, r, &result); err != nil {
		return result, fmt.Errorf("index: search: %w", err)
	}
	result.TookMS = float64(time.Since(start).Microseconds()) / 1000
	return result, nil
}

func (x *Index) search(ctx context.Context, q query.Query, r archive.SearchRequest, result *archive.SearchResult) error {
	marks, err := x.src.Watermarks(ctx)
	if err != nil {
		return err
	}
	x.refresh(ctx, marks.Decoded)
	found, err := x.find(ctx, q, result.Range, r)
	if err != nil {
		return err
	}
	result.Total = found.total
	result.Index = archive.IndexState{Documents: found.documents, Behind: max(0, int64(marks.Decoded-found.mark))}
	if result.UncoveredSeconds, err = x.src.UncoveredSeconds(ctx, result.Range); err != nil {
		return err
	}
	result.Hits, err = x.hits(ctx, found, q)
	return err
}

// findings are a page of matches, with what they were found in.
type findings struct {
	total     int64
	events    []archive.EventID
	scores    []float64
	documents int64
	mark      archive.ObservationID
}

// find runs a query over the index as it is now.
func (x *Index) find(ctx context.Context, q query.Query, rg archive.SearchRange, r archive.SearchRequest) (findings, error) {
	clause, err := x.lower(ctx, q.Node)
	if err != nil {
		return findings{}, err
	}
	g, mark, columns, err := x.acquire()
	if err != nil {
		return findings{}, err
	}
	defer g.inUse.RUnlock()
	c := newCollector(columns, rg, r)
	if clause == nil {
		err = c.everyRow(ctx)
	} else {
		err = c.search(ctx, g, clause, r.Sort == archive.SortRelevance)
	}
	out := findings{total: c.total, documents: int64(len(columns.events)), mark: mark}
	for _, m := range c.page(r.Offset) {
		out.events, out.scores = append(out.events, columns.events[m.row]), append(out.scores, m.score)
	}
	return out, err
}

// acquire is what is searched now. The generation stays open until its inUse is
// given back.
func (x *Index) acquire() (*generation, archive.ObservationID, *columns, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.current == nil {
		return nil, 0, nil, errClosed
	}
	x.current.inUse.RLock()
	return x.current, x.mark, x.columns, nil
}

// hits reads what is shown of the matches of a page.
func (x *Index) hits(ctx context.Context, found findings, q query.Query) ([]archive.Hit, error) {
	messages, err := x.src.MessagesByEvent(ctx, found.events)
	if err != nil {
		return nil, err
	}
	byEvent := make(map[archive.EventID]archive.Message, len(messages))
	var conversations []string
	for _, m := range messages {
		byEvent[m.Event] = m
		conversations = append(conversations, m.Conversation)
	}
	slices.Sort(conversations)
	titles, err := x.src.ConversationTitles(ctx, slices.Compact(conversations))
	if err != nil {
		return nil, err
	}
	wanted := termsOf(q.Node)
	hits := make([]archive.Hit, 0, len(found.events))
	for i, e := range found.events {
		if m, ok := byEvent[e]; ok {
			hits = append(hits, archive.Hit{Message: m, ConversationTitle: titles[m.Conversation], Score: found.scores[i], Snippet: snippet(m.Text, wanted)})
		}
	}
	return hits, nil
}
