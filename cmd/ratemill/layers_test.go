package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says which of the project's packages each package may import
// besides those below it in its own folder. Imports run one way: cmd ->
// pipeline -> (readers, writers) -> rating -> catalog -> money, calendar; decimal is a number
// for all. The leaves nearest and yamltext serve all who read what people wrote.
var mayImport = map[string][]string{
	"cmd/ratemill":      {"pipeline", "pipeline/store", "readers", "writers", "writers/report", "rating/catalog", "rating/calendar", "rating/yamltext", "rating/nearest", "fixtures/generate", "rating/decimal"},
	"pipeline":          {"pipeline/store", "readers", "writers", "writers/report", "rating", "rating/catalog", "rating/calendar", "rating/money", "rating/nearest", "rating/decimal"},
	"pipeline/store":    {},
	"readers":           {"rating/calendar", "rating/nearest", "rating/decimal"},
	"writers":           {"rating/money", "rating/calendar", "rating/decimal"},
	"writers/report":    {"rating/calendar", "rating/decimal"},
	"rating":            {"rating/catalog", "rating/calendar", "rating/money", "rating/pricing", "rating/nearest", "rating/decimal"},
	"rating/catalog":    {"rating/calendar", "rating/money", "rating/pricing", "rating/yamltext", "rating/nearest", "rating/decimal"},
	"rating/pricing":    {"rating/money", "rating/decimal"},
	"rating/calendar":   {},
	"rating/decimal":    {},
	"rating/money":      {"rating/decimal"},
	"rating/yamltext":   {},
	"rating/nearest":    {},
	"fixtures/bench":    {}, // runs the binary
	"fixtures/generate": {"rating", "rating/calendar"},
	"fixtures/s3server": {}, // a module of its own, for tests and demos
	"fixtures/s3test":   {}, // for tests alone
}

// rating is pure: no I/O, clock, environment, goroutine or logger.
var impure = []string{"context", "io", "os", "net", "net/http", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "sync", "os/exec", "runtime", "gocloud.dev/blob"}

// topLevel is all that may stand at the top of the repository.
var topLevel = []string{
	"cmd", "pipeline", "rating", "readers", "writers", "fixtures", "deploy", "docs", "go.mod", "go.sum", "Makefile",
	"README.md", "LICENSE", "ARCHITECTURE.md", "DECISIONS.md", "CHANGELOG.md",
}

// The test parses the files itself: one that asked `go list` would be served
// from the test cache and miss changes.
func TestLayers(t *testing.T) {
	for dir, imports := range importsOf(t) {
		allowed, known := mayImport[dir]
		if !known {
			t.Errorf("package %s is new: say in mayImport what it may import", dir)
		}
		for _, i := range imports {
			own, is := strings.CutPrefix(i, "ratemill/")
			if is && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s: that arrow is not in the house", dir, own)
			}
			if strings.HasPrefix(dir, "rating") && slices.Contains(impure, i) {
				t.Errorf("%s imports %s: rating is pure", dir, i)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && name != "build" && !slices.Contains(topLevel, name) {
			t.Errorf("%s does not belong at the top of the repository", name)
		}
	}
}

// importsOf is what the non-test files of each package import, by folder.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	root := "../.."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" || d.Name() == "node_modules" || rel == "build") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(rel)
		all[dir] = append(all[dir], []string{}...)
		for _, i := range file.Imports {
			text, _ := strconv.Unquote(i.Path.Value)
			all[dir] = append(all[dir], text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
