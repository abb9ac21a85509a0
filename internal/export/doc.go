// Package export writes the archive's log to a file that outlives this program.
//
// An export is a stream of records. stream.go reads it from the archive in the
// order of the log; each format is a Handler that writes it, in a file of its
// own with a line in formats.go. Memory does not grow with the archive.
package export
