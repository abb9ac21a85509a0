package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"archiver/internal/config"
	"archiver/internal/ucwa"
)

// signIn says how to sign in where the settings do not. The password never
// comes from a flag's value or the environment, which other processes can read.
type signIn struct {
	passwordFile    string
	passwordCommand string
	wireLog         string
}

func (s *signIn) flags(f *pflag.FlagSet) {
	f.StringVar(&s.passwordFile, "password-file", "", "read the password from the first line of this file; - is standard input")
	f.StringVar(&s.passwordCommand, "password-command", "", "read the password from the first line this command prints")
	f.StringVar(&s.wireLog, "wire-log", "", "add what goes over the wire to this file, without secrets and what people wrote")
}

// credential is the name under which a service manager may pass the password.
const credential = "archiver-password"

// given is the password that the flags lead to; ok is false when they name none.
func (p *program) given(ctx context.Context, s signIn) (secret ucwa.Secret, ok bool, err error) {
	switch {
	case s.passwordFile != "" && s.passwordCommand != "":
		return ucwa.Secret{}, false, invalid("give --password-file or --password-command, not both")
	case s.passwordFile == "-":
		secret, err = firstLine(readAll(p.in))
	case s.passwordFile != "":
		secret, err = firstLine(os.ReadFile(s.passwordFile))
	case s.passwordCommand != "":
		secret, err = passwordFrom(ctx, s.passwordCommand)
	default:
		return ucwa.Secret{}, false, nil
	}
	return secret, err == nil, err
}

// password gets an account's password from the first place that has one: the
// flags, where it is stored, the service manager's credentials, or the person.
// One that signs in with tickets has none.
func (p *program) password(ctx context.Context, a config.Account, s signIn) (ucwa.Secret, error) {
	if a.Tickets() {
		return ucwa.Secret{}, nil
	}
	if secret, ok, err := p.given(ctx, s); ok || err != nil {
		return secret, err
	}
	v, err := p.vault()
	if err != nil {
		return ucwa.Secret{}, err
	}
	secret, err := v.load(a.Secret, a.Address)
	if err == nil || !errors.Is(err, errSignedOut) {
		return secret, err
	}
	if passed, err := v.loadCredential(a.Address); !errors.Is(err, fs.ErrNotExist) {
		return passed, err
	}
	if a.Secret != config.SecretAsk && !p.canAsk() {
		return ucwa.Secret{}, err
	}
	return p.askPassword(ctx, a.SignInName())
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

// canAsk tells whether there is somebody to ask.
func (p *program) canAsk() bool {
	f, ok := p.in.(*os.File)
	return !p.noInput && ok && term.IsTerminal(int(f.Fd()))
}

// askPassword asks on the terminal, without echo.
func (p *program) askPassword(ctx context.Context, user string) (ucwa.Secret, error) {
	f, ok := p.in.(*os.File)
	if !ok || !p.canAsk() {
		return ucwa.Secret{}, invalid("no password: use --password-file or --password-command")
	}
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return ucwa.Secret{}, fmt.Errorf("ask for the password: %w", err)
	}
	fmt.Fprintf(p.err, "Password for %s: ", user)
	b, err := answer(ctx, func() ([]byte, error) { return term.ReadPassword(int(f.Fd())) })
	fmt.Fprintln(p.err)
	if ctx.Err() != nil {
		return ucwa.Secret{}, errors.Join(ctx.Err(), term.Restore(int(f.Fd()), before)) // else the shell is left without echo
	}
	return firstLine(b, err)
}

// answer waits for a person or for the end of ctx. A read from a terminal
// cannot be called back: it ends with the process, which then is about to.
func answer(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type reply struct {
		b   []byte
		err error
	}
	done := make(chan reply, 1)
	go func() {
		b, err := read()
		done <- reply{b, err}
	}()
	select {
	case r := <-done:
		return r.b, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// agreed asks a question that a person answers with yes or no; no is what
// everything else means.
func (p *program) agreed(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(p.err, "%s [y/N] ", question)
	line, err := answer(ctx, p.readLine)
	if err != nil {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	said := strings.ToLower(strings.TrimSpace(string(line)))
	return said == "y" || said == "yes", nil
}

// readLine reads one byte after the other: what follows the line is for who
// asks next.
func (p *program) readLine() ([]byte, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := p.in.Read(b)
		switch {
		case n == 1 && b[0] == '\n', n == 0 && errors.Is(err, io.EOF):
			return line, nil
		case n == 1:
			line = append(line, b[0])
		case err != nil:
			return nil, err
		}
	}
}
