package export_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"archiver/internal/archive"
	"archiver/internal/export"
	"archiver/internal/importer"
	"archiver/internal/store"
)

const (
	ana = "sip:ana@contoso.example"
	bo  = "sip:bo@fabrikam.example"
)

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{Write: true, Owner: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// nasty are bodies that text formats like to spoil.
func nasty() [][]byte {
	bodies := [][]byte{
		{}, {0}, []byte("\xff\xfe\xfd"), []byte("\xef\xbb\xbf{}"), []byte(`{"rel":"\ud800"}`), []byte("\xed\xa0\x80"),
		[]byte("line\r\nline\r\u2028\u2029\u0085\x7f\x1b[31m"), []byte(`"quotes" \ backslash </script>`), []byte("\ufffd\ufffe\uffff\U0010ffff"),
		[]byte("\x00\x01\x02\x1f"), []byte("Grüße, 千尋 👩‍👩‍👧"), []byte(strings.Repeat("x", 100_000)), []byte("cut \xe2\x82"), []byte("null"), []byte(" \n "),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		b := make([]byte, random.IntN(300))
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		bodies = append(bodies, b)
	}
	return bodies
}

// fill makes an archive of two accounts, every source, nasty bodies and gaps
// before, between and after them.
func fill(t testing.TB, s *store.Store) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, at := t.Context(), time.Date(2026, 3, 2, 9, 0, 0, 123456789, time.UTC)
	must(s.EnsureAccount(ctx, ana, "https://pool.contoso.example"))
	gap := func(account string, closed bool) {
		g := archive.Gap{Account: account, Cause: archive.GapStopped, From: archive.At(at), Backfilled: closed}
		if closed {
			g.To = archive.At(at.Add(90 * time.Second))
		}
		_, err := s.AppendGap(ctx, g)
		must(err)
		at = at.Add(time.Hour)
	}
	gap(ana, true)
	sources := []archive.Source{archive.SourceCapture, archive.SourceFetch, archive.SourceBackfill, archive.SourceImport}
	for i, body := range nasty() {
		o := archive.Observation{
			Account: []string{ana, bo}[i%2], Source: sources[i%len(sources)], Method: "GET", Status: 200 + i,
			URL:       fmt.Sprintf("https://pool.contoso.example/ucwa/v1/applications/1/events?ack=%d&x=%%C3%%A4", i),
			Requested: archive.At(at.Add(-time.Minute)), Received: archive.At(at), Date: archive.At(at.Truncate(time.Second)),
			ContentType: `application/json; charset="utf-8"`, Capture: "k1", Body: body,
		}
		if o.Source == archive.SourceImport {
			o = archive.Observation{Account: o.Account, Source: o.Source, Body: body}
		}
		_, err := s.AppendObservations(ctx, []archive.Observation{o}, nil)
		must(err)
		at = at.Add(time.Second)
		if i%10 == 3 {
			gap(o.Account, i != 3)
		}
	}
	gap(bo, false)
}

// content is all that an export holds.
type content struct {
	Accounts     []archive.Account
	Observations []archive.Observation
	Gaps         []archive.Gap
}

func contentOf(t testing.TB, s *store.Store) content {
	t.Helper()
	accounts, err1 := s.Accounts(t.Context())
	all, err2 := s.ObservationsAfter(t.Context(), 0, 0)
	gaps, err3 := s.Gaps(t.Context(), "")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return content{accounts, all, gaps}
}

func write(t testing.TB, s export.Source) (path string, report export.Report) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "history.jsonl")
	report, err := export.Write(t.Context(), s, export.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return path, report
}

