package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const manual = "../../docs/sources.md"

// TestManualExamples: every YAML block of the manual is a settings file that
// the program and the schema take.
func TestManualExamples(t *testing.T) {
	blocks := yamlBlocks(t, manual)
	if len(blocks) < 25 {
		t.Fatalf("the manual has %d examples", len(blocks))
	}
	for _, b := range blocks {
		takes(t, b.place, b.text)
	}
}

// TestExampleSettings: so are the settings of the README and of the fixtures.
func TestExampleSettings(t *testing.T) {
	found := 0
	for _, b := range yamlBlocks(t, "../../README.md") {
		if strings.HasPrefix(b.text, "# ratemill.yaml\n") {
			takes(t, b.place, b.text)
			found++
		}
	}
	if found == 0 {
		t.Error("the README shows no ratemill.yaml")
	}
	err := filepath.WalkDir("../../fixtures", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != defaultConfig {
			return err
		}
		text, err := os.ReadFile(name)
		takes(t, name, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func takes(t *testing.T, place, text string) {
	t.Helper()
	if _, err := parseSettings(place, []byte(text)); err != nil {
		t.Error(err)
	}
	schemaTakes(t, text)
}

// TestManualIsWhole: the manual names every key.
func TestManualIsWhole(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []*form{sourceForm, lookupForm} {
		for _, k := range allKeys(form) {
			if !strings.Contains(string(text), "`"+k.name+"`") && !strings.Contains(string(text), "`"+k.name+":") && !strings.Contains(string(text), "`{"+k.name+":") {
				t.Errorf("the manual does not name %q", k.name)
			}
		}
	}
}

type yamlBlock struct{ place, text string }

// yamlBlocks are the blocks of a Markdown file that are marked as YAML.
func yamlBlocks(t *testing.T, name string) []yamlBlock {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []yamlBlock
	var in *yamlBlock
	for i, line := range strings.SplitAfter(string(text), "\n") {
		switch {
		case in == nil && line == "```yaml\n":
			in = &yamlBlock{place: fmt.Sprintf("%s from line %d", filepath.Base(name), i+1)}
		case in != nil && line == "```\n":
			blocks, in = append(blocks, *in), nil
		case in != nil:
			in.text += line
		}
	}
	return blocks
}
