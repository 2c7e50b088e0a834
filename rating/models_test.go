package rating_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestModels runs the cases of the pricing models, written as policy files are:
// go test ./rating -run TestModels/graduated
func TestModels(t *testing.T) { runCaseFiles(t, "models", 7) }

// TestCycles runs the cases of cycles and of how parts of them are counted.
func TestCycles(t *testing.T) { runCaseFiles(t, "cycles", 4) }

// TestCompanies runs the cases of companies whose catalogs were written from the
// manual alone.
func TestCompanies(t *testing.T) { runCaseFiles(t, "companies", 1) }

func runCaseFiles(t *testing.T, folder string, atLeast int) {
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(paths) < atLeast {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			heading, _, _ := strings.Cut(string(text), "\n")
			got := runPolicyFile(t, path, string(text), heading)
			if *rewrite && !t.Failed() && got != string(text) {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
