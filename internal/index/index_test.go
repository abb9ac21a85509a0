package index_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"archiver/internal/archive"
	"archiver/internal/index"
	"archiver/internal/query"
)

func corpus() *source {
	s := newSource()
	for _, m := range [][3]string{
		{"bo", "plan", "The release notes are in launch-plan_v3.xlsx"},                            // 1
		{"chi", "plan", "会議の資料を送りました。東京タワーで会いましょう"},                                               // 2
		{"bo", "plan", "notes: release it to the café at 12:30, see http://x.example:8080/a?b=1"}, // 3
		{"dee", "bugs", "HRN-482 crashes in C++ when x < 3 && y > 2 🙂"},                           // 4
		{"dee", "bugs", "Löwe, ÇA VA? to be or not to be"},                                        // 5
		{"bo", "bugs", "mail eli.navarro@contoso.example about #42"},                              // 6
		{"chi", "bugs", "한국어 회의 자료"},                                                              // 7
		{"eve", "bugs", `<script>alert("x")</script> & <mark>mine</mark>`},                        // 8
	} {
		s.write(m[0], m[1], m[2])
	}
	return s
}

func TestSearch(t *testing.T) {
	x := open(t, t.TempDir(), corpus())
	for query, want := range map[string]string{
		"":                                   "8 7 6 5 4 3 2 1",
		"release":                            "3 1",
		"RELEASE notes":                      "3 1",
		`"release notes"`:                    "1",
		`"notes release"`:                    "3",
		"cafe":                               "3",
		"CAFÉ":                               "3",
		"lowe":                               "5",
		"ça":                                 "5",
		`"to be or not to be"`:               "5",
		"会議":                                 "2",
		"東京タワー":                              "2",
		"京タワ":                                "2",
		"資":                                  "2",
		"議会":                                 "",
		"회의":                                 "7",
		"hrn-482":                            "4",
		"482":                                "4",
		"482-hrn":                            "",
		"launch-plan_v3.xlsx":                "1",
		"plan v3":                            "1",
		"eli.navarro@contoso.example":        "6",
		"navarro":                            "6",
		"http://x.example:8080/a?b=1":        "3",
		"12:30":                              "3",
		"C++":                                "4",
		"#42":                                "6",
		"🙂":                                  "4",
		"release -café":                      "1",
		"from:bo":                            "6 3 1",
		"from:bo,chi in:bugs":                "7 6",
		"from:nobody":                        "",
		"-from:bo in:plan":                   "2",
		"release from:dee":                   "",
		"after:2026-03-02T12:00:00Z":         "8 7 6 5 4",
		"before:2026-03-02T12:00:00Z":        "3 2 1",
		"release after:2026-03-02T09:00:01Z": "3",
		"script alert":                       "8",
		"-!!":                                "8 7 6 5 4 3 2 1",
		"on:2026-03-02T10:00:00Z":            "2",
		"release after:1600 before:9999":     "3 1",
		"after:2500":                         "",
		"before:1500":                        "",
		"nothing":                            "",
	} {
		if got := found(t, x, query); got != want {
			t.Errorf("%q found %q, want %q", query, got, want)
		}
	}
}

func TestSnippets(t *testing.T) {
	x := open(t, t.TempDir(), corpus())
	for query, want := range map[string]string{
		"script":     `&lt;<mark>script</mark>&gt;alert(&#34;x&#34;)&lt;/<mark>script</mark>&gt; &amp; &lt;mark&gt;mine&lt;/mark&gt;`,
		"cafe":       "<mark>café</mark>",
		`"to be or"`: "<mark>to</mark> <mark>be</mark> <mark>or</mark> not to be",
		"京タワ":        "東<mark>京タワ</mark>ーで",
		"会 う":        "東京タワーで<mark>会</mark>いましょ<mark>う</mark>",
	} {
		hits := search(t, x, archive.SearchRequest{Query: query}).Hits
		if len(hits) != 1 || !strings.Contains(hits[0].Snippet, want) {
			t.Errorf("%q: %d hits, snippet %q, want %q", query, len(hits), hits[0].Snippet, want)
		}
	}
	s := newSource()
	s.write("bo", "long", strings.Repeat("before it ", 100)+"needle"+strings.Repeat(" after it", 100))
	snippet := search(t, open(t, t.TempDir(), s), archive.SearchRequest{Query: "needle"}).Hits[0].Snippet
	if !strings.HasPrefix(snippet, "…") || !strings.HasSuffix(snippet, "…") || !strings.Contains(snippet, "<mark>needle</mark>") || len(snippet) > 250 {
		t.Errorf("snippet of a long message: %q", snippet)
	}
}

