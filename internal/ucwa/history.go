package ucwa

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"archiver/internal/archive"
)

// Rels of the conversation history (conversationLogs_ref.md and its
// neighbours). Following any other link of these resources could change what
// the user's own clients show: markAsRead, continueMessaging and the like are
// not named here, so that nothing can follow them.
const (
	RelConversationLogs  = "conversationLogs"
	RelConversationLog   = "conversationLog"
	RelTranscripts       = "conversationLogTranscripts"
	RelTranscript        = "conversationLogTranscript"
	RelNextTranscripts   = "nextConversationLogTranscripts"
	RelMissedItems       = "missedItems"
	relCommunication     = "communication"
	historyListNextLinks = "next nextConversationLogs"
)

// Communication is what the communication resource says of the user's
// conversation history (communication_ref.md).
type Communication struct {
	// Logs and MissedItems are hrefs; "" where the server offers none.
	Logs        string
	MissedItems string
	// History is the conversationHistory property: None, Disabled or Enabled;
	// "" when not said.
	History string
}

// wireCommunication is Communication as JSON has it.
type wireCommunication struct {
	Links   Links  `json:"_links"`
	History string `json:"conversationHistory"`
}

func (w wireCommunication) communication() Communication {
	return Communication{Logs: w.Links.Href(RelConversationLogs), MissedItems: w.Links.Href(RelMissedItems), History: w.History}
}

// Communication gets the communication resource of an application, with the
// answer that told of it. An application without one offers nothing. What is
// embedded in the application may offer a history where the resource itself, as
// it was before the user became available, does not yet: either will do. Errors
// are as of Poll, beside the answer that led to them.
func (c *Client) Communication(ctx context.Context, application string) (Communication, Response, error) {
	app, err := c.Fetch(ctx, application)
	if err != nil {
		return Communication{}, app, err
	}
	var w struct {
		Links    Links `json:"_links"`
		Embedded struct {
			Communication wireCommunication `json:"communication"`
		} `json:"_embedded"`
	}
	if err := parseLenient(app.Body, &w); err != nil {
		return Communication{}, app, err
	}
	embedded := w.Embedded.Communication
	href := firstOf(embedded.Links.Href("self"), w.Links.Href(relCommunication))
	if href == "" {
		return embedded.communication(), app, nil
	}
	r, err := c.Fetch(ctx, href)
	if err != nil {
		return Communication{}, r, err
	}
	var own wireCommunication
	if err := parseLenient(r.Body, &own); err != nil {
		return Communication{}, r, err
	}
	if own.Links.Href(RelConversationLogs) == "" && embedded.Links.Href(RelConversationLogs) != "" {
		return embedded.communication(), app, nil
	}
	return own.communication(), r, nil
}

func parseLenient(body []byte, v any) error {
	if err := json.Unmarshal(TrimBOM(body), v, lenient); err != nil {
		return fmt.Errorf("ucwa: read resource: %s: %w", describe(err), archive.ErrInvalid)
	}
	return nil
}

// ConversationLogs is the list of a user's conversation logs
// (conversationLogs_ref.md).
type ConversationLogs struct {
	Logs []string // hrefs, in the server's order
	// Next leads to the rest of the list. No paging is documented; a link of
	// that kind is followed all the same. "" where there is none.
	Next string
}

// ParseTranscripts reads a page leniently, so that one bad entry hides none of
// its neighbours. The error wraps archive.ErrInvalid.
func ParseTranscripts(body []byte) (Transcripts, error) {
	var page Transcripts
	err := parseLenient(body, &page)
	return page, err
}

// ParseConversationLog reads a log leniently. The error wraps
// archive.ErrInvalid.
func ParseConversationLog(body []byte) (ConversationLog, error) {
	var l ConversationLog
	err := parseLenient(body, &l)
	return l, err
}

// ParseMissedItems reads the counts. The error wraps archive.ErrInvalid.
func ParseMissedItems(body []byte) (MissedItems, error) {
	var m MissedItems
	err := parseLenient(body, &m)
	return m, err
}

