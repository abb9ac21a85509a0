package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"archiver/internal/archive"
	"archiver/internal/config"
	"archiver/internal/store"
	"archiver/internal/ucwa"
)

func (p *program) loginCommand() *cobra.Command {
	var who signIn
	var place string
	c := &cobra.Command{
		Use:   "login [ADDRESS]",
		Short: "Renew the stored password of an account",
		Long: `Renew the stored password of an account that is set up, as after you changed it.
It is asked for, tried exactly once, and kept only when the server takes it.

ADDRESS may be left out when only one account is set up.`,
		Example: `  archiver login
  archiver login ana@contoso.example --secret-store file
  archiver login --password-file - < secret`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			return p.login(c.Context(), first(a), who, place)
		},
	}
	who.flags(c.Flags())
	c.Flags().StringVar(&place, "secret-store", "", "keep the password in: keyring or file (default: where it was)")
	return c
}

func first(a []string) string {
	if len(a) == 0 {
		return ""
	}
	return a[0]
}

// loggedIn is what `login` prints.
type loggedIn struct {
	Address string `json:"address"`
	kept
}

func (p *program) login(ctx context.Context, address string, who signIn, wanted string) error {
	acct, err := p.account(address)
	if err != nil {
		return err
	}
	if acct.Tickets() {
		return invalid("%s signs in with Kerberos tickets and needs no password; renew them with kinit", acct.Address)
	}
	secret, place, err := p.newPassword(ctx, acct, who)
	if err != nil {
		return err
	}
	reach, err := p.reachers(1, who.wireLog)
	if err != nil {
		return err
	}
	e := entrance{program: p, acct: acct, reach: reach}
	if _, err := e.test(ctx, secret); err != nil {
		return err
	}
	if wanted == "" && place == "" && (acct.Secret == config.SecretKeyring || acct.Secret == config.SecretFile) {
		wanted = acct.Secret
	}
	k, err := p.keep(e.acct, secret, place, wanted)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(loggedIn{e.acct.Address, k})
	}
	_, err = fmt.Fprintf(p.out, "signed in as %s; the password is in %s\n", e.acct.SignInName(), k.SecretWhere)
	return err
}

func (p *program) logoutCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "logout [ADDRESS]",
		Short: "Delete the stored password of an account and sign it out",
		Long: `Delete the stored password of an account and end its application at the server, so
that it no longer shows as available. The settings and the archive stay. A server
that cannot be reached ends the application by itself after 15 minutes.

ADDRESS may be left out when only one account is set up.`,
		Example: `  archiver logout
  archiver logout ana@contoso.example --keep-application`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error { return p.logout(c.Context(), first(a), keep) },
	}
	c.Flags().BoolVar(&keep, "keep-application", false, "leave the application at the server as it is")
	return c
}

// loggedOut is what `logout` prints.
type loggedOut struct {
	Address     string `json:"address"`
	Deleted     bool   `json:"deleted"`     // whether there was a stored password
	Application string `json:"application"` // ended, kept, none, or unreachable
}

func (p *program) logout(ctx context.Context, address string, keep bool) error {
	acct, err := p.account(address)
	if err != nil {
		return err
	}
	v, err := p.vault()
	if err != nil {
		return err
	}
	out := loggedOut{Address: acct.Address, Application: "kept"}
	if !keep {
		if out.Application, err = p.endApplication(ctx, acct, v); err != nil {
			return err
		}
	}
	if out.Deleted, err = v.remove(acct.Secret, acct.Address); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(out)
	}
	words := map[bool]string{true: "the password is deleted", false: "no password was stored"}[out.Deleted]
	_, err = fmt.Fprintf(p.out, "%s: %s; application: %s\n", acct.Address, words, out.Application)
	return err
}

// endApplication ends the application that the archive has noted for an
// account. What keeps it from doing so is told and stops nothing, but for a
// process that captures with it right now.
func (p *program) endApplication(ctx context.Context, acct config.Account, v vault) (string, error) {
	s, err := p.openRead(ctx)
	if err != nil {
		if errors.Is(err, store.ErrNoArchive) {
			return "none", nil
		}
		return "", err
	}
	cur, err := s.Cursor(ctx, acct.URI())
	holder := store.HeldBy(s.Dir())
	if err := s.Close(); err != nil {
		return "", err
	}
	if errors.Is(err, archive.ErrNotFound) || err == nil && cur.Application == "" {
		return "none", nil
	}
	if err != nil {
		return "", err
	}
	if holder != nil && holder.Captures {
		return "", fmt.Errorf("%w by %s, which captures; stop that first, or say --keep-application", store.ErrLocked, holder)
	}
	var secret ucwa.Secret
	if !acct.Tickets() {
		secret, err = v.load(acct.Secret, acct.Address)
	}
	if errors.Is(err, errSignedOut) {
		return "kept", nil // there is nothing to sign in with
	}
	if err != nil {
		return "", err
	}
	reach, err := p.reachers(1, "")
	if err != nil {
		return "", err
	}
	cfg, err := p.clientConfig(acct, reach)
	if err != nil {
		return "", err
	}
	cfg.Password = secret
	client, err := ucwa.SignIn(ctx, cfg)
	if err == nil {
		err = client.DeleteApplication(ctx, cur.Application)
	}
	switch {
	case err == nil:
		return "ended", nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, archive.ErrNotFound):
		return "none", nil
	}
	p.say("the application could not be ended: %s", plain(err))
	return "unreachable", nil
}
