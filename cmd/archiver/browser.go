package main

import (
	"io"
	"os/exec"
	"runtime"
)

func readAll(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 64<<10)) }

// openBrowser shows a page in the person's browser, where there is one.
func (p *program) openBrowser(url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	default:
		if p.env("DISPLAY") == "" && p.env("WAYLAND_DISPLAY") == "" {
			return
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return // the address stands on the terminal
	}
	c := exec.Command(path, args...)
	if c.Start() == nil {
		go func() { _ = c.Wait() }() // reaped; how it ended is no matter of ours
	}
}
