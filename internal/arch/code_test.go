package arch_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The largest that a hand-written file and a function may be, in lines.
const (
	maxFile = 500
	maxFunc = 90
)

func TestSizes(t *testing.T) {
	for _, s := range tree(t) {
		if s.made {
			continue
		}
		if n := bytes.Count(s.text, []byte("\n")); n > maxFile {
			t.Errorf("%s has %d lines; split it by what its parts know (at most %d)", s.path, n, maxFile)
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.line(f) + 1; n > maxFunc {
				t.Errorf("%s:%d: %s has %d lines (at most %d)", s.path, s.line(f), f.Name.Name, n, maxFunc)
			}
		}
	}
}

// elsewhere are calls with the folder that alone may make them. Tests may make
// all.
func elsewhere() map[string]string {
	return map[string]string{
		"context.Background": "cmd", // a context comes from the caller
		"context.TODO":       "cmd",
		"os.Exit":            "cmd", // the program is a function that returns its code
		"log.Fatal":          "cmd",
		"slog.Default":       "cmd", // loggers are injected
		"slog.SetDefault":    "cmd",
		"slog.Debug":         "cmd",
		"slog.Info":          "cmd",
		"slog.Warn":          "cmd",
		"slog.Error":         "cmd",
		"fmt.Print":          "cmd", // output goes where the caller says
		"fmt.Printf":         "cmd",
		"fmt.Println":        "cmd",
		"templ.Raw":          "web/component", // what other people wrote is escaped
	}
}

func TestCallsThatBelongElsewhere(t *testing.T) {
	for _, s := range written(tree(t)) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || x.Obj != nil { // a variable of that name
				return true
			}
			name := x.Name + "." + sel.Sel.Name
			if folder, known := elsewhere()[name]; known && !within(s.dir, folder) {
				t.Errorf("%s:%d: %s belongs to %s", s.path, s.line(n), name, folder)
			}
			return true
		})
	}
}

// unfinished finds what was left open. It is put together so as not to find
// itself.
var unfinished = regexp.MustCompile(strings.Join([]string{`TO` + `DO`, `FIX` + `ME`, `XX` + `X`, `\bt\.Sk` + `ip(Now|f)?\(`}, "|"))

// skips are the files that may leave a test out, with the reason.
func skips() map[string]string {
	return map[string]string{
		"cmd/archiver/browser_test.go":   "without Chromium, unless CI is set",
		"internal/ucwa/kerberos_test.go": "without a KDC, unless CI is set",
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	for _, s := range tree(t) {
		for i, line := range bytes.Split(s.text, []byte("\n")) {
			found := string(unfinished.Find(line))
			if found == "" || found == "TO"+"DO" && bytes.Contains(line, []byte(`"context.`)) {
				continue
			}
			if skips()[s.path] == "" || !strings.HasPrefix(found, "t.") {
				t.Errorf("%s:%d: %s", s.path, i+1, found)
			}
		}
	}
}

// constructors are the calls whose results do not change once made.
func constructors() []string {
	return []string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "json.JoinOptions", "template.Must", "time.Date"}
}

// There is no state in packages and nothing runs before main. A package-level
// variable is an error, a table or something else that is made once, and is
// never written to.
func TestNoPackageState(t *testing.T) {
	vars := make(map[string]map[string]bool) // by folder
	files := written(tree(t))
	for _, s := range files {
		if vars[s.dir] == nil {
			vars[s.dir] = make(map[string]bool)
		}
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: init runs unasked; make a table or a constructor", s.path, s.line(f))
			}
			for _, v := range variables(d) {
				for _, name := range v.Names {
					vars[s.dir][name.Name] = true
				}
				if !unchanging(v) {
					t.Errorf("%s:%d: %s is state of a package; make it a field", s.path, s.line(v), v.Names[0].Name)
				}
			}
		}
	}
	for _, s := range files {
		for _, w := range writes(s.ast, vars[s.dir]) {
			t.Errorf("%s:%d: %s is written to; make it a field", s.path, s.line(w), w.Name)
		}
	}
}

func variables(d ast.Decl) []*ast.ValueSpec {
	g, ok := d.(*ast.GenDecl)
	if !ok || g.Tok != token.VAR {
		return nil
	}
	var out []*ast.ValueSpec
	for _, spec := range g.Specs {
		out = append(out, spec.(*ast.ValueSpec))
	}
	return out
}

// unchanging tells whether a variable is a table, an embedded file, an
// assertion, or made by one of the constructors.
func unchanging(v *ast.ValueSpec) bool {
	if len(v.Values) == 0 { // only what is embedded has no value
		sel, ok := v.Type.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "FS"
	}
	for _, value := range v.Values {
		switch x := value.(type) {
		case *ast.CompositeLit, *ast.BasicLit, *ast.FuncLit:
		case *ast.CallExpr:
			if v.Names[0].Name != "_" && !made(x) {
				return false
			}
		default:
			return v.Names[0].Name == "_"
		}
	}
	return true
}

// made tells whether a call is a constructor's or a conversion such as
// []byte("…").
func made(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.ArrayType:
		return true
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && slices.Contains(constructors(), x.Name+"."+f.Sel.Name)
	}
	return false
}

// writes are the places where package-level variables are assigned to, their
// elements included, or their address is taken.
func writes(file *ast.File, vars map[string]bool) []*ast.Ident {
	var out []*ast.Ident
	check := func(e ast.Expr) {
		if id := target(e); id != nil && vars[id.Name] && (id.Obj == nil || file.Scope.Lookup(id.Name) == id.Obj) {
			out = append(out, id)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					check(e)
				}
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				check(n.X)
			}
		}
		return true
	})
	return out
}

// target is the variable that an expression writes to.
func target(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return target(e.X)
	case *ast.SelectorExpr:
		return target(e.X)
	}
	return nil
}

// The rules find what they are made for.
func TestRulesCanFail(t *testing.T) {
	const code = `package p
var table = map[string]int{"a": 1}
var state int
var now = time.Now()
var errGone = errors.New("gone")
var _ I = (*T)(nil)
func f() { table["b"]++; x := table; x["c"] = 2; errGone = nil }
func g(table []int) { table[0] = 1 }
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", code, 0)
	if err != nil {
		t.Fatal(err)
	}
	vars, refused := make(map[string]bool), []string{}
	for _, d := range file.Decls {
		for _, v := range variables(d) {
			vars[v.Names[0].Name] = true
			if !unchanging(v) {
				refused = append(refused, v.Names[0].Name)
			}
		}
	}
	written := []string{}
	for _, id := range writes(file, vars) {
		written = append(written, id.Name)
	}
	if want := []string{"state", "now"}; !slices.Equal(refused, want) {
		t.Errorf("refused %v, want %v", refused, want)
	}
	if want := []string{"table", "errGone"}; !slices.Equal(written, want) {
		t.Errorf("written to %v, want %v", written, want)
	}
}
