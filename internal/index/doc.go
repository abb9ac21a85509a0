// Package index is the full-text index over messages: a cache of the store
// that can be made again at any time.
//
// Bleve holds the words and, as keywords, author and conversation. Time, author
// and conversation of every message also stand in memory, as columns, by which
// hits are filtered and ordered. Text is read from the store.
package index
