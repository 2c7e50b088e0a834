package writers

import (
	"os"
	"strings"
	"testing"
)

// The manual shows the columns of the table as they are.
func TestDifferencesInManual(t *testing.T) {
	text, err := os.ReadFile("../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(text), "### differences\n")
	want := strings.TrimRight(before, "\n") + "\n\n#" + DifferencesTable.Describe()
	if !found || string(text) != want {
		if *rewrite {
			if err := os.WriteFile("../docs/verify.md", []byte(want), 0o666); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Error("docs/verify.md does not end with the table's columns; make rewrite mends it")
	}
	for _, c := range DifferencesTable.columns() {
		if c.Doc == "" {
			t.Errorf("%s has no doc", c.Name)
		}
	}
}
