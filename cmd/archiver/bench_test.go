package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"archiver/internal/archive"
	"archiver/internal/check"
	"archiver/internal/importer"
	"archiver/internal/store"
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

// BenchmarkArrival follows single messages, 20 ms apart, from arrival to the
// commit and on until a search finds them, in an archive of 5,000 messages. Goals: found
// within 5 times the time of the commit (medians), and within 10 ms in 99 of 100.
func BenchmarkArrival(b *testing.B) {
	const before, arrivals = 5000, 400
	for b.Loop() {
		p := &program{out: io.Discard, err: io.Discard, env: os.Getenv, now: time.Now, archive: b.TempDir()}
		a, err := p.openWriter(b.Context(), store.Options{Owner: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		file := filepath.Join(b.TempDir(), "corpus.json")
		writeCorpus(b, file, before)
		if _, err := importer.Read(b.Context(), file, a.Store, importer.Options{}); err != nil {
			b.Fatal(err)
		}
		if _, err := a.catchUp(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		var durable, found []time.Duration
		for n := range arrivals {
			d, f := arrive(b, a, n)
			durable, found = append(durable, d), append(found, f)
			time.Sleep(20 * time.Millisecond)
		}
		slices.Sort(durable)
		slices.Sort(found)
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(found[arrivals/2])/float64(durable[arrivals/2]), "found×durable")
		b.ReportMetric(float64(durable[arrivals/2].Microseconds()), "µs-durable-p50")
		b.ReportMetric(float64(found[arrivals*99/100].Microseconds()), "µs-found-p99")
		if err := a.close(); err != nil {
			b.Fatal(err)
		}
	}
}

// arrive takes in one message with a word of its own and searches for it.
func arrive(b *testing.B, a *app, n int) (durable, found time.Duration) {
	b.Helper()
	word := fmt.Sprintf("arrival%d", n)
	o := archive.Observation{Account: check.Account, Source: archive.SourceCapture, Capture: "bench", Method: "GET", Status: 200,
		URL: fmt.Sprintf("https://pool.contoso.example/events?ack=%d", n), Received: archive.At(time.Now()),
		Body: fmt.Appendf(nil, `{"_links":{"next":{"href":"/n"}},"sender":[{"rel":"conversation","href":"/c/bench","events":[{"type":"completed",
			"status":"Success","link":{"rel":"message","href":"/c/bench/m/%d"},"_embedded":{"message":{"direction":"Incoming",
			"_links":{"contact":{"href":"/people/bo@contoso.example"},"plainMessage":{"href":"data:text/plain,%s"}}}}}]}]}`, n, word)}
	start := time.Now()
	if _, err := a.AppendObservations(b.Context(), []archive.Observation{o}, nil); err != nil {
		b.Fatal(err)
	}
	durable = time.Since(start)
	if _, err := a.catchUp(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	r, err := a.Search(b.Context(), archive.SearchRequest{Query: word, Limit: 1})
	if err != nil || r.Total != 1 {
		b.Fatalf("%d found, %v", r.Total, err)
	}
	return durable, time.Since(start)
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
