package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"ratemill/pipeline"
)

var exitCodes = []int{
	pipeline.ExitDone, pipeline.ExitOther, pipeline.ExitLook, pipeline.ExitOtherInputs, pipeline.ExitTotals, pipeline.ExitInput, pipeline.ExitUsage, pipeline.ExitTemporary,
}

// TestExitCodesAreReached: each stands in --help and in the operator's guide,
// and a script reaches it through the program.
func TestExitCodesAreReached(t *testing.T) {
	var help bytes.Buffer
	run(t.Context(), []string{"--help"}, &help, &help, time.Now)
	_, listed, _ := strings.Cut(strings.Join(strings.Fields(help.String()), " "), "Exit codes: ")
	guide, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, s := range scripts {
		text, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, killed := range []string{"130", "137", "143"} { // TestStoppedTwice reaches them
		if !strings.Contains(listed, killed) || !strings.Contains(string(guide), killed) {
			t.Errorf("--help or docs/operating.md does not tell of %s", killed)
		}
	}
	for _, code := range exitCodes {
		if !strings.HasPrefix(listed, fmt.Sprintf("%d ", code)) && !strings.Contains(listed, fmt.Sprintf(", %d ", code)) {
			t.Errorf("--help does not list exit code %d: %s", code, listed)
		}
		if !strings.Contains(string(guide), fmt.Sprintf("\n| %d |", code)) {
			t.Errorf("docs/operating.md does not say what exit code %d asks for", code)
		}
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^exits %d (ratemill|sh) `, code)).MatchString(all.String()) {
			t.Errorf("no script reaches exit code %d", code)
		}
	}
}

// TestConfigMap: the settings and the catalog of the Kubernetes manifests are
// ones that ratemill takes.
func TestConfigMap(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes/configmap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Data map[string]string }
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range manifest.Data {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"config", "check", filepath.Join(dir, "ratemill.yaml")}, {"catalog", "check", filepath.Join(dir, "catalog.yaml")}} {
		var out bytes.Buffer
		if code := run(t.Context(), args, &out, &out, time.Now); code != 0 {
			t.Errorf("%v: %d: %s", args, code, &out)
		}
	}
}
