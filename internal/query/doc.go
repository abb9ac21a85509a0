// Package query is the search language: what a person types becomes a tree of
// nodes and a range of time. It knows nothing of indexes.
//
// operators.go is the table of operators, from which the parser, the help and
// docs/query.md come.
package query
