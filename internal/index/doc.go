// Package index is the full-text index over messages: a cache of the store
// that can be made again at any time.
//
// Bleve holds the words and, as keywords, author and conversation. The order
// and the time of every message stand in memory, as columns, by which hits are
// ordered and filtered. Text is read from the store.
//
// Each index is a generation, a directory of its own. Searches take the
// generation, the columns and the watermark as they are and wait for nobody;
// Follow and Rebuild put new ones in their place.
package index
