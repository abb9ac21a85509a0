package ucwa

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"archiver/internal/archive"
)

// A Conversation-Index starts with the six high bytes of a FILETIME, then a
// GUID: 22 bytes, with 5 more for every reply (PidTagConversationIndex,
// MS-OXOMSG 2.2.1.3).
const (
	indexHeader = 22
	indexReply  = 5
)

// filetimeUnix is 1970-01-01 as a FILETIME: 100 ns units since 1601-01-01.
const filetimeUnix = 116444736000000000

// ThreadTime reads the moment a thread began out of a threadId that is a
// Conversation-Index, as desktop clients make them. Six bytes of a FILETIME
// resolve 6.5 ms; the result is cut to the second they allow. It is unknown
// for a threadId of any other form, such as the 32 hex digits UCWA makes.
func ThreadTime(threadID string) archive.Time {
	b, err := base64.StdEncoding.DecodeString(threadID)
	if err != nil || len(b) < indexHeader || (len(b)-indexHeader)%indexReply != 0 {
		return archive.Time{}
	}
	var ft [8]byte
	copy(ft[:6], b)
	units := int64(binary.BigEndian.Uint64(ft[:])) - filetimeUnix
	t := time.Unix(units/1e7, 0).UTC()
	if t.Year() < 1995 || t.Year() > 2100 {
		return archive.Time{}
	}
	return archive.At(t)
}
