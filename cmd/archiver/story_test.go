package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"archiver/internal/capture"
	"archiver/internal/store"
	"archiver/internal/ucwa"
	"archiver/internal/ucwa/ucwatest"
	"archiver/testdata"
)

// TestStories captures every scenario of the corpus over HTTP and holds what
// the program tells of it against testdata/story/NAME.txt: every conversation
// as `show` prints it, and what no decoder understood. A rebuild must tell the
// same, to the byte of every list, and every page must answer.
func TestStories(t *testing.T) {
	files, err := testdata.Scenarios.ReadDir("scenarios")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".txtar")
		if name == "demo" || name == "crash" { // long, and about something else
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			playStory(t, dir, name)
			checkGolden(t, filepath.Join("testdata", "story", name+".txt"), tell(t, dir))
			before := everyList(t, dir)
			output(t, dir, "rebuild")
			if diff := cmp.Diff(before, everyList(t, dir)); diff != "" {
				t.Errorf("after a rebuild: %s", diff)
			}
			visitAll(t, startServe(t, dir), dir)
		})
	}
}

// playStory captures a scenario to its end in the server's own time.
func playStory(t *testing.T, dir, name string) {
	t.Helper()
	sc := scenario(t, name)
	server := ucwatest.NewServer(sc)
	defer server.Close()
	p := &program{out: io.Discard, err: io.Discard, env: os.Getenv, now: server.Now, archive: dir}
	a, err := p.openWriter(t.Context(), store.Options{Owner: "test", Captures: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		select {
		case <-server.Drained():
		case <-ctx.Done():
		}
		stop()
	}()
	err = a.capture(ctx, capture.Config{
		Account: sc.Account.URI, SignInAs: "Online", Now: server.Now,
		Client: ucwa.Config{RootURL: server.URL(), Username: strings.TrimPrefix(sc.Account.URI, "sip:"),
			Password: ucwa.NewSecret(sc.Password), Now: server.Now},
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
}

// output is what a command prints.
func output(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), os.Getenv, strings.NewReader(""), &out, &errs, append(args, "--archive", dir)); code != exitOK {
		t.Fatalf("%s: exit %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// idsOf are the ids that a list prints.
func idsOf(list string) (ids []string) {
	for _, m := range regexp.MustCompile(`(?m)^\{"id":"([^"]+)"`).FindAllStringSubmatch(list, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// tell is the archive as a person reads it. Minutes and ids in the log depend on
// how fast the test runs.
func tell(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, id := range idsOf(output(t, dir, "list", "conversations", "--json")) {
		b.WriteString(output(t, dir, "show", id) + "\n")
	}
	b.WriteString("NOT UNDERSTOOD\n")
	for line := range strings.Lines(output(t, dir, "list", "events", "--undecoded")) {
		// What is fetched beside the channel has no fixed place in it.
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] != "ID" && fields[1] != "fetched" {
			b.WriteString(strings.Join(fields[1:], " ") + "\n")
		}
	}
	return regexp.MustCompile(`(\d{2}):\d{2}:\d{2}Z`).ReplaceAllString(b.String(), "${1}h")
}

// everyList is all that `list` prints.
func everyList(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, l := range listings {
		b.WriteString(l.noun + "\n" + output(t, dir, "list", l.noun, "--json"))
	}
	return b.String()
}

// checkGolden compares a text with a file; -update writes the file.
func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; run with -update and review: %s", file, diff)
	}
}

// visitAll asks for every page of an archive.
func visitAll(t *testing.T, base, dir string) {
	t.Helper()
	paths := []string{"/", "/conversations", "/search?q=the", "/people", "/events", "/events?undecoded=1", "/status"}
	for _, id := range idsOf(output(t, dir, "list", "conversations", "--json")) {
		paths = append(paths, "/c/"+id)
	}
	for _, id := range idsOf(output(t, dir, "list", "messages", "--json")) {
		paths = append(paths, "/m/"+id)
	}
	for _, id := range idsOf(output(t, dir, "list", "people", "--json")) {
		paths = append(paths, "/p/"+id)
	}
	for _, id := range idsOf(output(t, dir, "list", "events", "--json")) {
		paths = append(paths, "/events/"+strings.TrimPrefix(id, "e:"))
	}
	for _, id := range idsOf(output(t, dir, "list", "observations", "--json")) {
		paths = append(paths, "/observations/"+strings.TrimPrefix(id, "o:")+"/raw")
	}
	for _, path := range paths {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %d with %d bytes", path, resp.StatusCode, len(body))
		}
	}
}
