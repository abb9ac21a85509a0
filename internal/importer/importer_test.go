package importer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"archiver/internal/archive"
	"archiver/internal/importer"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

const (
	transcript = "../../testdata/transcripts/console.txt"
	ana        = "sip:ana.ruiz@contoso.example"
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

// read imports content as a file and returns the report and the log.
func read(t testing.TB, content string, opts importer.Options) (importer.Report, []archive.Observation) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStore(t)
	report, err := importer.Read(t.Context(), path, s, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report, observations(t, s)
}

func observations(t testing.TB, s *store.Store) []archive.Observation {
	t.Helper()
	all, err := s.ObservationsAfter(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func bodies(all []archive.Observation) []string {
	var out []string
	for _, o := range all {
		out = append(out, string(o.Body))
	}
	return out
}

func lines(all []importer.Line) (out []int) {
	for _, l := range all {
		out = append(out, l.Line)
	}
	return out
}

func TestTranscript(t *testing.T) {
	s := openStore(t)
	report, err := importer.Read(t.Context(), transcript, s, importer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	python := importer.Line{Line: 4, Reason: "a Python dictionary, not JSON"}
	if report.Skipped[3] != python {
		t.Errorf("the dictionary's line: %+v", report.Skipped[3])
	}
	if got, want := lines(report.Skipped), []int{1, 2, 3, 4, 5, 99, 255, 282, 370}; !cmp.Equal(got, want) {
		t.Errorf("skipped lines %v, want %v", got, want)
	}
	want := importer.Report{Path: transcript, Format: "transcript", Observations: 5, Events: 13, New: 5}
	if diff := cmp.Diff(want, report, cmpopts.IgnoreFields(importer.Report{}, "Skipped", "Problems")); diff != "" {
		t.Error(diff)
	}
	if len(report.Problems) > 0 {
		t.Errorf("problems: %v", report.Problems)
	}
	file, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range observations(t, s) {
		if !bytes.Contains(file, append([]byte("\n"), append(o.Body, '\n')...)) {
			t.Errorf("body %d is not in the file as it was stored", i)
		}
		want := archive.Observation{ID: o.ID, Account: ana, Source: archive.SourceImport,
			URL: fmt.Sprintf("/ucwa/oauth/v1/applications/10420777301/events?ack=%d", i+1)}
		if diff := cmp.Diff(want, o, cmpopts.IgnoreFields(archive.Observation{}, "Body", "Bytes", "SHA256")); diff != "" {
			t.Error(diff)
		}
	}
}

// The transcript's thread dates its conversation.
func TestTranscriptThread(t *testing.T) {
	file, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(file), `"threadId": "`)
	thread, _, _ := strings.Cut(rest, `"`)
	if got := ucwa.ThreadTime(thread).String(); got != "2026-03-02T09:15:00Z" {
		t.Errorf("the thread %s began at %s", thread, got)
	}
}

func TestReadTwice(t *testing.T) {
	s := openStore(t)
	for range 2 {
		if _, err := importer.Read(t.Context(), transcript, s, importer.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	report, err := importer.Read(t.Context(), transcript, s, importer.Options{})
	if err != nil || report.New != 0 || report.Duplicates != 5 || len(observations(t, s)) != 5 {
		t.Errorf("%+v, %v", report, err)
	}
}

const (
	one   = `{"_links":{"self":{"href":"/ucwa/v1/applications/9/events?ack=1"},"next":{"href":"/n"}},"sender":[]}`
	two   = `{"sender":[{"rel":"me","href":"/me","events":[{"type":"updated","link":{"rel":"me","href":"/me"}}]}]}`
	three = `{"rel":"note","message":"a } in { text \" and \\"}`
	// wide is a response over several lines.
	wide = "{\n  \"_links\": {\n    \"next\": {\n      \"href\": \"/n\"\n    }\n  },\n  \"sender\": [\n    {\n      \"rel\": \"me\",\n      \"events\": []\n    }\n  ]\n}"
)

func TestBodies(t *testing.T) {
	invalid := "{\"rel\":\"note\",\"message\":\"\xff\xfe\"}"
	twice := `{"rel":"note","rel":"me"}`
	tests := []struct {
		name, content, format string
		want                  []string
		skipped, problems     []int
	}{
		{"one", one, "json", []string{one}, nil, nil},
		{"one over lines", wide + "\n", "json", []string{wide}, nil, nil},
		{"json lines", one + "\n" + two + "\n" + three + "\n", "jsonl", []string{one, two, three}, nil, nil},
		{"json lines without end", one + "\n\n" + two, "jsonl", []string{one, two}, nil, nil},
		{"windows", "> x\r\n" + strings.ReplaceAll(wide, "\n", "\r\n") + "\r\n\r\n> y\r\n", "transcript",
			[]string{strings.ReplaceAll(wide, "\n", "\r\n")}, []int{1, 16}, nil},
		{"byte order marks", "\xef\xbb\xbf" + one + "\n\xef\xbb\xbf" + two, "jsonl", []string{one, two}, nil, nil},
		{"indented", "  text\n\t" + one + "\n", "transcript", []string{one}, []int{1}, nil},
		{"invalid UTF-8 is kept", invalid, "json", []string{invalid}, nil, nil},
		{"duplicate members are kept", twice, "json", []string{twice}, nil, nil},
		{"back to back", one + two + " " + three, "jsonl", []string{one, two, three}, nil, nil},
		{"text around", "DEBUG got " + one + " in 3 ms\nDEBUG got {\nfoo\nbar " + wide + "\n", "transcript", []string{one, wide}, []int{1, 2, 3, 4}, nil},
		{"other JSON", `{"access_token":"x"}` + "\n{}\n[]\n" + two, "transcript", []string{two}, []int{1, 2, 3}, nil},
		{"members of other kinds", `{"_links":1,"sender":"x","rel":[]}` + "\n" + one + "\n" + two, "jsonl", []string{one, two}, []int{1}, nil},
		{"only chatter", "hello\nworld", "transcript", nil, []int{1, 2}, nil},
		{"cut line", one[:50] + "\n" + two + "\n" + three + "\n", "jsonl", []string{two, three}, nil, []int{1}},
		{"cut where a value is due", `{"_links":` + "\n" + two + "\n" + one + "\n", "jsonl", []string{two, one}, nil, []int{1}},
		{"cut at the end", two + "\n" + one[:60], "jsonl", []string{two}, nil, []int{2}},
		{"wrong inside a line", two + "\n" + `{"rel":"me","x":oops}` + "\n" + one + "\n", "jsonl", []string{two, one}, nil, []int{2}},
		{"cut before text", wide[:60] + "\n===== then\n" + wide + "\n", "transcript", []string{wide}, []int{8}, []int{1}},
		{"cut before a response", wide[:60] + "\n" + wide + "\n", "transcript", []string{wide}, nil, []int{1}},
		{"wrong inside", "a\n" + strings.Replace(wide, `"href"`, "href", 1) + "\nb\n" + wide + "\n", "transcript", []string{wide}, []int{1, 15}, []int{2}},
		{"wrong without indentation", unindented(strings.Replace(wide, `"href"`, "href", 1)) + "\nb\n" + one + "\n", "transcript", []string{one}, nil, []int{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, log := read(t, tt.content, importer.Options{})
			if diff := cmp.Diff(tt.want, bodies(log)); diff != "" {
				t.Error("bodies:", diff)
			}
			if report.Format != tt.format {
				t.Errorf("format %q, want %q", report.Format, tt.format)
			}
			if diff := cmp.Diff(tt.problems, lines(report.Problems)); diff != "" {
				t.Error("problems:", diff, report.Problems)
			}
			if tt.skipped == nil && len(report.Problems) > 0 {
				return // which parts of a broken body are listed is not promised
			}
			if diff := cmp.Diff(tt.skipped, lines(report.Skipped)); diff != "" {
				t.Error("skipped:", diff, report.Skipped)
			}
		})
	}
}

func unindented(s string) string {
	out := strings.Split(s, "\n")
	for i := range out {
		out[i] = strings.TrimLeft(out[i], " ")
	}
	return strings.Join(out, "\n")
}

func TestProblemsSayWhere(t *testing.T) {
	report, _ := read(t, "x\n"+wide[:60]+"\n=====\n", importer.Options{})
	want := []importer.Line{{Line: 2, Reason: "a body begins here and cannot be read: at line 9 it is not JSON"}}
	if diff := cmp.Diff(want, report.Problems); diff != "" {
		t.Error(diff)
	}
}

func TestSizes(t *testing.T) {
	body := func(n int) string { return `{"rel":"note","x":"` + strings.Repeat("a", n) + `"}` }
	large := body(10 << 20)
	report, log := read(t, "before\n"+large+"\n"+body(importer.MaxBody)+"\nafter\n"+one+"\n", importer.Options{})
	if diff := cmp.Diff([]string{large, one}, bodies(log)); diff != "" {
		t.Error("the bodies are not those of 10 MiB and after the one that is too large")
	}
	if len(report.Problems) != 1 || report.Problems[0].Line != 3 || !strings.Contains(report.Problems[0].Reason, "32 MiB") {
		t.Errorf("problems: %v", report.Problems)
	}
	if diff := cmp.Diff([]int{1, 4}, lines(report.Skipped)); diff != "" {
		t.Error(diff)
	}
}

func TestLongChatter(t *testing.T) {
	report, log := read(t, strings.Repeat("x", 3<<20)+"\n"+one+"\n"+strings.Repeat("chatter\n", importer.MaxLines+7), importer.Options{})
	if len(log) != 1 || len(report.Skipped) != importer.MaxLines || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "8 more") {
		t.Errorf("%d bodies, %d lines, notes %v", len(log), len(report.Skipped), report.Notes)
	}
}

func TestUTF16(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var file []byte
		for _, u := range utf16.Encode([]rune("\ufeffПривет 😀\r\n" + one + "\r\n")) {
			file = order.AppendUint16(file, u)
		}
		report, log := read(t, string(file), importer.Options{})
		if diff := cmp.Diff([]string{one}, bodies(log)); diff != "" {
			t.Error(diff)
		}
		if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "UTF-16") {
			t.Errorf("notes: %v", report.Notes)
		}
	}
}

func TestAccount(t *testing.T) {
	response := func(app, events string) string {
		return fmt.Sprintf(`{"_links":{"self":{"href":"/ucwa/v1/applications/%s/events?ack=1"},"next":{"href":"/n"}},"sender":[{"rel":"conversation","href":"/c","events":[%s]}]}`, app, events)
	}
	local := func(uri string) string {
		return `{"type":"added","link":{"rel":"localParticipant","href":"/p/opaque"},"_embedded":{"localParticipant":{"uri":"` + uri + `"}}}`
	}
	bare := `{"type":"added","link":{"rel":"localParticipant","href":"/p/Ana.Ruiz@contoso.example"}}`
	invited := `{"type":"started","link":{"rel":"messagingInvitation","href":"/i"},"_embedded":{"messagingInvitation":{"direction":"Incoming","_links":{"to":{"href":"/people/Ana.Ruiz@contoso.example"}}}}}`
	outgoing := strings.Replace(invited, "Incoming", "Outgoing", 1)
	const bo = "sip:bo@contoso.example"
	tests := []struct {
		name, option string
		lines        []string
		want         []string
	}{
		{"local participant", bo, []string{response("1", ""), response("1", local("sip:Ana.Ruiz@Contoso.example"))}, []string{ana, ana}},
		{"local participant by href", "", []string{response("1", bare)}, []string{ana}},
		{"incoming invitation", "", []string{response("1", invited)}, []string{ana}},
		{"local participant outweighs", "", []string{response("1", invited), response("1", local(bo))}, []string{bo, bo}},
		{"outgoing invitation tells nothing", "", []string{response("1", outgoing)}, []string{"ucwa:1"}},
		{"signed in again", "", []string{response("1", local(ana)), response("2", "")}, []string{ana, ana}},
		{"two users", "", []string{response("1", local(ana)), response("2", local(bo)), response("3", "")}, []string{ana, bo, "ucwa:3"}},
		{"two users and an option", "Chi@fabrikam.example", []string{response("1", local(ana)), response("2", local(bo)), response("3", "")},
			[]string{ana, bo, "sip:chi@fabrikam.example"}},
		{"option", "sip:Bo@Contoso.example", []string{response("1", "")}, []string{bo}},
		{"nothing", "", []string{two}, []string{"ucwa:unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, log := read(t, strings.Join(tt.lines, "\n"), importer.Options{Account: tt.option})
			var got []string
			for _, o := range log {
				got = append(got, o.Account)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, []byte("\xef\xbb\xbf\r\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		dir:                       archive.ErrInvalid,
		empty:                     archive.ErrInvalid,
		filepath.Join(dir, "no"):  archive.ErrNotFound,
		filepath.Join(empty, "x"): archive.ErrUnavailable,
		"-":                       archive.ErrInvalid, // there is no standard input
	} {
		report, err := importer.Read(t.Context(), path, nil, importer.Options{})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) || report.Path != path {
			t.Errorf("%s: %v, want one that is %v and names the file", path, err, want)
		}
	}
}

func TestStdinAndProgress(t *testing.T) {
	s := openStore(t)
	var last, total int64
	report, err := importer.Read(t.Context(), "-", s, importer.Options{
		Stdin: strings.NewReader(one + "\n"),
		Progress: func(read, of int64) {
			if read < last {
				t.Errorf("progress went back from %d to %d", last, read)
			}
			last, total = read, of
		},
	})
	if err != nil || report.New != 1 || report.Path != "-" {
		t.Errorf("%+v, %v", report, err)
	}
	if size := int64(len(one) + 1); last != size || total != size {
		t.Errorf("progress ended at %d of %d, want %d", last, total, size)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := importer.Read(ctx, transcript, openStore(t), importer.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled import: %v", err)
	}
}

// Files that look like bodies everywhere and hold none are read to their end,
// in time that does not grow with the square of their size: else this test
// would take hours.
func TestHostileFiles(t *testing.T) {
	const n = 50_000
	for name, content := range map[string]string{
		"text that opens objects": strings.Repeat(`x {"a":[`+"\n", n),
		"lines that open objects": strings.Repeat(`{"a":`+"\n", n),
		"one line":                strings.Repeat(`{"a":`, n),
		"open braces":             strings.Repeat("{\n", n),
		"blanks":                  strings.Repeat("x"+strings.Repeat(" \n", 100), n/10),
	} {
		report, log := read(t, content+"\n\n"+two, importer.Options{})
		if len(log) != 1 || len(report.Skipped)+len(report.Problems) == 0 {
			t.Errorf("%s: %d bodies, %d lines skipped, %d problems", name, len(log), len(report.Skipped), len(report.Problems))
		}
	}
}

// Whatever a file holds, what is imported from it stands in it.
func FuzzRead(f *testing.F) {
	file, err := os.ReadFile(transcript)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(one + "\n" + wide[:50] + "\n" + two))
	f.Add([]byte(`{"archiver":"export","version":1}` + "\n" + `{"archiver":"end"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "input")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := importer.Read(t.Context(), path, &witness{t, content}, importer.Options{})
		if err != nil && !errors.Is(err, archive.ErrInvalid) {
			t.Error(err)
		}
		if report.New != report.Observations {
			t.Errorf("%+v", report)
		}
	})
}

// witness is a log that compares bodies with the file they come from.
type witness struct {
	t       *testing.T
	content []byte
}

func (w *witness) EnsureAccount(context.Context, string, string) error { return nil }

func (w *witness) AppendGap(context.Context, archive.Gap) (archive.GapID, error) { return 1, nil }

func (w *witness) AppendObservations(_ context.Context, obs []archive.Observation, _ *archive.Cursor) ([]archive.Appended, error) {
	out := make([]archive.Appended, len(obs))
	for i, o := range obs {
		verbatim := o.SHA256 == "" && !bytes.HasPrefix(w.content, []byte("\xff\xfe")) && !bytes.HasPrefix(w.content, []byte("\xfe\xff"))
		if verbatim && !bytes.Contains(w.content, o.Body) {
			w.t.Errorf("a body that is not in the file: %q", o.Body)
		}
		out[i].New = true
	}
	return out, nil
}
