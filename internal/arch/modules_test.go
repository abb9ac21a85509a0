package arch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

func requirements(t *testing.T, name string, text []byte) map[string]string {
	t.Helper()
	f, err := modfile.Parse(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, r := range f.Require {
		out[r.Mod.Path] = r.Mod.Version
	}
	return out
}

// modernc.org/sqlite is translated for one version of modernc.org/libc and may
// fail in any way with another.
func TestLibcIsTheOneOfSQLite(t *testing.T) {
	const sqlite, libc = "modernc.org/sqlite", "modernc.org/libc"
	ours := requirements(t, "go.mod", []byte(read(t, "go.mod")))
	command := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoMod}}", sqlite)
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSpace(string(out))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if theirs := requirements(t, filepath.Base(path), text)[libc]; ours[libc] != theirs {
		t.Errorf("go.mod requires %s %s; %s %s is made for %s", libc, ours[libc], sqlite, ours[sqlite], theirs)
	}
}

// Tools that would bring more modules than the program itself are run from
// outside.
func TestUnwantedModules(t *testing.T) {
	for path := range requirements(t, "go.mod", []byte(read(t, "go.mod"))) {
		for _, unwanted := range []string{"golangci", "sqlc-dev"} {
			if strings.Contains(path, unwanted) {
				t.Errorf("go.mod requires %s", path)
			}
		}
	}
}
