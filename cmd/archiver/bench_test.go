package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"archiver/internal/check"
	"archiver/internal/importer"
)

// BenchmarkImport imports 100,000 generated events in a process of its own:
// read, stored, decoded and indexed. It prints events a second, bytes on disk
// an event beside the bytes received, and the process's peak memory.
func BenchmarkImport(b *testing.B) {
	const messages = 100_000
	file := filepath.Join(b.TempDir(), "corpus.json")
	received := writeCorpus(b, file, messages)
	for b.Loop() {
		dir := b.TempDir()
		c := exec.Command(os.Args[0], "import", file, "--archive", dir, "--json", "--quiet")
		c.Env = append(os.Environ(), asProgram+"=1")
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr = &out, &errs
		start := time.Now()
		if err := c.Run(); err != nil {
			b.Fatalf("%v: %s", err, errs.String())
		}
		took := time.Since(start)
		var r importer.Report
		if err := json.Unmarshal(bytes.TrimSpace(out.Bytes()), &r); err != nil {
			b.Fatal(err)
		}
		database, index := size(b, dir, "archive.db"), size(b, dir, "index")
		b.ReportMetric(float64(r.Events)/took.Seconds(), "events/s")
		b.ReportMetric(float64(database)/float64(r.Events), "B/event")
		b.ReportMetric(float64(database)/float64(received), "×received")
		b.ReportMetric(float64(index)/float64(received), "index×received")
		b.ReportMetric(float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MiB-peak")
	}
}

// writeCorpus writes the bodies of a generated history and returns their size.
func writeCorpus(b *testing.B, path string, messages int) (received int64) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for body := range (check.Corpus{Seed: 1, Messages: messages}).Bodies() {
		received += int64(len(body))
		if _, err := w.Write(append(body, '\n')); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return received
}

// size is how much the files below a directory take whose path begins so.
func size(b *testing.B, dir, prefix string) (total int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || !strings.HasPrefix(rel, prefix) {
			return err
		}
		info, err := d.Info()
		total += info.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
