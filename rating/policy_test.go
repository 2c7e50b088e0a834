package rating_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The billing policies are tests as text, one file a rule, under
// testdata/policies. The first paragraph of a file is its heading, which says
// the rule as RULES does, and the catalog of its cases:
//
//	# MK-9: a top-up is at least 10.00; what it leaves is used first, and never expires.
//	catalog marketing
//
// Each further paragraph is a case. It starts from nothing: comments in plain
// English, commands, four dashes, and what the nights that it bills put out:
//
//	# Usage of 3.40 on an empty balance charges 10.00 and leaves 6.60.
//	account A plan=pro since=2024-04-10
//	sms A 2024-05-01 outbound acme US 340
//	bill 2024-05-02
//	----
//	2024-05-02 invoice A total 10.00 due 10.00
//	  …
//
// The commands are explained at scenario (policy_scenario_test.go), the output
// at render (policy_render_test.go). -rewrite writes what came out into the
// files, to be reviewed as a diff.
var rewrite = flag.Bool("rewrite", false, "write what the policy cases put out into testdata/policies")

const policies = "testdata/policies"

// TestPolicy runs each rule's cases: go test ./rating -run TestPolicy/MK-9
func TestPolicy(t *testing.T) {
	rules := readRules(t)
	for _, path := range policyFiles(t) {
		id := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := runPolicyFile(t, path, string(text), fmt.Sprintf("# %s: %s", id, rules[id]))
			if *rewrite && !t.Failed() && got != string(text) {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestEveryRuleHasAFile keeps the list of rules, the files and PENDING
// together: a rule is tested or is waiting to be built, and never both.
func TestEveryRuleHasAFile(t *testing.T) {
	rules := readRules(t)
	files := map[string]bool{}
	for _, path := range policyFiles(t) {
		files[strings.TrimSuffix(filepath.Base(path), ".txt")] = true
	}
	pending := map[string]bool{}
	for _, id := range readList(t, "PENDING") {
		if pending[id] {
			t.Errorf("%s stands in PENDING twice", id)
		}
		pending[id] = true
	}
	for id := range rules {
		switch {
		case files[id] && pending[id]:
			t.Errorf("%s has a file and stands in PENDING: take it out of PENDING", id)
		case !files[id] && !pending[id]:
			t.Errorf("%s has no %s/%s.txt and does not stand in PENDING", id, policies, id)
		}
		delete(files, id)
		delete(pending, id)
	}
	for id := range files {
		t.Errorf("%s/%s.txt is for a rule that RULES does not have", policies, id)
	}
	for id := range pending {
		t.Errorf("PENDING has %q, which is no rule of RULES", id)
	}
}

// readRules is the list of all rules: id and title.
func readRules(t *testing.T) map[string]string {
	rules := map[string]string{}
	for _, line := range readList(t, "RULES") {
		id, title, found := strings.Cut(line, " ")
		if !found || rules[id] != "" {
			t.Fatalf("RULES: %q: want an id that stands there once, and a title", line)
		}
		rules[id] = strings.TrimSpace(title)
	}
	return rules
}

// readList is the lines of a file of testdata/policies, without comments and
// blank lines.
func readList(t *testing.T, name string) []string {
	text, err := os.ReadFile(filepath.Join(policies, name))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

func policyFiles(t *testing.T) []string {
	paths, err := filepath.Glob(filepath.Join(policies, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no policy files: %v", err)
	}
	return paths
}

// runPolicyFile runs a file's cases and is the file as it should read.
func runPolicyFile(t *testing.T, path, text, heading string) string {
	paragraphs := splitParagraphs(text)
	if first := strings.SplitN(paragraphs[0].text, "\n", 2)[0]; first != heading {
		t.Errorf("%s:1: the heading is\n\t%s\nRULES has\n\t%s", path, first, heading)
	}
	defaults := commandsOf(paragraphs[0])
	var out bytes.Buffer
	out.WriteString(paragraphs[0].text)
	for _, p := range paragraphs[1:] {
		input, want, found := strings.Cut(p.text, "----\n")
		if !found {
			t.Fatalf("%s:%d: a case without ----", path, p.line)
		}
		got, err := runCase(defaults, commandsOf(paragraph{p.line, input}))
		if err != nil {
			t.Fatalf("%s:%v", path, err)
		}
		if got != want && !*rewrite {
			t.Errorf("%s:%d:\n%s----\n%s", path, p.line, input, difference(want, got))
		}
		fmt.Fprintf(&out, "\n%s----\n%s", input, got)
	}
	if len(paragraphs) == 1 {
		t.Errorf("%s: no cases", path)
	}
	return out.String()
}

// paragraph is a stretch of lines without a blank one.
type paragraph struct {
	line int // of the file, of its first line
	text string
}

func splitParagraphs(text string) []paragraph {
	var all []paragraph
	blank := true
	n := 0
	for line := range strings.Lines(text) {
		n++
		if strings.TrimSpace(line) == "" {
			blank = true
			continue
		}
		if blank {
			all = append(all, paragraph{line: n})
			blank = false
		}
		all[len(all)-1].text += line
	}
	return all
}

// command is a line of a case, cut into words.
type command struct {
	line  int
	text  string
	words []string
}

func commandsOf(p paragraph) []command {
	var all []command
	n := p.line - 1
	for line := range strings.Lines(p.text) {
		n++
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			all = append(all, command{n, line, strings.Fields(line)})
		}
	}
	return all
}

// difference shows two texts line by line, what is wanted and missing with −,
// what came and is not wanted with +.
func difference(want, got string) string {
	w, g := strings.Split(strings.TrimSuffix(want, "\n"), "\n"), strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	var out strings.Builder
	for len(w) > 0 || len(g) > 0 {
		switch {
		case len(w) > 0 && len(g) > 0 && w[0] == g[0]:
			fmt.Fprintf(&out, "  %s\n", w[0])
			w, g = w[1:], g[1:]
		case len(w) > 0 && !slices.Contains(g, w[0]):
			fmt.Fprintf(&out, "- %s\n", w[0])
			w = w[1:]
		case len(g) > 0:
			fmt.Fprintf(&out, "+ %s\n", g[0])
			g = g[1:]
		default:
			fmt.Fprintf(&out, "- %s\n", w[0])
			w = w[1:]
		}
	}
	return out.String()
}
