package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden output of scripts anew")

// asProgram makes the test binary behave as archiver itself, so that tests can
// start and kill it as a process of its own.
const asProgram = "ARCHIVER_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(asArchiver())
	}
	testscript.Main(m, map[string]func(){"archiver": func() { os.Exit(asArchiver()) }})
}

func asArchiver() int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return run(ctx, os.Getenv, os.Stdin, os.Stdout, os.Stderr, os.Args[1:])
}
