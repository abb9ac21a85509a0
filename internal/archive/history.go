package archive

// Availability says whether a server keeps a conversation history for an
// account.
type Availability string

// The availabilities.
const (
	// HistoryUnknown: the server has not been asked.
	HistoryUnknown Availability = "unknown"
	// HistoryAvailable: it offers conversationLogs. Whether anything is in them
	// is the organisation's choice and that of the user's other clients.
	HistoryAvailable Availability = "available"
	// HistoryUnavailable: it offers none, so what is not captured live is lost.
	HistoryUnavailable Availability = "unavailable"
)

// History is how far reading an account's conversation history at its server
// has come. A round reads all of it.
type History struct {
	Availability Availability `json:"availability"`
	Checked      Time         `json:"checked"` // our clock when the server last said so
	Begun        Time         `json:"begun"`   // of the round that is not finished; unknown when none is
	// Whole: nothing speaks against the unfinished round's reading all that
	// there is: see HistoryStep.Covers.
	Whole    bool `json:"whole"`
	Round    Time `json:"round"`    // when the last finished round began
	Finished Time `json:"finished"` // and when it was finished
	// Trouble is what last went wrong, in words of the protocol and never a
	// person's; "" since it went well again.
	Trouble   string `json:"trouble"`
	TroubleAt Time   `json:"trouble_at"`
}

// HistoryTask is a resource of the history that is to be read.
type HistoryTask struct {
	Rel string
	URL string // absolute
}

// HistoryStep is one step of a round, to be made durable as a whole: what was
// read is committed with what it leads to, before any of that is asked for.
type HistoryStep struct {
	Account string
	// Observation is what was read; nil when nothing was. It is kept unless
	// Digest is that of the newest version of Resource.
	Observation *Observation
	Resource    string // its place within the application
	Digest      []byte
	Restart     bool          // forget all tasks first
	Done        string        // the URL of the task that is settled; "" for none
	Next        []HistoryTask // what it leads to; what the round has had already is left out
	State       *History      // the state from now on; nil leaves it
	// Covers says that with this step a round is finished that covers the gaps
	// that had ended when it began (State.Round). It read every log that the
	// server listed, and the server holds some or says that it keeps history.
	// That is as much as can be known: it is no promise that the server keeps
	// every conversation, that nobody has deleted any, nor that one that was
	// still going on then had been written down. What went on in another client
	// is filed at any time after: such a gap is covered by its own log alone.
	Covers bool
}

// HistoryCount is what the server counts and what the archive holds.
type HistoryCount struct {
	ServerLogs    int64 `json:"server_logs"` // conversation logs
	ArchiveLogs   int64 `json:"archive_logs"`
	ServerMissed  int64 `json:"server_missed"` // missed conversations
	ArchiveMissed int64 `json:"archive_missed"`
}

// Short reports whether the archive lacks something that the server counts.
func (c HistoryCount) Short() bool {
	return c.ArchiveLogs < c.ServerLogs || c.ArchiveMissed < c.ServerMissed
}
