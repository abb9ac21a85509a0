package ucwa_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"

	"archiver/internal/ucwa"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const canary = "canary-secret-1"
	s := ucwa.NewSecret(canary)
	if s.Reveal() != canary || (ucwa.Secret{}).Reveal() != "" {
		t.Fatal("Reveal does not give the text")
	}
	type hidden struct{ s ucwa.Secret }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%z"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", hidden{s})
		fmt.Fprintf(&out, verb+"\n", ucwa.Config{Password: s})
	}
	for _, h := range []slog.Handler{
		slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil),
	} {
		slog.New(h).Info("x", "secret", s, "config", ucwa.Config{Password: s}, "hidden", hidden{s})
	}
	b, _ := json.Marshal(map[string]any{"a": s, "b": &s})
	out.Write(b)
	b, _ = jsonv2.Marshal(map[string]any{"a": s, "b": &s})
	out.Write(b)
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Errorf("printed:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "redacted") {
		t.Error("nothing was printed at all")
	}
}
