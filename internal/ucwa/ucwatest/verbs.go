package ucwatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// verb is one kind of step.
type verb struct {
	usage       string
	help        string
	least, most int    // arguments
	options     string // names of key=value words, between blanks
	play        func(*story, step) error
}

// verbs is the table of steps. CONV names a conversation within the scenario,
// WHO a person's key, or "me" for the account.
var verbs = map[string]verb{
	"account": {"ADDRESS NAME [password=…]", "whose history it is", 2, 2, " password ", nil},
	"person":  {"KEY ADDRESS NAME [password=…] [answers=accept|decline|ignore|offline] [echo=yes]", "somebody else; ADDRESS is an e-mail-like one, tel: or a number; answers and echo say what he does when a client writes to him while he has none", 3, 3, " password answers echo ", nil},

	"at":    {"TIME", "sets the clock: 2026-03-02T09:00:00Z, -3h before the start, `-9d 09:12` nine days before it, `-9wd 09:12` nine working days, or `mon-5w 09:12`: Monday five weeks ago", 1, 2, "", (*story).at},
	"after": {"DURATION", "moves the clock on", 1, 1, "", (*story).after},
	"live":  {"", "from here on steps happen in real time", 0, 0, "", (*story).live},

	"invite":    {"CONV WHO TEXT [subject=…] [thread=hex|long|none] [importance=…]", "an incoming messagingInvitation with its first text; its threadId is one of a desktop client (32 base64 characters, or with long the 44 of a reply), 32 hex digits, or left out", 3, 3, " subject thread importance ", (*story).invite},
	"start":     {"CONV WHO TEXT [subject=…]", "an outgoing one", 3, 3, " subject thread importance ", (*story).start},
	"call":      {"CONV WHO", "an incoming phoneAudioInvitation", 2, 2, " subject thread ", (*story).call},
	"rings":     {"WHO TEXT [TEXT…] [subject=…]", "WHO writes for real, whoever is there: clients can accept, decline or ignore it, and read the further texts once they accept", 2, 9, " subject ", (*story).rings},
	"accept":    {"CONV", "the invitation is accepted and people are connected", 1, 1, "", (*story).accept},
	"decline":   {"CONV [by=remote]", "it is declined: in another client of the account, or by the other side", 1, 1, " by ", (*story).decline},
	"miss":      {"CONV", "nobody answers it", 1, 1, "", (*story).miss},
	"cancel":    {"CONV", "the inviter gives up", 1, 1, "", (*story).cancel},
	"elsewhere": {"CONV", "another client of the account answers it", 1, 1, "", (*story).elsewhere},
	"fail":      {"CONV CODE SUBCODE [MESSAGE]", "it fails with this reason; CODE is LocalFailure, RemoteFailure or Informational; without MESSAGE it is null", 3, 4, "", (*story).fail},

	"say":         {"CONV WHO TEXT [html=…] [text=none] [form=base64|bare|percent|started] [type=…] [status=none]", "a message; text=none hides an own one's text, as servers do; form says how its data URI is written, or that it is told as started; type is a media type other than text/plain; status=none leaves out that it was a success", 3, 3, " html text form type status ", (*story).say},
	"undelivered": {"CONV TEXT SUBCODE MESSAGE", "an own message that does not arrive", 4, 4, "", (*story).undelivered},
	"typing":      {"CONV WHO", "somebody writes", 2, 2, "", (*story).typing},
	"join":        {"CONV WHO [role=Leader]", "somebody is added; from the third on it is a conference", 2, 2, " role ", (*story).join},
	"leave":       {"CONV WHO", "somebody leaves", 2, 2, "", (*story).leave},
	"subject":     {"CONV TEXT", "the subject changes", 2, 2, "", (*story).subject},
	"end":         {"CONV", "the conversation ends", 1, 1, "", (*story).end},
	"wrote":       {"CONV WHO TEXT [html=…]", "a message where another client has the conversation: only the server's history has it", 3, 3, " html ", (*story).wrote},
	"file":        {"CONV", "the server's history of a conversation that went on elsewhere can be read", 1, 1, "", (*story).file},
	"reopen":      {"CONV", "it comes back under another href with the same thread", 1, 1, "", (*story).reopen},

	"available": {"WHO AVAILABILITY", "somebody's presence changes", 2, 2, "", (*story).available},
	"note":      {"TEXT", "the account's note changes", 1, 1, "", (*story).note},

	"presence": {"", "the events of signing in", 0, 0, "", (*story).presence},
	"unknown":  {"REL", "an event of a rel that nobody knows", 1, 1, "", (*story).unknown},
	"raw":      {"FILE [type=…]", "a file of the scenario as the body, verbatim but for {self}, {next} and {app}, which are filled in; one without {next} is sent once and takes no ack number; type is its Content-Type", 1, 1, " type ", (*story).raw},
	"empty":    {"", "an answer without events", 0, 0, "", (*story).empty},
	"batch":    {"", "the events up to `send` go into one response", 0, 0, "", (*story).batch},
	"send":     {"", "ends a batch", 0, 0, "", (*story).send},

	"gone":   {"DURATION", "the application dies; the clock moves on; the client must make another", 1, 1, "", (*story).fault},
	"down":   {"DURATION", "connections break for as long, in real time", 1, 1, "", (*story).fault},
	"resync": {"", "the channel loses its place", 0, 0, "", (*story).fault},
	"resume": {"", "the channel was silent for too long", 0, 0, "", (*story).fault},
	"drop":   {"", "the next response breaks off inside its body, once", 0, 0, "", (*story).fault},
	"status": {"CODE [subcode=…]", "the next request gets this HTTP status, once", 1, 1, " subcode ", (*story).fault},
}

// Verbs describes the steps of a script, a line each.
func Verbs() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(verbs)) {
		fmt.Fprintf(&b, "%s %s\n\t%s\n", name, verbs[name].usage, verbs[name].help)
	}
	return b.String()
}
