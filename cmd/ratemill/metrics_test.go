package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// night bills a night of a small export in process and returns its exit code
// and stderr.
func night(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	dir := t.TempDir()
	events := filepath.Join(dir, "exports", "account_events", "date=2024-05-01", "events.csv")
	if err := os.MkdirAll(filepath.Dir(events), 0o777); err != nil {
		t.Fatal(err)
	}
	rows := "event_id,account_id,occurred_at,type,plan,term,method\ne1,acme,2024-05-01T16:00:00Z,signed_up,pro,monthly,card\n"
	if err := os.WriteFile(events, []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	args = append([]string{"run", "--exports", filepath.Join(dir, "exports"), "--output", filepath.Join(dir, "out"), "--catalog", "../../fixtures/catalogs/marketing.yaml",
		"--date", "2024-05-01", "--first-night"}, args...)
	now := time.Date(2024, 5, 2, 12, 0, 0, 0, time.UTC)
	code = run(t.Context(), args, &out, &errs, func() time.Time { return now })
	return code, errs.String()
}

// TestPushgateway: families that a run tells are replaced, others stay (POST),
// under the job that is asked for.
func TestPushgateway(t *testing.T) {
	var method, path, body string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		method, path, body = r.Method, r.URL.Path, string(text)
	}))
	defer gateway.Close()
	if code, stderr := night(t, "--pushgateway", gateway.URL, "--metrics-job", "acme"); code != 0 {
		t.Fatalf("%d: %s", code, stderr)
	}
	if method != "POST" || path != "/metrics/job/acme" || !strings.Contains(body, "ratemill_night_line_money") {
		t.Errorf("%s %s: %q", method, path, body)
	}
}

// TestPushgatewayRefuses: the night does not fail for it.
func TestPushgatewayRefuses(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }))
	defer gateway.Close()
	if code, stderr := night(t, "--pushgateway", gateway.URL); code != 0 || !strings.Contains(stderr, "metrics not pushed") {
		t.Errorf("%d: %s", code, stderr)
	}
}

// TestMetricsAreUnderstood asks Prometheus itself, where it is.
func TestMetricsAreUnderstood(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	switch {
	case err != nil && os.Getenv("CI") != "" && os.Getenv("PROMTOOL") != "none":
		t.Fatal("promtool is not there, which CI insists on: fixtures/install-promtool gets it, PROMTOOL=none does without")
	case err != nil:
		t.Skip("not checked by Prometheus: promtool is not there; fixtures/install-promtool gets it")
	}
	file := filepath.Join(t.TempDir(), "ratemill.prom")
	if code, stderr := night(t, "--metrics-file", file); code != 0 {
		t.Fatalf("%d: %s", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLine: what a phase's line on a terminal says.
func TestLine(t *testing.T) {
	for _, c := range []struct {
		parts, things, of int64
		took              time.Duration
		want              string
	}{
		{0, 0, 100, 0, "1970-01-02 map"},
		{0, 500, 100, 500 * time.Millisecond, "1970-01-02 map: 500 rows"},
		{25, 1_234_567, 100, 2 * time.Second, "1970-01-02 map: 1,234,567 rows, 617,283/s, 0:06 left"},
		{1, 1_000, 3601, time.Second, "1970-01-02 map: 1,000 rows, 1,000/s, 1:00:00 left"},
		{100, 2_000, 100, 2 * time.Second, "1970-01-02 map: 2,000 rows, 1,000/s"},
		{1 << 40, 10, 1 << 41, time.Minute, "1970-01-02 map: 10 rows, 0/s, 1:00 left"},
	} {
		w := &watch{}
		w.step.Night, w.step.Phase, w.step.Parts = 1, "map", c.of
		w.parts.Store(c.parts)
		w.things.Store(c.things)
		if got := w.line(c.took); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
