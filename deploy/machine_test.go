package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func text(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// unit is a unit's settings, each with all its values in order.
func unit(t *testing.T, name string) map[string][]string {
	all := map[string][]string{}
	for _, line := range strings.Split(text(t, name), "\n") {
		if key, value, is := strings.Cut(line, "="); is && !strings.HasPrefix(line, "#") {
			all[key] = append(all[key], value)
		}
	}
	return all
}

func TestService(t *testing.T) {
	s := unit(t, "systemd/ratemill.service")
	for key, want := range map[string]string{
		"Type": "oneshot", "Restart": "on-failure", "RestartPreventExitStatus": "3 4 5 6 64", "User": "ratemill",
		"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
		"CapabilityBoundingSet": "", "RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes", "TimeoutStopSec": "60s",
	} {
		same(t, key, s[key], []string{want})
	}
	// A success would hide that somebody must look.
	same(t, "SuccessExitStatus", s["SuccessExitStatus"], []string(nil))
	timer := unit(t, "systemd/ratemill.timer")
	same(t, "Persistent", timer["Persistent"], []string{"true"})
}

// TestUnitsAreUnderstood asks systemd itself, where it is.
func TestUnitsAreUnderstood(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not there")
	}
	dir := t.TempDir()
	for _, name := range []string{"ratemill.service", "ratemill.timer"} {
		// It wants to find the program.
		content := strings.ReplaceAll(text(t, "systemd/"+name), "/usr/local/bin/ratemill", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(analyze, "verify", filepath.Join(dir, "ratemill.service"), filepath.Join(dir, "ratemill.timer")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "ratemill") {
		t.Errorf("%v\n%s", err, out)
	}
	// Of a hundred, where fewer is less exposed. Older ones judge loaded units alone.
	if help, _ := exec.Command(analyze, "--help").CombinedOutput(); strings.Contains(string(help), "--threshold") {
		out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", filepath.Join(dir, "ratemill.service")).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	when := unit(t, "systemd/ratemill.timer")["OnCalendar"][0]
	if out, err := exec.Command(analyze, "calendar", when).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestImage: a static binary alone, nobody's user, one folder to write to.
func TestImage(t *testing.T) {
	build, final, found := strings.Cut(text(t, "Dockerfile"), "\nFROM scratch\n")
	if !found || strings.Contains(final, "\nFROM ") {
		t.Fatal("the last stage is not scratch")
	}
	for _, want := range []string{"CGO_ENABLED=0 go build", "-X main.release=$VERSION", "go mod download"} {
		if !strings.Contains(build, want) {
			t.Errorf("the build has no %q", want)
		}
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "/etc/ssl/certs/ca-certificates.crt", "RATEMILL_TEMP_DIR=/scratch", "\nENTRYPOINT [\"/ratemill\"]\n"} {
		if !strings.Contains(final, want) {
			t.Errorf("the image has no %q", want)
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(text(t, "../go.mod"))[1]
	if !strings.HasPrefix(build, "#") || !strings.Contains(build, "\nFROM golang:"+version+" AS build\n") {
		t.Errorf("the image is not built with Go %s, which go.mod asks for", version)
	}
}
