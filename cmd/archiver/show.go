package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/store"
)

func (p *program) showCommand() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one thing whole: c:… m:… p:… i:… e:12.3 o:12 g:3",
		Long: `Show one thing whole, by the id that lists and pages give it: a conversation
(c:), message (m:), person (p:), invitation (i:), event (e:), observation (o:)
or gap (g:). With --raw an observation, or the one an event came in, is printed
as the exact bytes that were received.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			s, err := p.openRead(c.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			if raw {
				return p.showRaw(c.Context(), s, a[0])
			}
			v, err := lookUp(c.Context(), s, a[0])
			if err != nil {
				return err
			}
			if !p.json {
				return p.printWhole(v)
			}
			return p.printJSON(v)
		},
	}
	c.Flags().BoolVar(&raw, "raw", false, "print the stored bytes exactly")
	return c
}

// showRaw writes the bytes of an observation and nothing else.
func (p *program) showRaw(ctx context.Context, s *store.Store, id string) error {
	o, err := observationOf(id)
	if err != nil {
		return err
	}
	obs, err := s.Observation(ctx, o)
	if err != nil {
		return err
	}
	_, err = p.out.Write(obs.Body)
	return err
}

func observationOf(id string) (archive.ObservationID, error) {
	var o archive.ObservationID
	if strings.HasPrefix(id, "e:") {
		var e archive.EventID
		err := e.UnmarshalText([]byte(id))
		return e.Observation(), asUsage(err)
	}
	if !strings.HasPrefix(id, "o:") {
		return 0, invalid("--raw takes an observation (o:12) or an event (e:12.3), not %q", id)
	}
	return o, asUsage(o.UnmarshalText([]byte(id)))
}

func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// conversationWhole is what `show c:…` prints: the view with its messages.
type conversationWhole struct {
	archive.Conversation
	Stays       []archive.Participant `json:"stays"`
	Invitations []archive.Invitation  `json:"invitations"`
	Uncaptured  []archive.Gap         `json:"uncaptured"`
	Written     []archive.Message     `json:"written"`
}

// observationWhole is what `show o:…` prints: the observation with its body as
// text.
type observationWhole struct {
	archive.Observation
	Body string `json:"body"`
}

// lookUp finds whatever an id names.
func lookUp(ctx context.Context, s *store.Store, id string) (any, error) {
	prefix, _, _ := strings.Cut(id, ":")
	switch prefix {
	case "c":
		return wholeConversation(ctx, s, id)
	case "m":
		return s.Message(ctx, id)
	case "p":
		return s.Person(ctx, id)
	case "i":
		return s.Invitation(ctx, id)
	case "e":
		var e archive.EventID
		if err := e.UnmarshalText([]byte(id)); err != nil {
			return nil, asUsage(err)
		}
		return s.Event(ctx, e)
	case "o":
		var o archive.ObservationID
		if err := o.UnmarshalText([]byte(id)); err != nil {
			return nil, asUsage(err)
		}
		obs, err := s.Observation(ctx, o)
		return observationWhole{obs, string(obs.Body)}, err
	case "g":
		return gapByID(ctx, s, id)
	}
	return nil, invalid("%q is no id; ids begin with c: m: p: i: e: o: or g:", id)
}

func wholeConversation(ctx context.Context, s *store.Store, id string) (any, error) {
	v, err := s.Conversation(ctx, id)
	if err != nil {
		return nil, err
	}
	w := conversationWhole{v.Conversation, v.Participants, v.Invitations, v.Gaps, nil}
	for f := (archive.MessageFilter{Conversation: id}); ; {
		page, err := s.Messages(ctx, f)
		if err != nil || len(page) == 0 {
			return w, err
		}
		w.Written = append(w.Written, page...)
		f.After = page[len(page)-1].Event
	}
}

func gapByID(ctx context.Context, s *store.Store, id string) (any, error) {
	all, err := s.Gaps(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if g.ID.String() == id {
			return g, nil
		}
	}
	return nil, fmt.Errorf("gap %q: %w", id, archive.ErrNotFound)
}
