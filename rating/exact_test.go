package rating_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Divisions, roundings and floats: exact money knows them in money/money.go
// alone (rule G-4). The clock decides nothing in the core at all.
var (
	inexact   = strings.Fields("Div DivRound Mod Round RoundBank RoundCash RoundCeil RoundFloor RoundUp RoundDown NewFromFloat NewFromFloat32 NewFromFloatWithExponent Float64 Float32 InexactFloat64 ParseFloat")
	clock     = strings.Fields("Now Since Until Sleep After Tick NewTimer NewTicker")
	onlyPlace = filepath.Join("money", "money.go")
	// Whole packages are a quotient of whole numbers, cut at the point: nothing is rounded.
	wholeQuotients = []string{onlyPlace, filepath.Join("money", "ratio.go"), filepath.Join("money", "allocate.go"), "recurring.go"}
)

// TestOnlyMoneyDivides parses the code of rating and below, tests too: it sees
// calls and types, not words in comments.
func TestOnlyMoneyDivides(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		if filepath.Dir(path) == "decimal" || path == "bench_test.go" { // the numbers themselves; times
			return nil
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if what := forbidden(path, n); what != "" {
				t.Errorf("%s: %s has no place in rating", set.Position(n.Pos()), what)
			}
			return true
		})
		return nil
	})
	if err != nil || files < 10 {
		t.Fatalf("%d files read: %v", files, err)
	}
}

// forbidden names what is inexact, or asks the clock, about a piece of code.
func forbidden(path string, n ast.Node) string {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		of, _ := n.X.(*ast.Ident)
		switch name := n.Sel.Name; {
		case of != nil && of.Name == "time" && slices.Contains(clock, name):
			return "time." + name
		case slices.Contains(inexact, name) && path != onlyPlace:
			return name
		case name == "QuoRem" && !strings.HasSuffix(path, "_test.go") && !slices.Contains(wholeQuotients, path):
			return name
		}
	case *ast.Ident:
		if n.Name == "float64" || n.Name == "float32" {
			return n.Name
		}
	case *ast.BasicLit:
		if n.Kind == token.FLOAT && strings.Contains(n.Value, ".") { // 1e12 is mostly a whole number
			return "the float " + n.Value
		}
	}
	return ""
}

// TestForbidden proves that the test above sees what it looks for.
func TestForbidden(t *testing.T) {
	for code, want := range map[string]string{
		"a.Div(b)": "Div", "decimal.NewFromFloat(x)": "NewFromFloat", "a.DivRound(b, 2)": "DivRound", "float64(x)": "float64",
		"time.Now()": "time.Now", "0.1": "the float 0.1", "a.QuoRem(b, 0)": "QuoRem", "a.Mul(b)": "", "time.Date()": "",
	} {
		expression, err := parser.ParseExpr(code)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		ast.Inspect(expression, func(n ast.Node) bool {
			if what := forbidden("bill.go", n); what != "" {
				got = what
			}
			return true
		})
		if got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
