package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"archiver/internal/ucwa"
)

// signIn says who signs in where, and where the password comes from: never
// from a flag's value or the environment, which other processes can read.
type signIn struct {
	user            string
	passwordFile    string
	passwordCommand string
}

func (s *signIn) flags(f *pflag.FlagSet) {
	f.StringVarP(&s.user, "user", "u", "", `who to sign in as: a SIP address, or DOMAIN\user`)
	f.StringVar(&s.passwordFile, "password-file", "", "read the password from the first line of this file; - is standard input")
	f.StringVar(&s.passwordCommand, "password-command", "", "read the password from the first line this command prints")
}

// credential is the name under which a service manager may pass the password.
const credential = "archiver-password"

// password gets the password from the first place that has one: the flags, the
// service manager's credentials, or the person.
func (p *program) password(ctx context.Context, s signIn) (ucwa.Secret, error) {
	switch {
	case s.passwordFile != "" && s.passwordCommand != "":
		return ucwa.Secret{}, invalid("give --password-file or --password-command, not both")
	case s.passwordFile == "-":
		return firstLine(readAll(p.in))
	case s.passwordFile != "":
		return firstLine(os.ReadFile(s.passwordFile))
	case s.passwordCommand != "":
		return passwordFrom(ctx, s.passwordCommand)
	}
	if dir := p.env("CREDENTIALS_DIRECTORY"); dir != "" {
		secret, err := firstLine(os.ReadFile(filepath.Join(dir, credential)))
		if !errors.Is(err, os.ErrNotExist) {
			return secret, err
		}
	}
	return p.askPassword(s.user)
}

func passwordFrom(ctx context.Context, command string) (ucwa.Secret, error) {
	out, err := exec.CommandContext(ctx, "sh", "-c", command).Output()
	if err != nil {
		return ucwa.Secret{}, fmt.Errorf("run --password-command: %w", err)
	}
	return firstLine(out, nil)
}

func firstLine(b []byte, err error) (ucwa.Secret, error) {
	if err != nil {
		return ucwa.Secret{}, fmt.Errorf("read the password: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return ucwa.Secret{}, errors.New("the password is empty")
	}
	return ucwa.NewSecret(line), nil
}

// askPassword asks on the terminal, without echo.
func (p *program) askPassword(user string) (ucwa.Secret, error) {
	f, ok := p.in.(*os.File)
	if p.noInput || !ok || !term.IsTerminal(int(f.Fd())) {
		return ucwa.Secret{}, invalid("no password: use --password-file or --password-command")
	}
	fmt.Fprintf(p.err, "Password for %s: ", user)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.err)
	return firstLine(b, err)
}