func TestResult(t *testing.T) {
	s := corpus()
	s.gaps = 90
	x := open(t, t.TempDir(), s)
	s.write("bo", "plan", "not indexed yet: release")
	r := search(t, x, archive.SearchRequest{Query: "release  after:2026-03-02", Sort: archive.SortOldest, Limit: 1, Offset: 1})
	if r.Total != 2 || len(r.Hits) != 1 || r.Hits[0].ID != "m:3" || r.Parsed != "release after:2026-03-02" ||
		r.Index.Documents != 8 || r.Index.Behind != 1 || r.UncoveredSeconds != 90 || r.Hits[0].ConversationTitle != "about c:plan" ||
		r.Range.After.String() != "2026-03-02T00:00:00Z" || r.Range.Before.Known() {
		t.Errorf("%+v", r)
	}
	best := search(t, x, archive.SearchRequest{Query: "release", Sort: archive.SortRelevance})
	if best.Hits[0].Score <= 0 || best.Hits[0].Score < best.Hits[1].Score {
		t.Errorf("scores %v then %v", best.Hits[0].Score, best.Hits[1].Score)
	}
	_, err := x.Search(t.Context(), archive.SearchRequest{Query: "form:bo"})
	var e *query.Error
	if !errors.Is(err, archive.ErrInvalid) || !errors.As(err, &e) || e.Position() != 0 {
		t.Errorf("a wrong query: %v", err)
	}
}

// What is the same word, and what is not, in scripts other than Latin and among
// symbols.
func TestScripts(t *testing.T) {
	s := newSource()
	for _, text := range []string{
		"パパが来た",   // 1
		"ハハが来た",   // 2
		"I ❤️ it", // 3: with a variation selector
		"I ❤ it",  // 4
		"Łódź, Ørsted, Straße, ΟΔΟΣ, İzmir", // 5
		"thumbs 👍🏽 up",                      // 6
		"हिन्दी में लिखा",                   // 7
		"foo 会議 bar",                        // 8
		"bar 会議 foo",                        // 9
		"ｶﾞｽ ＡＢＣ１２３",                        // 10: half and full width
		"שָׁלוֹם مُحَمَّد",                  // 11: with vowels
		"e\u0301te\u0301 naïve",             // 12: decomposed
	} {
		s.write("bo", "words", text)
	}
	x := open(t, t.TempDir(), s)
	for query, want := range map[string]string{
		"パパ": "1", "ハハ": "2", "か来": "", "❤": "4 3", "❤️": "4 3", "👍": "6", "👍🏿": "6",
		"lodz orsted strasse": "5", "STRASSE": "5", "οδος": "5", "izmir": "5",
		"हिन्दी": "7", "हन्द": "", `"foo 会議 bar"`: "8", `"foo bar"`: "", "会議 foo": "9 8",
		"ガス": "10", "abc123": "10", "ＡＢＣ１２３": "10", "שלום": "11", "محمد": "11", "été naive": "12", "ete": "12",
		"会議\u3000bar": "9 8",
	} {
		if got := found(t, x, query); got != want {
			t.Errorf("%q found %q, want %q", query, got, want)
		}
	}
}

// However a message is cut, its match is shown and no character is torn.
func TestSnippetCuts(t *testing.T) {
	const family = "👩\u200d👩\u200d👧\u200d👦"
	for _, text := range []string{
		strings.Repeat("字", 300) + "会議" + strings.Repeat("字", 300),
		strings.Repeat("y", 100) + " a b会議" + strings.Repeat("字", 300),
		strings.Repeat("x", 400) + " 会議",
		"会議" + strings.Repeat(" x", 400),
		strings.Repeat(family, 60) + "会議" + strings.Repeat(family, 60),
		strings.Repeat("👍🏽", 90) + "会議" + strings.Repeat("e\u0301", 190),
	} {
		s := newSource()
		s.write("bo", "long", text)
		got := search(t, open(t, t.TempDir(), s), archive.SearchRequest{Query: "会議"}).Hits[0].Snippet
		inner := strings.Trim(strings.ReplaceAll(strings.ReplaceAll(got, "<mark>", ""), "</mark>", ""), "…")
		before, _, found := strings.Cut(text, inner)
		if !strings.Contains(got, "<mark>会議</mark>") || !found {
			t.Errorf("%q of %q", got, text)
		}
		if rest := strings.TrimPrefix(text[len(before):], inner); strings.Count(inner, "👩") != 2*strings.Count(inner, "👦") ||
			strings.HasPrefix(rest, "\u0301") || strings.HasPrefix(inner, "🏽") || strings.HasPrefix(rest, "🏽") {
			t.Errorf("a character is torn: %q", got)
		}
	}
}

