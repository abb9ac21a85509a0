package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/config"
	"archiver/internal/ucwa"
)

func (p *program) whoisCommand() *cobra.Command {
	var who signIn
	var account string
	var limit int
	c := &cobra.Command{
		Use:   "whois ADDRESS",
		Short: "Show a contact as the server knows it now: name, presence, note",
		Long: `Show a contact as the server knows it now: its name, its presence and its note.
ADDRESS may also be a part of a name; then all that fit are shown.

It signs in as an account that is set up, for a moment and beside a capture that
may be running; contacts see no change. Nothing is kept in the archive.`,
		Example: `  archiver whois bo.lindqvist@contoso.example
  archiver whois lindqvist --json
  archiver whois bo.lindqvist@contoso.example --account ana@contoso.example`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if strings.TrimSpace(a[0]) == "" {
				return invalid("who? Give an address, or a part of a name")
			}
			if limit < 1 || limit > 100 {
				return invalid("--limit is from 1 to 100, not %d", limit)
			}
			acct, err := p.account(account)
			if err != nil {
				return err
			}
			found, err := p.whois(c.Context(), acct, who, a[0], limit)
			if err != nil {
				return reachability(err)
			}
			return p.printFound(found)
		},
	}
	who.flags(c.Flags())
	c.Flags().StringVar(&account, "account", "", "sign in as this account of those that are set up")
	c.Flags().IntVarP(&limit, "limit", "n", 10, "at most so many contacts, up to 100")
	return c
}

// found is what `whois` prints of a contact.
type found struct {
	URI           string       `json:"uri"`
	Name          string       `json:"name"`
	Addresses     []string     `json:"addresses"`
	Title         string       `json:"title"`
	Department    string       `json:"department"`
	Company       string       `json:"company"`
	SourceNetwork string       `json:"source_network"`
	Availability  string       `json:"availability"` // "" when the server withholds it
	Activity      string       `json:"activity"`
	Device        string       `json:"device"`
	LastActive    archive.Time `json:"last_active"`
	Note          string       `json:"note"`
}

// whois signs in with an application of its own, which ends with the command:
// that of a running capture has another endpoint and goes on undisturbed.
func (p *program) whois(ctx context.Context, acct config.Account, who signIn, query string, limit int) (out []found, err error) {
	reach, err := p.reachers(1, who.wireLog)
	if err != nil {
		return nil, err
	}
	cfg, err := p.clientConfig(acct, reach)
	if err != nil {
		return nil, err
	}
	if cfg.Password, err = p.password(ctx, acct, who); err != nil {
		return nil, err
	}
	client, err := ucwa.SignIn(ctx, cfg)
	if err != nil {
		return nil, err
	}
	app, err := client.CreateApplication(ctx, uuid.NewString())
	if err != nil {
		return nil, err
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		err = errors.Join(err, client.DeleteApplication(last, app.URL))
	}()
	people, err := client.SearchPeople(ctx, app, strings.TrimPrefix(query, "sip:"), limit)
	if err != nil {
		return nil, err
	}
	for _, c := range exactly(people, query) {
		f := found{URI: c.URI, Name: c.Name, Addresses: c.Emails, Title: c.Title, Department: c.Department,
			Company: c.Company, SourceNetwork: c.SourceNetwork}
		seen, err := client.Presence(ctx, c)
		if err != nil {
			return nil, err
		}
		f.Availability, f.Activity, f.Device, f.LastActive = seen.Availability, seen.Activity, seen.DeviceType, archive.At(seen.LastActive.Time)
		if f.Note, err = client.Note(ctx, c); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the server knows nobody like %q: %w", query, archive.ErrNotFound)
	}
	return out, nil
}

// exactly is the contact of an address where it is among those found, and all
// of them where it is not.
func exactly(people []ucwa.Contact, query string) []ucwa.Contact {
	uri := ucwa.NormalizeURI(query)
	for _, c := range people {
		if ucwa.NormalizeURI(c.URI) == uri {
			return []ucwa.Contact{c}
		}
	}
	return people
}

func (p *program) printFound(all []found) error {
	for i, f := range all {
		if p.json {
			if err := p.printJSON(f); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		if err := p.printContact(f); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) printContact(f found) error {
	presence := named(f.Availability, "not shown to you")
	if f.Activity != "" && !strings.EqualFold(f.Activity, f.Availability) {
		presence += ", " + f.Activity
	}
	if f.Device != "" {
		presence += " (" + f.Device + ")"
	}
	if f.LastActive.Known() {
		presence += ", last active " + f.LastActive.UTC().Format(time.DateTime+"Z")
	}
	var work []string
	for _, s := range []string{f.Title, f.Department, f.Company} {
		if s != "" {
			work = append(work, s)
		}
	}
	for _, line := range [][2]string{
		{"address", strings.TrimPrefix(f.URI, "sip:")}, {"presence", presence}, {"note", f.Note},
		{"mail", strings.Join(f.Addresses, ", ")}, {"work", strings.Join(work, ", ")}, {"network", f.SourceNetwork},
	} {
		if line[0] == "address" {
			fmt.Fprintf(p.out, "%s\n", printable(named(f.Name, line[1])))
		}
		if line[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(p.out, "  %-9s %s\n", line[0], strings.ReplaceAll(printable(line[1]), "\n", " ")); err != nil {
			return err
		}
	}
	return nil
}
