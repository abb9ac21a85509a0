// Command archiver captures a person's Skype for Business conversations, keeps
// every byte the server said, and finds them again.
package main

import (
	"context"
	"io"
	"log"
	"os"
	_ "time/tzdata" // readers choose a time zone wherever the program runs
)

func main() {
	log.SetOutput(io.Discard) // libraries' own; what counts of it comes back as an error
	ctx, _ := untilSignal(context.Background())
	os.Exit(run(ctx, os.Getenv, os.Stdin, os.Stdout, os.Stderr, os.Args[1:]))
}
