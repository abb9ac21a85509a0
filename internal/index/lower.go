package index

import (
	"context"

	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	blevequery "github.com/blevesearch/bleve/v2/search/query"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"archiver/internal/query"
)

// lower makes a Bleve query of a node; nil for one that excludes nothing, such
// as a date, which the columns answer, or a lone bracket.
func (x *Index) lower(ctx context.Context, n query.Node) (blevequery.Query, error) {
	switch n := n.(type) {
	case query.And:
		return x.all(ctx, n.Nodes)
	case query.Not:
		q, err := x.lower(ctx, n.Node)
		if q == nil || err != nil {
			return nil, err
		}
		return blevequery.NewBooleanQuery([]blevequery.Query{blevequery.NewMatchAllQuery()}, nil, []blevequery.Query{q}), nil
	case query.Word:
		return phrase(n.Text), nil
	case query.Phrase:
		return phrase(n.Text), nil
	case query.Field:
		return x.field(ctx, n)
	}
	return nil, nil
}

func (x *Index) all(ctx context.Context, nodes []query.Node) (blevequery.Query, error) {
	var qs []blevequery.Query
	for _, n := range nodes {
		q, err := x.lower(ctx, n)
		if err != nil {
			return nil, err
		}
		if q != nil {
			qs = append(qs, q)
		}
	}
	return conjunction(qs), nil
}

func conjunction(qs []blevequery.Query) blevequery.Query {
	switch len(qs) {
	case 0:
		return nil
	case 1:
		return qs[0]
	}
	return blevequery.NewConjunctionQuery(qs)
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
	return unscored{blevequery.NewDisjunctionQuery(qs)}, nil
}

func term(field, text string) blevequery.Query {
	q := blevequery.NewTermQuery(text)
	q.SetField(field)
	return q
}

// unscored is a query that tells whether a message matches and not how well:
// who wrote it says nothing of its words, and of keywords, which have no
// frequencies, Bleve makes scores that are not numbers.
type unscored struct{ blevequery.Query }

// Searcher implements blevequery.Query.
func (q unscored) Searcher(ctx context.Context, r bleveindex.IndexReader, m mapping.IndexMapping, o search.SearcherOptions) (search.Searcher, error) {
	o.Score = "none"
	return q.Query.Searcher(ctx, r, m, o)
}

// phrase matches the pieces of a text in their order; nil for text without
// anything searchable. Between words that stand around CJK there may be one run
// of it; that run is looked for in its own field.
func phrase(text string) blevequery.Query {
	var qs []blevequery.Query
	var run []string
	for _, t := range tokenize(text) {
		if t.cjk {
			qs = append(qs, cjkPhrase(t.term))
			t.term = "" // any term, to Bleve
		}
		if t.term != "" || len(run) > 0 {
			run = append(run, t.term)
		}
	}
	for len(run) > 0 && run[len(run)-1] == "" {
		run = run[:len(run)-1]
	}
	switch len(run) {
	case 0:
	case 1:
		qs = append(qs, term(fieldText, run[0]))
	default:
		qs = append(qs, blevequery.NewPhraseQuery(run, fieldText))
	}
	return conjunction(qs)
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

// options of a searcher.
func options(scored bool) search.SearcherOptions {
	if scored {
		return search.SearcherOptions{}
	}
	return search.SearcherOptions{Score: "none"}
}
