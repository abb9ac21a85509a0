// Package store keeps an archive in one SQLite database: the append-only log
// of observations and gaps, and the tables made from it.
//
// The SQL is written by hand beside the code that runs it, over the low-level
// API of zombiezen.com/go/sqlite on the modernc engine (docs/adr/0005).
package store
