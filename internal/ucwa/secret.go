package ucwa

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would be printed.
const redacted = "[redacted]"

// Secret is a password or a token. Formatting, logging and marshalling it
// gives a constant; only Reveal gives the text. Copies are the same secret: a
// password that was refused is so for all of them.
type Secret struct {
	// A pointer, because fmt prints an unexported field of another struct by
	// reflection and without asking its methods: then it prints an address.
	text  *string
	tries *tries
}

// NewSecret makes a secret of text.
func NewSecret(text string) Secret { return Secret{text: &text, tries: &tries{}} }

// Reveal is the text, "" for the zero Secret. It belongs into a request and
// nowhere else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is a constant.
func (Secret) String() string { return redacted }

// GoString is a constant.
func (Secret) GoString() string { return redacted }

// Format prints a constant for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is a constant.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes a constant.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText writes a constant.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