// ParseConversationLogs reads the list. Logs that are embedded count by their
// self links. The error wraps archive.ErrInvalid.
func ParseConversationLogs(body []byte) (ConversationLogs, error) {
	var w struct {
		Links    Links `json:"_links"`
		Embedded struct {
			Logs OneOrMany[Head] `json:"conversationLog"`
		} `json:"_embedded"`
	}
	if err := parseLenient(body, &w); err != nil {
		return ConversationLogs{}, err
	}
	var list ConversationLogs
	seen := make(map[string]bool)
	add := func(href string) {
		if href != "" && !seen[href] {
			seen[href] = true
			list.Logs = append(list.Logs, href)
		}
	}
	for _, l := range w.Links[RelConversationLog] {
		add(l.Href)
	}
	for _, l := range w.Embedded.Logs {
		add(l.Links.Href("self"))
	}
	for rel := range strings.FieldsSeq(historyListNextLinks) {
		list.Next = firstOf(list.Next, w.Links.Href(rel))
	}
	return list, nil
}

// ConversationLog is one conversation in the user's history
// (conversationLog_ref.md). Its store is Exchange.
type ConversationLog struct {
	Links Links `json:"_links"`
	// Created is when the log reached Exchange, not when the talk began.
	Created    Date     `json:"creationTime"`
	Direction  string   `json:"direction"`
	Importance string   `json:"importance"`
	Modalities []string `json:"modalities"`
	MeetingURI string   `json:"onlineMeetingUri"`
	Status     string   `json:"status"` // Archived or Missed
	Subject    string   `json:"subject"`
	ThreadID   string   `json:"threadId"`
	Recipients int      `json:"totalRecipientsCount"`
	Type       string   `json:"type"` // MessageLog, AudioLog, ConferenceLog, …
	Embedded   struct {
		Recipients OneOrMany[LogRecipient] `json:"conversationLogRecipient"`
	} `json:"_embedded"`
}

// LogRecipient is somebody who took part in a logged conversation
// (conversationLogRecipient_ref.md).
type LogRecipient struct {
	Links Links  `json:"_links"`
	Name  string `json:"displayName"`
	URI   string `json:"sipUri"`
}

// Transcripts is one page of what was said in a logged conversation
// (conversationLogTranscripts_ref.md). More follows at RelNextTranscripts.
type Transcripts struct {
	Links    Links `json:"_links"`
	Embedded struct {
		Transcripts OneOrMany[jsontext.Value] `json:"conversationLogTranscript"`
	} `json:"_embedded"`
}

// Transcript is one entry of a logged conversation, of one of three sorts
// (conversationLogTranscript_ref.md). Its author is its contact link or, when
// it is the user, its me link.
type Transcript struct {
	Links     Links `json:"_links"`
	TimeStamp Date  `json:"timeStamp"`
	Embedded  struct {
		Message *struct {
			Links Links `json:"_links"`
		} `json:"messageTranscript"`
		Audio *struct {
			Status   string         `json:"status"`   // Connected, Ended, Transferred, Unknown
			Duration jsontext.Value `json:"duration"` // of no documented form
		} `json:"audioTranscript"`
		Error *struct {
			Reason string `json:"reason"`
		} `json:"errorTranscript"`
	} `json:"_embedded"`
}

// MissedItems are the server's counts of what the user has missed
// (missedItems_ref.md).
type MissedItems struct {
	Logs          int64  `json:"conversationLogsCount"`
	Missed        int64  `json:"missedConversationsCount"`
	Unread        int64  `json:"unreadMissedConversationsCount"`
	VoiceMails    int64  `json:"voiceMailsCount"`
	UnreadVoice   int64  `json:"unreadVoicemailsCount"`
	Notifications string `json:"conversationLogsNotifications"`
}

// WithLimit adds the parameter limit to the href of conversationLogs, unless
// it has one (conversationLogs_ref.md).
func WithLimit(href string, n int) (string, error) {
	u, err := url.Parse(href)
	if err != nil {
		return "", fmt.Errorf("ucwa: a link is not a URL: %w", archive.ErrInvalid)
	}
	query := u.Query()
	if !query.Has("limit") {
		query.Set("limit", strconv.Itoa(n))
		u.RawQuery = query.Encode()
	}
	return u.String(), nil
}

// InApplication is the place of a resource within its application: its path
// without what names the application, and its query, since pages of one
// resource may differ in nothing else. A resource keeps it when the user's
// next application serves it again, as far as the server's own names last.
func InApplication(href string) string {
	query := ""
	if u, err := url.Parse(href); err == nil && u.RawQuery != "" {
		query = "?" + u.Query().Encode()
	}
	return strings.TrimPrefix(Fold(href), ApplicationHref(href)) + query
}
