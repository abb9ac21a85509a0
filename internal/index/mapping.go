package index

import (
	"fmt"
	"hash/fnv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/mapping"
	bleveindex "github.com/blevesearch/bleve_index_api"

	"archiver/internal/archive"
)

// version changes whenever the same text would be indexed otherwise; an index
// of another version is rebuilt.
const version = "2"

// The fields of a document.
const (
	fieldText         = "text"
	fieldCJK          = "cjk"
	fieldFrom         = "from"
	fieldConversation = "conversation"
)

// mappingHash names the directory of an index of this form.
func mappingHash() string {
	h := fnv.New32a()
	fmt.Fprint(h, version, fieldText, fieldCJK, fieldFrom, fieldConversation)
	return fmt.Sprintf("%08x", h.Sum32())
}

// newMapping is empty: documents are made directly, and Bleve's mapping would
// only come in their way.
func newMapping() mapping.IndexMapping {
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentDisabledMapping()
	m.IndexDynamic, m.StoreDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// newDocument makes a message's document. Its id ascends with its place in the
// log. Positions are kept for phrases; nothing is stored.
func newDocument(m archive.Indexable) *document.Document {
	const text = bleveindex.IndexField | bleveindex.IncludeTermVectors
	const keyword = bleveindex.IndexField | bleveindex.SkipFreqNorm
	d := document.NewDocument(docID(m.Event))
	body := []byte(m.Text)
	d.AddField(document.NewTextFieldCustom(fieldText, nil, body, text, words{}))
	if hasCJK(body) {
		d.AddField(document.NewTextFieldCustom(fieldCJK, nil, body, text, bigrams{}))
	}
	d.AddField(document.NewTextFieldCustom(fieldFrom, nil, []byte(m.From), keyword, nil))
	d.AddField(document.NewTextFieldCustom(fieldConversation, nil, []byte(m.Conversation), keyword, nil))
	return d
}

func docID(e archive.EventID) string { return fmt.Sprintf("%016x", int64(e)) }
