package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"archiver/internal/config"
	"archiver/internal/ucwa"
	"archiver/internal/ucwa/ucwatest"
)

// A service manager hears that capture has begun, that it is alive, and that it
// ends, in that order.
func TestServiceManagerIsTold(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "20000")
	sc := scenario(t, "direct")
	server := ucwatest.NewServer(sc)
	defer server.Close()
	home, ring := t.TempDir(), newDrawer()
	address := strings.TrimPrefix(sc.Account.URI, "sip:")
	a := config.NewAccount(address)
	a.Server, a.Secret = server.URL(), config.SecretKeyring
	if err := config.Put(filepath.Join(home, ".config", "archiver", "config.toml"), config.Config{}, a); err != nil {
		t.Fatal(err)
	}
	if _, err := (vault{ring: ring}).store(config.SecretKeyring, address, ucwa.NewSecret(sc.Password)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended, said := make(chan int, 1), &buffer{}
	go func() {
		p := &program{in: strings.NewReader(""), out: said, err: said, env: homeIs(home), now: time.Now, ring: ring}
		ended <- p.execute(ctx, []string{"capture"})
	}()
	hears := func(want string) {
		t.Helper()
		if err := socket.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 256)
		n, err := socket.Read(b)
		if got := string(b[:n]); err != nil || got != want {
			t.Fatalf("heard %q, want %q: %v; %s", got, want, err, said)
		}
	}
	hears("READY=1")
	hears("WATCHDOG=1")
	hears("WATCHDOG=1")
	stop()
	if code := <-ended; code != exitInterrupted {
		t.Errorf("exit %d: %s", code, said)
	}
	if err := socket.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	last := ""
	for b := make([]byte, 256); last != "STOPPING=1"; {
		n, err := socket.Read(b)
		if err != nil {
			t.Fatalf("the last that was heard is %q: %v", last, err)
		}
		last = string(b[:n])
	}
}
