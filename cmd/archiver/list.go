package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/store"
)

// listing is one line of what `list` can list.
type listing struct {
	noun  string
	short string
	run   func(context.Context, *program, *store.Store, listFlags) error
}

// listFlags narrow a list.
type listFlags struct {
	account      string
	conversation string
	rel          string
	undecoded    bool
	limit        int
}

// listings is everything that can be listed, in the order of the log.
var listings = []listing{
	{"accounts", "whose history is archived", listAccounts},
	{"observations", "the responses as they were received", listObservations},
	{"events", "the entries of the event channel", listEvents},
	{"conversations", "conversations with who took part", listConversations},
	{"participants", "who was in which conversation, and when", listParticipants},
	{"invitations", "invitations and how they ended", listInvitations},
	{"messages", "what was written", listMessages},
	{"people", "everybody seen", listPeople},
	{"gaps", "time that was not captured", listGaps},
}

func (p *program) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List what the archive holds",
		Long:  "List what the archive holds, in the order of the log. With --json it prints one object a line.",
		Args: func(c *cobra.Command, a []string) error {
			if len(a) == 0 {
				return usageError{fmt.Errorf("what to list? See `archiver list --help`")}
			}
			return usageError{fmt.Errorf("there is no list of %q; see `archiver list --help`", a[0])}
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	for _, l := range listings {
		c.AddCommand(p.listingCommand(l))
	}
	return c
}

func (p *program) listingCommand(l listing) *cobra.Command {
	var f listFlags
	c := &cobra.Command{
		Use: l.noun, Short: "List " + l.short, Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := p.openRead(c.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			return l.run(c.Context(), p, s, f)
		},
	}
	c.Flags().IntVarP(&f.limit, "limit", "n", 0, "stop after so many; 0 is all")
	switch l.noun {
	case "events":
		c.Flags().StringVar(&f.account, "account", "", "only of this account (its URI)")
		c.Flags().StringVar(&f.rel, "rel", "", "only of this link rel, such as message")
		c.Flags().BoolVar(&f.undecoded, "undecoded", false, "only those that no decoder understood")
	case "conversations", "gaps":
		c.Flags().StringVar(&f.account, "account", "", "only of this account (its URI)")
	case "messages":
		c.Flags().StringVar(&f.conversation, "conversation", "", "only of this conversation (c:…)")
	}
	return c
}

// each reads a list page by page with next, which is given the last item, and
// prints it, so that long lists take no memory with --json.
func each[T any](l *lister[T], limit int, next func(last *T, n int) ([]T, error)) error {
	var last *T
	for printed := 0; limit == 0 || printed < limit; {
		want := archive.MaxPage
		if limit > 0 {
			want = min(want, limit-printed)
		}
		page, err := next(last, want)
		if err != nil {
			return err
		}
		if err := l.add(page...); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		printed += len(page)
		last = &page[len(page)-1]
	}
	return l.flush()
}

// whole prints a list that is read at once.
func whole[T any](l *lister[T], limit int, items []T, err error) error {
	if err != nil {
		return err
	}
	if limit > 0 && len(items) > limit {
		items = items[:limit]
	}
	if err := l.add(items...); err != nil {
		return err
	}
	return l.flush()
}

func listAccounts(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Account]{p: p, header: []string{"ID", "ADDRESS", "NAME", "SERVER", "OBSERVATIONS", "LAST"},
		cells: func(a archive.Account) []string {
			return []string{a.ID, a.URI, printable(a.Name), a.Server, strconv.FormatInt(a.Observations, 10), moment(a.Last, archive.FromReceipt)}
		}}
	items, err := s.Accounts(ctx)
	return whole(l, f.limit, items, err)
}

func listObservations(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Observation]{p: p, header: []string{"ID", "SOURCE", "STATUS", "BYTES", "RECEIVED", "SHA-256", "URL"},
		cells: func(o archive.Observation) []string {
			return []string{o.ID.String(), string(o.Source), statusText(o.Status), strconv.FormatInt(o.Bytes, 10),
				moment(o.Received, archive.FromReceipt), o.SHA256[:12], clip(o.URL, 60)}
		}}
	return each(l, f.limit, func(last *archive.Observation, n int) ([]archive.Observation, error) {
		if last == nil {
			return s.Observations(ctx, 0, n)
		}
		return s.Observations(ctx, last.ID, n)
	})
}

func statusText(status int) string {
	if status == 0 {
		return "–"
	}
	return strconv.Itoa(status)
}

func listEvents(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Event]{p: p, header: []string{"ID", "SENDER", "TYPE", "KIND", "STATUS", "DECODED", "TITLE"},
		cells: func(e archive.Event) []string {
			kind := e.Kind
			if kind == "unknown" {
				kind = "? " + e.Rel
			}
			decoded := "yes"
			switch {
			case e.Error != "":
				decoded = "failed: " + e.Error
			case !e.Decoded:
				decoded = "raw"
			}
			return []string{e.ID.String(), e.Sender, e.Type, clip(printable(kind), 40), e.Status, decoded, clip(printable(e.Title), 40)}
		}}
	filter := archive.EventFilter{Account: f.account, Rel: f.rel, Undecoded: f.undecoded}
	return each(l, f.limit, func(last *archive.Event, n int) ([]archive.Event, error) {
		filter.Limit = n
		if last == nil {
			return s.EventsAfter(ctx, filter, 0)
		}
		return s.EventsAfter(ctx, filter, last.ID)
	})
}

