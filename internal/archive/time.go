package archive

import (
	"encoding/json"
	"fmt"
	"time"
)

// Time is a moment in UTC with a resolution of a nanosecond. The zero Time is
// an unknown moment, which JSON writes as null.
type Time struct{ time.Time }

// At is t as a Time: in UTC and without a monotonic reading.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.Round(0).UTC()}
}

// FromNanos is the inverse of Nanos.
func FromNanos(n int64) Time { return Time{time.Unix(0, n).UTC()} }

// Nanos is the time in nanoseconds since 1970-01-01T00:00:00Z. It is
// meaningless for an unknown time.
func (t Time) Nanos() int64 { return t.UnixNano() }

// Known reports whether the moment is known.
func (t Time) Known() bool { return !t.IsZero() }

// String is RFC 3339 with up to nine decimals, or "unknown".
func (t Time) String() string {
	if !t.Known() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// MarshalJSON writes RFC 3339 in UTC, or null for an unknown time.
func (t Time) MarshalJSON() ([]byte, error) {
	if !t.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(t.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = Time{}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	parsed, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Errorf("archive: time %q: %w", s, ErrInvalid)
	}
	*t = At(parsed)
	return nil
}

// TimeSource says where a time came from.
type TimeSource string

// The sources of a time, best first.
const (
	// FromServer: the payload said so.
	FromServer TimeSource = "server"
	// FromReceipt: our clock when the response arrived.
	FromReceipt TimeSource = "received"
	// FromThread: read out of the threadId, which can be a Conversation-Index.
	FromThread TimeSource = "thread"
	// FromOrder: the time is unknown and bounded only by its neighbours.
	FromOrder TimeSource = "order"
)

// Dated is a time with its source. Its zero value is a thing that has not
// happened: no time and no source.
type Dated struct {
	Time   Time
	Source TimeSource
}
