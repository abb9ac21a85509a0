package arch_test

import (
	"crypto/sha256"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a package offers says what it means.
func TestExportedIsDocumented(t *testing.T) {
	packages := make(map[string]bool) // whether one of its files documents it
	for _, s := range written(tree(t)) {
		packages[s.dir] = packages[s.dir] || s.ast.Doc != nil
		for _, d := range s.ast.Decls {
			for _, id := range undocumented(d) {
				t.Errorf("%s:%d: %s has no doc comment", s.path, s.line(id), id.Name)
			}
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("%s: no file says what the package is for", dir)
		}
	}
}

// undocumented are the exported names of a declaration without a comment of
// their own or of their group. Methods that everybody knows need none.
func undocumented(d ast.Decl) (out []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		known := d.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap"}, d.Name.Name)
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !known {
			out = append(out, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
					out = append(out, spec.Name)
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					out = append(out, spec.Names[0])
				}
			}
		}
	}
	return out
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
		}
		return !exported
	})
	return exported
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The table that tells where a new thing goes points to what is there.
func TestWhereThingsGo(t *testing.T) {
	_, section, ok := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## Where a new thing goes\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md does not tell where a new thing goes")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	paths := regexp.MustCompile("`([^`]*/[^`]*)`").FindAllStringSubmatch(section, -1)
	if len(paths) < 10 {
		t.Errorf("the table names only %d paths", len(paths))
	}
	for _, p := range paths {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(p[1]))); err != nil {
			t.Errorf("ARCHITECTURE.md sends people to %s, which is not there", p[1])
		}
	}
}

// A migration that has landed is never changed: archives that ran it would not
// run it again. A new one gets a line in testdata/migrations.sha256, which is
// what sha256sum prints.
func TestMigrationsAreNotChanged(t *testing.T) {
	landed := make(map[string]string)
	for line := range strings.Lines(read(t, "internal/arch/testdata/migrations.sha256")) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		landed[name] = sum
	}
	files, err := filepath.Glob(filepath.Join(root, "migrations", "*", "*.sql"))
	if err != nil || len(files) < len(landed) || len(landed) == 0 {
		t.Fatalf("%d migrations, %d landed, %v", len(files), len(landed), err)
	}
	for _, file := range files {
		rel, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.ToSlash(rel)
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, name)))); sum != landed[name] {
			t.Errorf("%s  %s: this is not what landed (%s)", sum, name, landed[name])
		}
	}
}