func listConversations(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Conversation]{p: p, header: []string{"ID", "KIND", "STARTED", "STATE", "MESSAGES", "GAPS", "WHO", "SUBJECT"},
		cells: func(v archive.Conversation) []string {
			return []string{v.ID, string(v.Kind), moment(v.Started, v.StartedSource), v.State, strconv.FormatInt(v.Messages, 10),
				strconv.FormatInt(v.Gaps, 10), clip(printable(others(v)), 40), clip(printable(v.Subject), 40)}
		}}
	filter := archive.ConversationFilter{Account: f.account}
	return each(l, f.limit, func(last *archive.Conversation, n int) ([]archive.Conversation, error) {
		filter.Limit = n
		if last == nil {
			return s.ConversationsAfter(ctx, filter, 0)
		}
		return s.ConversationsAfter(ctx, filter, last.First)
	})
}

// others names the participants beside the account itself; where there were
// none, whom an invitation was from or to.
func others(v archive.Conversation) string {
	s := ""
	for _, m := range v.Participants {
		if m.Local {
			continue
		}
		if s != "" {
			s += ", "
		}
		s += m.Name
	}
	if s == "" && v.Subject == "" {
		return v.Title
	}
	return s
}

func listParticipants(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Participant]{p: p, header: []string{"CONVERSATION", "WHO", "ADDRESS", "ROLE", "JOINED", "LEFT"},
		cells: func(t archive.Participant) []string {
			who := clip(printable(t.Name), 30)
			if t.Local {
				who += " (you)"
			}
			left := moment(t.Left, t.LeftSource)
			if t.LeftEvent == 0 {
				left = "present"
			}
			return []string{t.Conversation, who, t.URI, t.Role, moment(t.Joined, t.JoinedSource), left}
		}}
	return each(l, f.limit, func(last *archive.Participant, n int) ([]archive.Participant, error) {
		if last == nil {
			return s.Participants(ctx, 0, n)
		}
		return s.Participants(ctx, last.JoinedEvent, n)
	})
}

func listInvitations(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Invitation]{p: p, header: []string{"ID", "KIND", "STARTED", "FROM", "TO", "OUTCOME", "REASON", "MESSAGE"},
		cells: func(i archive.Invitation) []string {
			return []string{i.ID, i.Kind, moment(i.Started, i.StartedSource), clip(printable(named(i.FromName, i.FromURI)), 24),
				clip(printable(named(i.ToName, i.ToURI)), 24), string(i.Outcome), i.Subcode, clip(printable(i.Message), 40)}
		}}
	return each(l, f.limit, func(last *archive.Invitation, n int) ([]archive.Invitation, error) {
		if last == nil {
			return s.Invitations(ctx, 0, n)
		}
		return s.Invitations(ctx, last.StartedEvent, n)
	})
}

func named(name, uri string) string {
	if name != "" {
		return name
	}
	return uri
}

func listMessages(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Message]{p: p, header: []string{"ID", "TIME", "FROM", "TEXT"},
		cells: func(m archive.Message) []string {
			text := clip(printable(m.Text), 80)
			if !m.TextKnown {
				text = "(text not captured)"
			}
			return []string{m.ID, moment(m.Time, m.TimeSource), clip(printable(named(m.FromName, m.FromURI)), 24), text}
		}}
	filter := archive.MessageFilter{Conversation: f.conversation}
	return each(l, f.limit, func(last *archive.Message, n int) ([]archive.Message, error) {
		filter.Limit = n
		if last != nil {
			filter.After = last.Event
		}
		return s.Messages(ctx, filter)
	})
}

func listPeople(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Person]{p: p, header: []string{"ID", "NAME", "ADDRESS", "CONVERSATIONS", "MESSAGES", "LAST"},
		cells: func(q archive.Person) []string {
			return []string{q.ID, clip(printable(q.Name()), 40), q.URI, strconv.FormatInt(q.Conversations, 10),
				strconv.FormatInt(q.Messages, 10), moment(q.Last, archive.FromReceipt)}
		}}
	items, err := s.People(ctx)
	return whole(l, f.limit, items, err)
}

func listGaps(ctx context.Context, p *program, s *store.Store, f listFlags) error {
	l := &lister[archive.Gap]{p: p, header: []string{"ID", "CAUSE", "FROM", "TO", "SECONDS", "RISK"},
		cells: func(g archive.Gap) []string {
			to, risk := moment(g.To, archive.FromReceipt), ""
			if !g.To.Known() {
				to = "open"
			}
			switch {
			case g.Backfilled:
				risk = "read from the server's history"
			case g.AtRisk:
				risk = "messages may be lost"
			}
			return []string{g.ID.String(), string(g.Cause), moment(g.From, archive.FromReceipt), to,
				strconv.FormatFloat(g.Seconds, 'f', 0, 64), risk}
		}}
	items, err := s.Gaps(ctx, f.account)
	if err := whole(l, f.limit, items, err); err != nil {
		return err
	}
	return p.sayLost(ctx, s, items)
}

// sayLost says whose gaps nothing can fill.
func (p *program) sayLost(ctx context.Context, s *store.Store, gaps []archive.Gap) error {
	accounts, err := s.Status(ctx)
	for _, a := range accounts {
		mine := func(g archive.Gap) bool { return g.Account == a.Account }
		if a.History == archive.HistoryUnavailable && slices.ContainsFunc(gaps, mine) {
			p.say("the server of %s keeps no history: what was missed live is lost", a.Account)
		}
	}
	return err
}
