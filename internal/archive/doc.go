// Package archive is the vocabulary of the program: the nouns that every other
// package speaks about and the contracts that have more than one
// implementation. It imports nothing but the standard library.
//
// The words are UCWA's wherever UCWA has one (see docs/glossary.md); ours are
// few: an Observation is the verbatim bytes of one response, an Event one entry
// in it, a Change what decoding concluded from an Event, a Gap an interval that
// was not captured.
package archive
