package main

import "testing"

// The inspector shows an entry by itself, whether it came in a batch or on a
// page of the server's history.
func TestRawEvents(t *testing.T) {
	const batch = `{"sender":[{"rel":"me","events":[{"n":1},{"n":2}]},{"rel":"people","events":[{"n":3}]}]}`
	const page = `{"rel":"conversationLogTranscripts","_embedded":{"conversationLogTranscript":[{"n":1},{"n":2}]}}`
	for _, tt := range []struct {
		body     string
		position int
		want     string
	}{
		{batch, 1, `{"n":1}`}, {batch, 3, `{"n":3}`}, {batch, 4, batch},
		{page, 1, page}, {page, 2, `{"n":1}`}, {page, 3, `{"n":2}`}, {page, 4, page},
		{`{"rel":"participant"}`, 1, `{"rel":"participant"}`}, {`<html>`, 1, `<html>`},
	} {
		if got := string(rawEvent([]byte(tt.body), tt.position)); got != tt.want {
			t.Errorf("event %d of %s is %s, want %s", tt.position, tt.body, got, tt.want)
		}
	}
}
