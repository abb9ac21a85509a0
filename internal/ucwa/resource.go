package ucwa

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
)

// Conversation is the conversation resource (conversation_ref.md).
type Conversation struct {
	Links      Links  `json:"_links"`
	State      string `json:"state"`
	ThreadID   string `json:"threadId"`
	Subject    string `json:"subject"`
	Importance string `json:"importance"`
	Created    Date   `json:"created"`
}

// Participant is the participant resource, local or remote
// (participant_ref.md, localParticipant_ref.md).
type Participant struct {
	Links         Links  `json:"_links"`
	Name          string `json:"name"`
	URI           string `json:"uri"`
	SourceNetwork string `json:"sourceNetwork"`
	Role          string `json:"role"`
	Anonymous     bool   `json:"anonymous"`
}

// Invitation holds what all invitation resources have in common
// (messagingInvitation_ref.md and its siblings).
type Invitation struct {
	Links      Links  `json:"_links"`
	Direction  string `json:"direction"`
	State      string `json:"state"`
	Importance string `json:"importance"`
	Subject    string `json:"subject"`
	ThreadID   string `json:"threadId"`
	To         string `json:"to"`
	Embedded   struct {
		From                  *Participant           `json:"from"`
		AcceptedByParticipant OneOrMany[Participant] `json:"acceptedByParticipant"`
	} `json:"_embedded"`
}

// Message is the message resource (message_ref.md).
type Message struct {
	Links     Links  `json:"_links"`
	Direction string `json:"direction"`
	TimeStamp Date   `json:"timeStamp"`
	Status    string `json:"status"`
}

// Modality is what messaging, phoneAudio, audioVideo, applicationSharing and
// dataCollaboration have in common.
type Modality struct {
	Links Links  `json:"_links"`
	State string `json:"state"`
}

// Policies are what an administrator allows and wishes (policies_ref.md), as
// far as it concerns an archive.
type Policies struct {
	SaveMessagingHistory string `json:"saveMessagingHistory"` // Enabled, Disabled or None; "" when not said
}

// Parse reads a resource strictly into v. Unknown members are passed over. The
// error wraps archive.ErrInvalid and holds no text from the body.
func Parse(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("ucwa: read resource: %s: %w", describe(err), archive.ErrInvalid)
	}
	return nil
}

// Date is a moment as UCWA writes it: "/Date(1521638897041)/", milliseconds
// since 1970, sometimes with a zone suffix that changes nothing, or ISO 8601.
// The zero Date is unknown.
type Date struct{ time.Time }

// UnmarshalJSONFrom reads a date. A value of another form is an error, so that
// a time is never guessed.
func (d *Date) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	var s string
	if err := json.UnmarshalDecode(dec, &s); err != nil {
		return err
	}
	t, err := parseDate(s)
	d.Time = t
	return err
}

func parseDate(s string) (time.Time, error) {
	if inner, ok := strings.CutPrefix(s, "/Date("); ok {
		inner, closed := strings.CutSuffix(inner, ")/")
		digits := strings.TrimLeft(inner, "-")
		if i := strings.IndexAny(digits, "+-"); i >= 0 {
			inner = inner[:len(inner)-len(digits)+i]
		}
		ms, err := strconv.ParseInt(inner, 10, 64)
		if err != nil || !closed {
			return time.Time{}, errDate
		}
		return time.UnixMilli(ms).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errDate
}

var errDate = errors.New("a date of unknown form")

// describe says what is wrong with JSON without quoting any of it: an error of
// the JSON library may hold a member's name or value.
func describe(err error) string {
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			return fmt.Sprintf("the same member twice at byte %d", syn.ByteOffset)
		case strings.Contains(err.Error(), "UTF-8"):
			return fmt.Sprintf("invalid UTF-8 at byte %d", syn.ByteOffset)
		case strings.Contains(err.Error(), "unexpected EOF"):
			return fmt.Sprintf("it breaks off at byte %d", syn.ByteOffset)
		}
		return fmt.Sprintf("not JSON at byte %d", syn.ByteOffset)
	}
	var sem *json.SemanticError
	if errors.As(err, &sem) {
		return fmt.Sprintf("a value of an unexpected kind at byte %d", sem.ByteOffset)
	}
	return "unreadable JSON"
}

// Head is what every resource says of itself.
type Head struct {
	Links Links  `json:"_links"`
	Rel   string `json:"rel"`
}

// ParseHead reads a resource's name and self link leniently. The error wraps
// archive.ErrInvalid.
func ParseHead(raw []byte) (Head, error) {
	var h Head
	if err := json.Unmarshal(TrimBOM(raw), &h, lenient); err != nil {
		return Head{}, fmt.Errorf("ucwa: read resource: %s: %w", describe(err), archive.ErrInvalid)
	}
	return h, nil
}
