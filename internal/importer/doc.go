// Package importer reads files that hold UCWA bodies into the log: transcripts
// of a console, JSON, JSON Lines, and this program's own export. It goes by
// what a file holds and never by its name.
//
// formats.go is the table of formats; scan.go finds bodies in anything and
// own.go reads an export back. A body is kept byte for byte as it stands in the
// file, from its "{" to the matching "}". What is not a UCWA body is reported
// with its line and stops nothing. Memory does not grow with the file: it holds
// one body and one batch at a time.
package importer
