package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme does what the README tells its reader, in its order: writes the
// files that it shows, and runs each command as it stands there. What the
// README and docs/explain.md show of an answer stands in it.
func TestReadme(t *testing.T) {
	readme := read(t, "../../README.md")
	dir := t.TempDir()
	put(t, filepath.Join(dir, "fixtures/catalogs/marketing.yaml"), read(t, "../../fixtures/catalogs/marketing.yaml"))
	for _, m := range regexp.MustCompile("`(exports/[^`]+\\.csv)`:\n\n((?:    .*\n)+)").FindAllStringSubmatch(readme, -1) {
		put(t, filepath.Join(dir, m[1]), unindented(m[2]))
	}
	for _, b := range yamlBlocks(t, "../../README.md") {
		if strings.HasPrefix(b.text, "exports: exports\n") {
			put(t, filepath.Join(dir, defaultConfig), b.text)
		}
	}
	said := map[string]string{}
	for _, command := range readmeCommands(readme) {
		said[command] = runIn(t, dir, strings.Fields(command)...)
	}
	if len(said) < 8 {
		t.Errorf("the README shows %d commands: %v", len(said), said)
	}
	why := "ratemill explain --account acme --date 2024-05-02"
	if got, want := said[why], blockWith(t, readme, "usage: SMS outbound US"); !strings.Contains(got, want) {
		t.Errorf("%s says\n%s\nand the README shows\n%s", why, got, want)
	}
	if got := said["ratemill verify --output out"]; !strings.HasPrefix(got, "proven: ") {
		t.Error(got)
	}
	got := strings.ReplaceAll(runIn(t, dir, strings.Fields(why)...), "fixtures/catalogs/marketing.yaml", "catalog.yaml")
	if want := blockWith(t, read(t, "../../docs/explain.md"), "usage: SMS outbound US"); got != want {
		t.Errorf("%s says\n%s\nand docs/explain.md shows\n%s", why, got, want)
	}
}

// readmeCommands are the commands of the README that say all that they need:
// those on lines of their own, and those within a sentence that have flags.
func readmeCommands(readme string) (all []string) {
	for line := range strings.Lines(readme) {
		if command, shown := strings.CutPrefix(line, "    ratemill "); shown {
			command, _, _ = strings.Cut(command, " #")
			all = append(all, "ratemill "+strings.TrimSpace(command))
			continue
		}
		for _, m := range regexp.MustCompile("`(ratemill [a-z ]*--[^`]*)`").FindAllStringSubmatch(line, -1) {
			all = append(all, m[1])
		}
	}
	return all
}

// runIn runs the program in a folder; it must do what it is told.
func runIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RATEMILL_TEST_NOW=2024-05-20T12:00:00Z", "RATEMILL_LOG_LEVEL=warn")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// blockWith is the indented block of a Markdown text that has a word.
func blockWith(t *testing.T, markdown, word string) string {
	t.Helper()
	for _, block := range regexp.MustCompile(`(?:    .*\n|\n)+`).FindAllString(markdown, -1) {
		if strings.Contains(block, word) && strings.Contains(block, "\n    ") {
			return unindented(strings.Trim(block, "\n") + "\n")
		}
	}
	t.Fatalf("no block has %q", word)
	return ""
}

func unindented(block string) string {
	var b strings.Builder
	for line := range strings.Lines(block) {
		b.WriteString(strings.TrimPrefix(line, "    "))
	}
	return b.String()
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
