package capture_test

import (
	"bytes"

	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"archiver/internal/archive"
	"archiver/internal/capture"
)

// Answers that are anything but a batch, one after every good one: none breaks
// capture down, the exact bytes of each are in the log, everything good comes
// in between, and all of it can be decoded. ARCHIVER_LONG=1 sends 10,000.
func TestMalformedAnswers(t *testing.T) {
	number := 2000
	if os.Getenv("ARCHIVER_LONG") != "" {
		number = 10_000
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.garbled = true
		rng := rand.New(rand.NewPCG(1, 5))
		sent, bad := []string{}, false
		f.intercept = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			if bad = !bad; !bad || len(sent) == number {
				if len(sent) < number {
					f.tell(message(len(sent)))
				}
				return false
			}
			body := malformed(rng, f.links("next", f.expect+1, []string{message(1e6 + len(sent))}), len(sent))
			sent = append(sent, body)
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = w.Write([]byte(body))
			return true
		}
		r := f.start(f.config())
		sentSoFar := func() (n int) {
			f.set(func() { n = len(sent) })
			return n
		}
		for begun := time.Now(); sentSoFar() < number && time.Since(begun) < 1000*time.Hour; {
			pass(10 * time.Minute)
		}
		pass(10 * time.Minute)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		kept, said := make(map[string]int), 0
		for _, o := range f.log.observations(archive.SourceCapture) {
			kept[string(o.Body)]++
			for said < len(f.history) && strings.Contains(string(o.Body), f.history[said]) {
				said++
			}
		}
		for i, body := range sent {
			if kept[body] != 1 {
				t.Errorf("malformed answer %d is in the log %d times: %.200q", i, kept[body], body)
			}
		}
		if len(sent) != number || said != len(f.history) || said < number/2 {
			t.Errorf("%d malformed answers, %d of %d good events kept", len(sent), said, len(f.history))
		}
		done, err := capture.Project(t.Context(), capture.Projection{Archive: f.log})
		if err != nil || done.Through != archive.ObservationID(len(f.log.obs)) || done.Failed == 0 {
			t.Errorf("decoded %+v, error %v", done, err)
		}
	})
}

// malformed makes a batch into something else. n keeps answers apart.
func malformed(rng *rand.Rand, batch string, n int) string {
	b := []byte(batch)
	sender := bytes.Index(b, []byte(`"sender"`))
	inside := func() int { return sender + 10 + rng.IntN(len(b)-sender-10) } // links stay links
	insert := func(at int, s string) string { return string(b[:at]) + s + string(b[at:]) }
	mark := fmt.Sprintf(`,"n":%d}`, n)
	whole := strings.TrimSuffix(batch, "}") + mark
	switch n % 12 {
	case 0: // cut off, also in the middle of a number or an escape
		return fmt.Sprintf(`{"n":%d,`, n) + batch[1:1+rng.IntN(len(batch)-1)]
	case 1: // of other types
		member := []string{`"sender":[`, `"_links":{`, `"href":"`, `"events":[`}[rng.IntN(4)]
		return strings.Replace(whole, member, member[:len(member)-1]+[]string{`7,"x":`, `null,"x":`, `"s","x":`, `[{}],"x":`}[rng.IntN(4)]+member[len(member)-1:], 1)
	case 2: // deep
		depth := 1 + rng.IntN(12_000)
		return strings.Replace(whole, `"sender":[`, `"x":`+strings.Repeat("[", depth)+strings.Repeat("]", rng.IntN(depth+1))+`,"sender":[`, 1)
	case 3: // not UTF-8
		return insert(inside(), []string{"\xff\xfe", "\xc3\x28", "\xed\xa0\x80", "\xf4\x90\x80\x80"}[rng.IntN(4)]+fmt.Sprint(n))
	case 4: // members twice
		return strings.Replace(strings.Replace(whole, `"type":`, `"type":"deleted","type":`, 1), `"rel":`, `"rel":"x","rel":`, 1+rng.IntN(4))
	case 5: // huge numbers
		return strings.Replace(whole, `"sender":[`, `"x":[`+[]string{"1e999999", "-" + strings.Repeat("9", 5000), "0." + strings.Repeat("0", 5000) + "1", "1E+400"}[rng.IntN(4)]+`],"sender":[7,`, 1)
	case 6: // a page
		return fmt.Sprintf("<!DOCTYPE html><html><body>%d %s</body></html>", n, batch)
	case 7: // next to nothing
		return strings.Repeat(" ", n) + []string{"", "null", "[]", "{}", "0", `"x"`, "\xef\xbb\xbf", "\x00"}[rng.IntN(8)]
	case 8: // bytes changed at random
		for range 1 + rng.IntN(8) {
			b[inside()] = byte(rng.IntN(256))
		}
		return string(b) + fmt.Sprintf("%*d", n%7, n)
	case 9: // noise
		noise := make([]byte, 16+rng.IntN(2000))
		for i := range noise {
			noise[i] = byte(rng.IntN(256))
		}
		return string(noise)
	case 10: // links that lead nowhere
		href, _ := json.Marshal([]string{"http://[::1", "https://fabrikam.example/events?ack=3", "javascript:alert(1)", "//fabrikam.example/x",
			strings.Repeat("a", 70_000), "\x00", "http://user:pass@127.0.0.1/x", "%zz"}[rng.IntN(8)])
		return fmt.Sprintf(`{"_links":{"next":{"href":%s}},"sender":[],"n":%d}`, href, n)
	default: // more after the end
		return whole + []string{"}", "{}", "garbage", "\x00", ",", `{"_links":{}}`}[rng.IntN(6)]
	}
}
