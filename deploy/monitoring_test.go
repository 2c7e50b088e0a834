package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type rules struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert,omitempty"`
	Record      string            `json:"record,omitempty"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// knownMetrics are those that cmd/ratemill tells.
func knownMetrics(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile(`g\.(?:set|series)\("([a-z_]+)"`).FindAllStringSubmatch(text(t, "../cmd/ratemill/metrics.go"), -1) {
		all = append(all, "ratemill_"+m[1])
	}
	if len(all) < 10 {
		t.Fatalf("metrics.go has only %v", all)
	}
	return all
}

// asksKnown finds metrics of an expression that nobody tells.
func asksKnown(t *testing.T, where, expr string, known []string) {
	t.Helper()
	asked := regexp.MustCompile(`ratemill_[a-z_]+`).FindAllString(expr, -1)
	if len(asked) == 0 {
		t.Errorf("%s asks for no metric: %s", where, expr)
	}
	for _, name := range asked {
		if !slices.Contains(known, name) {
			t.Errorf("%s asks for %s, which nobody tells", where, name)
		}
	}
}

// TestAlerts: every rule asks for what there is, is proven to fire, and names
// a part of the guide.
func TestAlerts(t *testing.T) {
	var r rules
	if err := yaml.UnmarshalStrict([]byte(text(t, "alerts.yaml")), &r); err != nil {
		t.Fatal(err)
	}
	var proofs struct {
		Tests []struct {
			Cases []struct {
				Alert string `json:"alertname"`
				Fires []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal([]byte(text(t, "alerts_test.yaml")), &proofs); err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, p := range proofs.Tests {
		for _, c := range p.Cases {
			fires[c.Alert] = fires[c.Alert] || len(c.Fires) > 0
			silent[c.Alert] = silent[c.Alert] || len(c.Fires) == 0
		}
	}
	guide, known := text(t, "../docs/operating.md"), knownMetrics(t)
	for _, rule := range r.Groups[0].Rules {
		asksKnown(t, rule.Alert, rule.Expr, known)
		if !fires[rule.Alert] || !silent[rule.Alert] {
			t.Errorf("%s is not proven to fire and to be silent", rule.Alert)
		}
		if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
			t.Errorf("%s has severity %q", rule.Alert, rule.Labels["severity"])
		}
		file, anchor, _ := strings.Cut(rule.Annotations["runbook"], "#")
		title := "\n## " + strings.ReplaceAll(anchor, "-", " ") + "\n"
		if file != "docs/operating.md" || !strings.Contains(strings.ToLower(guide), title) {
			t.Errorf("%s: the guide has no %q", rule.Alert, rule.Annotations["runbook"])
		}
		if !strings.Contains(guide, "`"+rule.Alert+"`") {
			t.Errorf("the guide does not tell of %s", rule.Alert)
		}
	}
}

// promtool asks Prometheus itself. CI insists on it, unless it has tried to get
// it and says that there is none.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	switch {
	case err != nil && os.Getenv("CI") != "" && os.Getenv("PROMTOOL") != "none":
		t.Fatal("promtool is not there, which CI insists on: fixtures/install-promtool gets it, PROMTOOL=none does without")
	case err != nil:
		t.Skip("not checked by Prometheus: promtool is not there; fixtures/install-promtool gets it")
	}
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

// TestAlertsFire asks Prometheus itself, where it is.
func TestAlertsFire(t *testing.T) {
	promtool(t, "check", "rules", "alerts.yaml")
	promtool(t, "test", "rules", "alerts_test.yaml")
}

type dashboard struct {
	UID    string
	Title  string
	Panels []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, LegendFormat string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(text(t, "grafana.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" || len(d.Panels) < 10 {
		t.Fatalf("%q %q has %d panels", d.UID, d.Title, len(d.Panels))
	}
	return d
}

// TestDashboard: every panel asks for what there is, and none lies on another.
func TestDashboard(t *testing.T) {
	known, taken, ids := knownMetrics(t), map[[2]int]string{}, map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			asksKnown(t, p.Title, q.Expr, known)
			for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
				if !strings.Contains(q.Expr, label[1]) {
					t.Errorf("%s: label %s is not in %s", p.Title, label[1], q.Expr)
				}
			}
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is wider than the dashboard", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, is := taken[[2]int{x, y}]; is {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// TestDashboardAsksPromQL asks Prometheus itself, where it is: as rules, which
// it can check.
func TestDashboardAsksPromQL(t *testing.T) {
	var r rules
	r.Groups = append(r.Groups, struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}{Name: "panels"})
	for _, p := range readDashboard(t).Panels {
		for i, q := range p.Targets {
			r.Groups[0].Rules = append(r.Groups[0].Rules, rule{Record: fmt.Sprintf("panel_%d_%d", p.ID, i), Expr: q.Expr})
		}
	}
	content, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, content, 0o666); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
