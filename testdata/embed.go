// Package testdata hands the scenarios to the tests and to the demo.
package testdata

import "embed"

// Scenarios are the files scenarios/*.txtar; see internal/ucwa/ucwatest.
//
//go:embed scenarios/*.txtar
var Scenarios embed.FS
