// Package arch holds the rules of ARCHITECTURE.md and CONTRIBUTING.md as tests.
// It has no code of its own.
package arch
