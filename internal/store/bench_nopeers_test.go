//go:build !peers

package store_test

import "testing"

func commitPeers(*testing.B) []contestant { return nil }

func windowPeers(*testing.B, string, int) []contestant { return nil }

func bulkPeers(*testing.B, int) []contestant { return nil }
