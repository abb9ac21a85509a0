// Package check holds what tests and benchmarks share: a generated history of
// any size. No program imports it.
package check