func readBack(t testing.TB, path string, s *store.Store) importer.Report {
	t.Helper()
	report, err := importer.Read(t.Context(), path, s, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// What is exported and read back is the same archive, and reading it again
// changes nothing.
func TestRoundTrip(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	want := contentOf(t, s)
	path, report := write(t, s)
	if n := len(want.Accounts) + len(want.Observations) + len(want.Gaps); report.Records != int64(n) {
		t.Errorf("%d records, want %d", report.Records, n)
	}

	other := openStore(t)
	for round := range 2 {
		got := readBack(t, path, other)
		wantReport := importer.Report{Path: path, Format: "archiver export", Observations: int64(len(want.Observations)),
			Gaps: int64(len(want.Gaps)), Skipped: []importer.Line{}, Problems: []importer.Line{}}
		wantReport.New, wantReport.Duplicates = wantReport.Observations, 0
		if round == 1 {
			wantReport.New, wantReport.Duplicates = 0, wantReport.Observations
		}
		if diff := cmp.Diff(wantReport, got, cmpopts.IgnoreFields(importer.Report{}, "Events")); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
		if diff := cmp.Diff(want, contentOf(t, other)); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
	}
	again, _ := write(t, other)
	first, second := readFile(t, path), readFile(t, again)
	if !bytes.Equal(first, second) {
		t.Error("the export of the imported archive differs")
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An export into an archive that has a history of its own keeps gaps in their
// places among what was imported.
func TestGapsKeepTheirPlace(t *testing.T) {
	s, other := openStore(t), openStore(t)
	fill(t, s)
	path, _ := write(t, s)
	if _, err := other.AppendObservations(t.Context(), []archive.Observation{{Account: bo, Source: archive.SourceImport, Body: []byte("own")}}, nil); err != nil {
		t.Fatal(err)
	}
	readBack(t, path, other)
	want, got := contentOf(t, s).Gaps, contentOf(t, other).Gaps
	for i := range want {
		if want[i].After > 0 {
			want[i].After++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReport(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	path, report := write(t, s)
	file := readFile(t, path)
	sum := sha256.Sum256(file)
	want := export.Report{Format: "jsonl", Path: path, Records: report.Records, Bytes: int64(len(file)), SHA256: hex.EncodeToString(sum[:])}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	if lines := bytes.Count(file, []byte("\n")); int64(lines) != report.Records+2 {
		t.Errorf("%d lines for %d records, a header and a trailer", lines, report.Records)
	}
	var out bytes.Buffer
	same, err := export.Write(t.Context(), s, export.Options{Format: "jsonl", Path: "-", Stdout: &out})
	if err != nil || same.SHA256 != report.SHA256 || !bytes.Equal(out.Bytes(), file) {
		t.Errorf("standard output got something else: %+v, %v", same, err)
	}
}

// Whatever is taken from an export or changed in it is noticed, and the rest is
// imported.
func TestDamage(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	path, _ := write(t, s)
	whole := readFile(t, path)
	all := bytes.SplitAfter(whole, []byte("\n"))
	all = all[:len(all)-1]
	total := len(contentOf(t, s).Observations)
	const at = 10 // a line with an observation
	join := func(lines ...[]byte) []byte { return bytes.Join(lines, nil) }
	without := func(i int) []byte { return join(join(all[:i]...), join(all[i+1:]...)) }
	tests := []struct {
		name    string
		content []byte
		lost    int
		problem string
	}{
		{"no trailer", without(len(all) - 1), 0, "incomplete"},
		{"cut in a line", whole[:len(whole)-len(all[len(all)-1])-len(all[len(all)-2])-10], 1, "incomplete"},
		{"a line less", without(at), 1, "not whole"},
		{"a line twice", join(join(all[:at]...), all[at], join(all[at:]...)), 0, "not whole"},
		{"lines exchanged", join(join(all[:at]...), all[at+1], all[at], join(all[at+2:]...)), 0, "changed after"},
		{"a body changed", bytes.Replace(whole, []byte(`\"quotes\"`), []byte(`\"Quotes\"`), 1), 1, "checksum of"},
		{"a URL changed", bytes.Replace(whole, []byte(`events?ack=4&`), []byte(`events?ack=9&`), 1), 0, "changed after"},
		{"begun anew", join(join(all[:at]...), whole), 0, "incomplete"},
		{"not JSON", join(join(all[:at]...), all[at][:30], []byte("\n"), join(all[at+1:]...)), 1, "damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "damaged")
			if err := os.WriteFile(damaged, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			other := openStore(t)
			report := readBack(t, damaged, other)
			said := fmt.Sprint(report.Problems)
			if !strings.Contains(said, tt.problem) {
				t.Errorf("problems %s, want one that says %q", said, tt.problem)
			}
			if got := len(contentOf(t, other).Observations); got != total-tt.lost {
				t.Errorf("%d observations, want %d", got, total-tt.lost)
			}
		})
	}
}

// Lines cut out of an export are read without complaint.
func TestLinesOfAnExport(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	path, _ := write(t, s)
	lines := bytes.SplitAfter(readFile(t, path), []byte("\n"))
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, bytes.Join(lines[4:9], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	report := readBack(t, cut, openStore(t))
	if len(report.Problems)+len(report.Skipped) > 0 || report.Observations+report.Gaps != 5 {
		t.Errorf("%+v", report)
	}
}

func TestNewerVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "newer")
	if err := os.WriteFile(path, []byte(`{"archiver":"export","version":2}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := importer.Read(t.Context(), path, openStore(t), importer.Options{})
	if !errors.Is(err, archive.ErrInvalid) || !strings.Contains(err.Error(), "update") {
		t.Errorf("an export of version 2: %v", err)
	}
}

func TestExistingFileIsKept(t *testing.T) {
	s := openStore(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "there")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := export.Write(t.Context(), s, export.Options{Path: path})
	if !errors.Is(err, archive.ErrConflict) || string(readFile(t, path)) != "mine" {
		t.Errorf("export over a file: %v", err)
	}
	if _, err := export.Write(t.Context(), s, export.Options{Path: path, Force: true}); err != nil || bytes.Equal(readFile(t, path), []byte("mine")) {
		t.Errorf("forced export over a file: %v", err)
	}
	// A file that came while the export was written is kept too.
	path = filepath.Join(dir, "meanwhile")
	_, err = export.Write(t.Context(), intruder{s, path}, export.Options{Path: path})
	if !errors.Is(err, archive.ErrConflict) || string(readFile(t, path)) != "intruder" {
		t.Errorf("export over a file that came meanwhile: %v", err)
	}
	leftovers(t, dir, "there", "meanwhile")
}

// intruder makes a file while it is read.
type intruder struct {
	export.Source
	path string
}

func (i intruder) Gaps(ctx context.Context, account string) ([]archive.Gap, error) {
	if err := os.WriteFile(i.path, []byte("intruder"), 0o600); err != nil {
		return nil, err
	}
	return i.Source.Gaps(ctx, account)
}

func leftovers(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("%v are there, want %v alone", entries, want)
	}
}

var errSource = errors.New("the source fails")

// failing fails after the first page.
type failing struct{ export.Source }

func (f failing) ObservationsAfter(ctx context.Context, after archive.ObservationID, limit int) ([]archive.Observation, error) {
	if after > 0 {
		return nil, errSource
	}
	return f.Source.ObservationsAfter(ctx, after, 2)
}

func TestFailureLeavesNothing(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	dir := t.TempDir()
	if _, err := export.Write(t.Context(), failing{s}, export.Options{Path: filepath.Join(dir, "x")}); !errors.Is(err, errSource) {
		t.Errorf("a failing source: %v", err)
	}
	leftovers(t, dir)
	for name, opts := range map[string]export.Options{
		"unknown format": {Format: "pdf", Path: filepath.Join(dir, "x")},
		"no directory":   {Path: filepath.Join(dir, "no", "x")},
	} {
		if _, err := export.Write(t.Context(), s, opts); !errors.Is(err, archive.ErrInvalid) && !errors.Is(err, archive.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every format has a help, and its name gives it.
func TestFormats(t *testing.T) {
	s := openStore(t)
	fill(t, s)
	for _, f := range export.Formats() {
		var out bytes.Buffer
		report, err := export.Write(t.Context(), s, export.Options{Format: f.Name, Path: "-", Stdout: &out})
		if err != nil || f.Help == "" || report.Format != f.Name || out.Len() == 0 {
			t.Errorf("%s: %+v, %v", f.Name, report, err)
		}
	}
}

// endless is a source of many observations of one page's size.
type endless struct{ pages int }

func (e endless) Accounts(context.Context) ([]archive.Account, error) { return nil, nil }

func (e endless) Gaps(context.Context, string) ([]archive.Gap, error) { return nil, nil }

func (e endless) ObservationsAfter(_ context.Context, after archive.ObservationID, _ int) ([]archive.Observation, error) {
	if int(after) >= e.pages {
		return nil, nil
	}
	return []archive.Observation{{ID: after + 1, Body: bytes.Repeat([]byte("\"text\" "), 1<<17)}}, nil
}

func TestMemoryStaysFlat(t *testing.T) {
	const pages, allowed = 100, 40 << 20 // of 1 MiB
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	report, err := export.Write(t.Context(), endless{pages}, export.Options{Path: "-", Stdout: io.Discard, Progress: func(int64) {
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}})
	if err != nil || report.Records != pages {
		t.Fatalf("%+v, %v", report, err)
	}
	if used := int64(peak) - int64(before); used > allowed {
		t.Errorf("%d MiB were written with %d MiB of memory", report.Bytes>>20, used>>20)
	}
}
