package arch_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// source is one Go file of the module.
type source struct {
	path string // from the root, with slashes
	dir  string
	test bool
	made bool // generated
	text []byte
	ast  *ast.File
	fset *token.FileSet
}

// line is where a node stands.
func (s *source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// written are the hand-written files that are not tests.
func written(all []*source) []*source {
	var out []*source
	for _, s := range all {
		if !s.test && !s.made {
			out = append(out, s)
		}
	}
	return out
}

// tree parses every Go file of the module.
func tree(t *testing.T) []*source {
	t.Helper()
	var out []*source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := parse(fset, name)
		if err == nil {
			out = append(out, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("only %d Go files were found", len(out))
	}
	return out
}

func parse(fset *token.FileSet, name string) (*source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	rel = filepath.ToSlash(rel)
	return &source{
		path: rel, dir: path.Dir(rel), text: text, ast: file, fset: fset,
		test: strings.HasSuffix(rel, "_test.go"),
		made: bytes.Contains(text, []byte("// Code generated ")) && ast.IsGenerated(file),
	}, nil
}
