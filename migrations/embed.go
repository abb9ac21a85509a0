// Package migrations holds the shape of the store as numbered SQL files.
//
// A file that has landed never changes: a new one follows it. They only go up,
// since an archive is never downgraded, and they shape tables only: what is
// decoded is made anew by a rebuild.
package migrations

import "embed"

// SQLite are the migrations of the SQLite store, in the directory "sqlite".
//
//go:embed sqlite/*.sql
var SQLite embed.FS
