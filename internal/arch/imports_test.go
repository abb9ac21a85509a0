package arch_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sees says what each folder may import of the module besides internal/archive
// and what lies in itself; it holds for all below it that has no line of its
// own. Imports go down only.
func sees() map[string][]string {
	return map[string][]string{
		"cmd":                      {"*"},
		"web":                      {"internal/query", "internal/export"},
		"internal/archive":         nil,
		"internal/arch":            nil,
		"internal/capture":         {"internal/decode", "internal/ucwa"},
		"internal/check":           nil,
		"internal/config":          nil,
		"internal/decode":          {"internal/ucwa"},
		"internal/export":          nil,
		"internal/importer":        {"internal/ucwa"},
		"internal/index":           {"internal/query"},
		"internal/query":           nil,
		"internal/store":           {"migrations"},
		"internal/ucwa":            nil,
		"internal/ucwa/ucwatest":   {"internal/ucwa", "testdata"},
		"internal/store/storetest": nil,
		"migrations":               nil,
		"testdata":                 nil,
	}
}

const module = "archiver/"

// testsOnly are packages that no program is to contain.
func testsOnly() []string {
	return []string{"internal/check", "internal/store/storetest", "internal/arch"}
}

func TestImportsGoDown(t *testing.T) {
	for _, s := range tree(t) {
		folder, allowed := lineFor(s.dir)
		if folder == "" {
			t.Errorf("%s: its folder has no line in the table of imports; ARCHITECTURE.md and this test say who may import whom", s.path)
			continue
		}
		for _, spec := range s.ast.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			target, own := strings.CutPrefix(name, module)
			switch {
			case s.test:
			case own && slices.Contains(testsOnly(), target):
				t.Errorf("%s imports %s, which is for tests only", s.path, target)
			case own && !mayImport(folder, allowed, target):
				t.Errorf("%s imports %s, which %s must not see", s.path, target, folder)
			case !own && folder == "internal/archive" && strings.Contains(strings.Split(name, "/")[0], "."):
				t.Errorf("%s imports %s; the vocabulary needs the standard library only", s.path, name)
			}
		}
	}
}

// lineFor is the longest line of the table that covers a folder.
func lineFor(dir string) (folder string, allowed []string) {
	for f, a := range sees() {
		if within(dir, f) && len(f) > len(folder) {
			folder, allowed = f, a
		}
	}
	return folder, allowed
}

func within(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

func mayImport(folder string, allowed []string, target string) bool {
	if target == "internal/archive" || within(target, folder) || slices.Contains(allowed, "*") {
		return true
	}
	return slices.Contains(allowed, target)
}

// Packages are named for what they provide.
func TestPackageNames(t *testing.T) {
	for _, s := range tree(t) {
		name := strings.TrimSuffix(s.ast.Name.Name, "_test")
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc", "base"}, name) {
			t.Errorf("%s: a package named %s says nothing of what it provides", s.path, name)
		}
	}
}
