package check_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"archiver/internal/archive"
	"archiver/internal/check"
	"archiver/internal/decode"
)

func TestCorpusIsAlwaysTheSame(t *testing.T) {
	first := slices.Collect(check.Corpus{Seed: 1, Messages: 200}.Bodies())
	again := slices.Collect(check.Corpus{Seed: 1, Messages: 200}.Bodies())
	other := slices.Collect(check.Corpus{Seed: 2, Messages: 200}.Bodies())
	if !slices.EqualFunc(first, again, bytes.Equal) {
		t.Error("the same seed gave other bytes")
	}
	if slices.EqualFunc(first, other, bytes.Equal) {
		t.Error("another seed gave the same bytes")
	}
}

// The corpus is what it says: everything in it is decoded, and it has the
// number of messages and the sizes that figures are quoted for.
func TestCorpus(t *testing.T) {
	const messages = 5000
	var size, events, texts, html, cyrillic, failed int
	open := map[string]bool{}
	for body := range (check.Corpus{Seed: 1, Messages: messages}).Bodies() {
		size += len(body)
		for _, d := range decode.Observation(archive.Observation{ID: 1, Account: check.Account, Body: body}) {
			events++
			if !d.Event.Decoded {
				failed++
			}
			for _, c := range d.Changes {
				var text *archive.Text
				switch c := c.(type) {
				case archive.InvitationChange:
					text = c.Text
				case archive.MessageChange:
					text = c.Text
				case archive.ConversationChange:
					open[c.Href] = !c.Deleted
				}
				if text == nil {
					continue
				}
				texts++
				if text.HTML != "" {
					html++
				}
				if strings.ContainsAny(text.Plain, "абвгд") {
					cyrillic++
				}
			}
		}
	}
	for _, is := range open {
		if is {
			t.Error("a conversation is still open at the end")
			break
		}
	}
	if texts != messages || failed > 0 {
		t.Errorf("%d texts, want %d; %d events of %d were not decoded", texts, messages, failed, events)
	}
	if mean := size / messages; mean < 2100 || mean > 2500 {
		t.Errorf("%d bytes a message, want about 2,333", mean)
	}
	if html < messages/2 || html > messages*7/10 || cyrillic < messages/100 {
		t.Errorf("%d with HTML, %d in Cyrillic of %d", html, cyrillic, messages)
	}
}

func BenchmarkCorpus(b *testing.B) {
	for body := range (check.Corpus{Seed: 1, Messages: b.N}).Bodies() {
		b.SetBytes(int64(len(body)))
	}
}