// A message whose time is unknown is found, but in no range of time.
func TestUnknownTime(t *testing.T) {
	s := corpus()
	s.messages[0].Time = archive.Time{}
	x := open(t, t.TempDir(), s)
	if got := found(t, x, "release"); got != "3 1" {
		t.Errorf("without a date: %q", got)
	}
	if got := found(t, x, "release after:2000"); got != "3" {
		t.Errorf("with a date: %q", got)
	}
}

func TestFollow(t *testing.T) {
	s, dir := corpus(), t.TempDir()
	x := open(t, dir, s)
	e := s.write("bo", "plan", "first words")
	follow(t, x)
	s.rewrite(e, "other words")
	follow(t, x)
	if got := found(t, x, "words") + "|" + found(t, x, "first"); got != "9|" {
		t.Errorf("after a message changed: %q", got)
	}
	if x.Watermark() != s.decoded {
		t.Errorf("watermark %s, want %s", x.Watermark(), s.decoded)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, s)
	if again.Watermark() != s.decoded || found(t, again, "words") != "9" {
		t.Errorf("after reopening: watermark %s, found %q", again.Watermark(), found(t, again, "words"))
	}
	before := found(t, again, "to")
	if err := again.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := found(t, again, "to"); got != before || again.Watermark() != s.decoded {
		t.Errorf("after a rebuild %q is found, before %q", got, before)
	}
}

// An index of another form is made anew, and the old one removed.
func TestAnotherForm(t *testing.T) {
	s, dir := corpus(), t.TempDir()
	if err := open(t, dir, s).Close(); err != nil {
		t.Fatal(err)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*-1"))
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	old := filepath.Join(dir, "0ld0f0rm-7")
	if err := os.Rename(made[0], old); err != nil {
		t.Fatal(err)
	}
	if got := found(t, open(t, dir, s), "release"); got != "3 1" {
		t.Errorf("found %q", got)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old index is still there: %v", err)
	}
}

// A second process can search while the first one writes.
func TestReadBesideWriter(t *testing.T) {
	s, dir := corpus(), t.TempDir()
	x := open(t, dir, s)
	reader, err := index.OpenReadOnly(t.Context(), dir, s, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got := found(t, reader, "release"); got != "3 1" {
		t.Errorf("beside the writer: %q", got)
	}
	s.write("bo", "plan", "release again")
	follow(t, x)
	if got := found(t, x, "release"); got != "9 3 1" {
		t.Errorf("the writer: %q", got)
	}
	if r := search(t, reader, archive.SearchRequest{Query: "release"}); r.Index.Behind != 1 {
		t.Errorf("the reader does not know that it is behind: %+v", r.Index)
	}
	for found(t, reader, "release") != "9 3 1" { // it looks again after a second
		if t.Context().Err() != nil {
			t.Fatal("the reader never looked again")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Whatever happens to the files, the answer is right or an error; never wrong.
func TestDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 200 {
		s, dir := corpus(), t.TempDir()
		if err := open(t, dir, s).Close(); err != nil {
			t.Fatal(err)
		}
		what := damage(t, dir, rng, i%3)
		x, err := index.Open(t.Context(), dir, s, index.Options{})
		if err != nil {
			t.Errorf("%s: it is not made anew: %v", what, err)
			continue
		}
		for q, want := range map[string]string{"release": "3 1", "from:bo": "6 3 1", "会議": "2"} {
			r, err := x.Search(t.Context(), archive.SearchRequest{Query: q, Limit: -1})
			if err != nil {
				continue
			}
			var ids []string
			for _, h := range r.Hits {
				ids = append(ids, strings.TrimPrefix(h.ID, "m:"))
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("%s: %q finds %q, want %q", what, q, got, want)
			}
		}
		_ = x.Close() // may fail on damaged files
	}
}

// damage removes, cuts or changes one file of the index.
func damage(t *testing.T, dir string, rng *rand.Rand, how int) string {
	t.Helper()
	var files []string
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	path := files[rng.IntN(len(files))]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case 0:
		err = os.Remove(path)
	case 1:
		err = os.WriteFile(path, b[:rng.IntN(len(b))], 0o600)
	case 2:
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s of %s", []string{"removal", "truncation", "a flipped bit"}[how], filepath.Base(path))
}
