package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTrial applies the manifests to an API server of Kubernetes and holds its
// Job and CronJob controllers against what docs/operating.md says of them. It
// wants bash, jq and the programs that trial/build.sh builds, and takes two
// minutes: `make trial` runs it, no check does.
func TestTrial(t *testing.T) {
	bin := os.Getenv("RATEMILL_KUBERNETES")
	if bin == "" {
		t.Skip("RATEMILL_KUBERNETES names no folder of trial/build.sh")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, bin)
	t.Logf("%s", c.kubectl("version"))
	c.applied(t)
	for _, part := range []struct {
		name string
		try  func(*cluster)
	}{
		{"restricted", (*cluster).triesRestricted}, {"guide", (*cluster).triesGuide}, {"large catalog", (*cluster).triesLargeCatalog}, {"exit codes", (*cluster).triesExitCodes},
		{"drained", (*cluster).triesDrained}, {"last try", (*cluster).triesLast}, {"schedule", (*cluster).triesSchedule},
	} {
		t.Run(part.name, func(t *testing.T) {
			own := *c
			own.T = t
			part.try(&own)
		})
	}
}

// applied applies the manifests as the guide says; kubectl fails the test where
// the server warns. The second time changes nothing.
func (c *cluster) applied(t *testing.T) {
	c.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "kubernetes/namespace.yaml")
	c.kubectl("apply", "-f", "kubernetes/namespace.yaml")
	c.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "kubernetes")
	for _, name := range []string{"serviceaccount", "configmap", "cronjob"} {
		c.kubectl("apply", "--validate=strict", "--dry-run=server", "--server-side", "-f", "kubernetes/"+name+".yaml")
	}
	c.kubectl("apply", "--validate=strict", "-f", "kubernetes")
	again := c.kubectl("apply", "--validate=strict", "-f", "kubernetes")
	if strings.Count(again, " unchanged\n") != 4 {
		t.Errorf("applied again: %s", again)
	}
}

// manual is a Job made of the CronJob by hand; change changes it before.
func (c *cluster) manual(name string, change func(*batchv1.Job)) {
	c.Helper()
	var job batchv1.Job
	if err := json.Unmarshal([]byte(c.kubectl("create", "job", name, "--from=cronjob/ratemill", "--dry-run=client", "--output", "json")), &job); err != nil {
		c.Fatal(err)
	}
	change(&job)
	text, err := json.Marshal(job)
	if err != nil {
		c.Fatal(err)
	}
	c.write(name+".json", text)
	c.kubectl("apply", "--validate=strict", "-f", c.file(name+".json"))
}

func unchanged(*batchv1.Job) {}

// pods are those of a Job that are not known to have ended.
func (c *cluster) pods(job string) []corev1.Pod {
	c.Helper()
	return get[corev1.PodList](c, "pods", "--selector", "job-name="+job, "--field-selector", "status.phase!=Failed,status.phase!=Succeeded").Items
}

// pod waits for the one pod of a Job that has not ended, and is not old.
func (c *cluster) pod(job, old string) (pod corev1.Pod) {
	c.Helper()
	c.until(time.Minute, "job "+job+" has a pod", func() bool {
		for _, pod = range c.pods(job) {
			if pod.Name != old && pod.DeletionTimestamp == nil {
				return true
			}
		}
		return false
	})
	return pod
}

// ends is what a kubelet tells of a pod whose container ended with a code.
func (c *cluster) ends(pod string, code int, conditions ...corev1.PodCondition) {
	c.Helper()
	status := corev1.PodStatus{Phase: corev1.PodFailed, Conditions: conditions, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "ratemill", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code)}},
	}}}
	if code == 0 {
		status.Phase = corev1.PodSucceeded
	}
	text, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		c.Fatal(err)
	}
	c.kubectl("patch", "pod", pod, "--subresource", "status", "--patch", string(text))
}

// outcome is how a Job stands.
func (c *cluster) outcome(job string) string {
	c.Helper()
	status := get[batchv1.Job](c, "job", job).Status
	for _, condition := range status.Conditions {
		if (condition.Type == batchv1.JobFailed || condition.Type == batchv1.JobComplete) && condition.Status == corev1.ConditionTrue {
			return strings.TrimSpace(fmt.Sprintf("%s %s", condition.Type, condition.Reason))
		}
	}
	if deref(status.Ready) == 0 && status.Active == 1 {
		return fmt.Sprintf("tried again, %d failed", status.Failed)
	}
	return fmt.Sprintf("%d active, %d failed", status.Active, status.Failed)
}

func (c *cluster) becomes(job, want string) {
	c.Helper()
	got := ""
	for end := time.Now().Add(40 * time.Second); got != want && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		got = c.outcome(job)
	}
	if got != want {
		c.Errorf("%s: %s, want %s", job, got, want)
	}
}

// triesRestricted: the server does refuse and warn, so that its silence counts.
func (c *cluster) triesRestricted() {
	c.kubectl("run", "allowed", "--image", "none", "--restart", "Never", "--dry-run=server", "--overrides", `{"spec": {
		"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
		"containers": [{"name": "allowed", "image": "none", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}`)
	if _, complaint, err := c.try("run", "refused", "--image", "none"); err == nil || !strings.Contains(complaint, `violates PodSecurity "restricted:latest"`) {
		c.Errorf("a pod of no restriction: %v %s", err, complaint)
	}
	if _, complaint, err := c.try("create", "job", "warned", "--image", "none", "--dry-run=server"); err != nil || !strings.Contains(complaint, "Warning: would violate PodSecurity") {
		c.Errorf("a Job of no restriction: %v %s", err, complaint)
	}
}

// triesLargeCatalog: over 256 KiB a plain apply is refused, since it keeps a
// copy in an annotation; the guide's way takes it, over what was applied before.
func (c *cluster) triesLargeCatalog() {
	c.write("ratemill.yaml", []byte("catalog: /etc/ratemill/catalog.yaml\n"))
	c.write("catalog.yaml", []byte(strings.Repeat("# a price\n", 60_000)))
	c.write("large.yaml", []byte(c.kubectl("create", "configmap", "ratemill", "--from-file", c.file("ratemill.yaml"), "--from-file", c.file("catalog.yaml"), "--dry-run=client", "--output", "yaml")))
	if _, complaint, err := c.try("apply", "-f", c.file("large.yaml")); err == nil || !strings.Contains(complaint, "may not be more than 262144 bytes") {
		c.Errorf("applied as it is: %v %s", err, complaint)
	}
	c.kubectl("apply", "--server-side", "-f", c.file("large.yaml"))
	same(c.T, "bytes of the catalog", len(get[corev1.ConfigMap](c, "configmap", "ratemill").Data["catalog.yaml"]), 600_000)
}

// triesGuide runs the guide's commands as they stand there: what it applies,
// its first night, a catalog from files, a run out of turn.
func (c *cluster) triesGuide() {
	_, guide, _ := strings.Cut(text(c.T, "../docs/operating.md"), "\n### Kubernetes\n")
	guide, _, _ = strings.Cut(guide, "\n### ")
	here, err := filepath.Abs(".")
	if err != nil {
		c.Fatal(err)
	}
	if err := os.Symlink(here, c.file("deploy")); err != nil {
		c.Fatal(err)
	}
	c.write("ratemill.yaml", []byte("catalog: /etc/ratemill/catalog.yaml\n"))
	c.write("catalog.yaml", []byte("# prices\n"))
	blocks := regexp.MustCompile(`(?m)(^    .+\n)+`).FindAllString(guide, -1)
	inline := regexp.MustCompile("`(kubectl -n ratemill create job now .+?)`").FindStringSubmatch(guide)
	if len(blocks) < 3 || inline == nil {
		c.Fatalf("the guide has other commands: %q, %q", blocks, inline)
	}
	for _, command := range append(blocks, inline[1]) {
		cmd, complaint := exec.Command("bash", "-euo", "pipefail", "-c", command), new(strings.Builder)
		cmd.Dir, cmd.Stderr = c.dir, complaint
		cmd.Env = append(os.Environ(), "KUBECONFIG="+c.config, "PATH="+c.bin+":"+os.Getenv("PATH"))
		if err := cmd.Run(); err != nil || complaint.Len() > 0 {
			c.Errorf("%s: %v %s", command, err, complaint)
		}
	}
	same(c.T, "catalog", get[corev1.ConfigMap](c, "configmap", "ratemill").Data["catalog.yaml"], "# prices\n")
	same(c.T, "args of a run out of turn", c.pod("now", "").Spec.Containers[0].Args, []string{"run"})
	pod := c.pod("first-night", "")
	same(c.T, "args of the first night", pod.Spec.Containers[0].Args, []string{"run", "--date", "2024-05-01", "--first-night"})
	same(c.T, "account", pod.Spec.ServiceAccountName, "ratemill")
	same(c.T, "volumes", len(pod.Spec.Volumes), 2) // no token beside them
	c.ends(pod.Name, 0)
	c.becomes("first-night", "Complete CompletionsReached")
}

// triesExitCodes: those of DESIGN.md, of a crash (2), a kill for want of memory
// (137) and a signal that nobody caught (143).
func (c *cluster) triesExitCodes() {
	const fails, again = "Failed PodFailurePolicy", "tried again, 1 failed"
	want := map[int]string{3: fails, 4: fails, 5: fails, 6: fails, 64: fails, 1: again, 2: again, 75: again, 137: again, 143: again}
	for code := range want {
		c.manual(fmt.Sprintf("exit-%d", code), unchanged)
	}
	for code := range want {
		c.ends(c.pod(fmt.Sprintf("exit-%d", code), "").Name, code)
	}
	for code, outcome := range want {
		c.becomes(fmt.Sprintf("exit-%d", code), outcome)
	}
}

// triesDrained: a pod that is evicted has the condition before its container
// ends, whatever that ends with; the run is started again and nothing counted.
func (c *cluster) triesDrained() {
	c.write("node.json", []byte(`{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "drained"}}`))
	c.kubectl("create", "-f", c.file("node.json"))
	for _, code := range []int{75, 3, 137, 143} {
		job := fmt.Sprintf("drained-%d", code)
		c.manual(job, unchanged)
		pod := c.pod(job, "").Name
		c.post("pods/"+pod+"/binding", `{"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "`+pod+`"}, "target": {"kind": "Node", "name": "drained"}}`)
		c.post("pods/"+pod+"/eviction", `{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "`+pod+`"}}`)
		evicted := get[corev1.Pod](c, "pod", pod)
		same(c.T, "grace in seconds", deref(evicted.DeletionGracePeriodSeconds), int64(120))
		c.ends(pod, code, evicted.Status.Conditions...)
		c.kubectl("delete", "pod", pod, "--wait=false", "--grace-period", "1") // as a kubelet, whose container is gone
		c.pod(job, pod)
		c.becomes(job, "tried again, 0 failed")
	}
}

// post creates a subresource.
func (c *cluster) post(path, object string) {
	c.Helper()
	c.write("posted.json", []byte(object))
	c.kubectl("create", "--raw", "/api/v1/namespaces/ratemill/"+path, "-f", c.file("posted.json"))
}

// triesLast: what is tried again is not tried for ever. One retry stands for
// twelve, whose pauses take more than an hour.
func (c *cluster) triesLast() {
	one := int32(1)
	c.manual("last", func(job *batchv1.Job) { job.Spec.BackoffLimit = &one })
	pod := c.pod("last", "").Name
	c.ends(pod, 75)
	c.ends(c.pod("last", pod).Name, 75)
	c.becomes("last", "Failed BackoffLimitExceeded")
}

// triesSchedule: the CronJob starts at the zone's time of day, makes up for one
// start of many that it missed within eight hours, and never runs two at once.
func (c *cluster) triesSchedule() {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		c.Fatal(err)
	}
	at := func(at time.Time) string { return fmt.Sprintf("%d %d * * *", at.In(zone).Minute(), at.In(zone).Hour()) }
	now := time.Now()

	// Missed for three days, and today's start lies nine hours back: the next
	// one is not before tomorrow.
	c.missed(at(now.Add(-9*time.Hour)), now)
	time.Sleep(5 * time.Second)
	same(c.T, "started after nine hours", c.scheduled(), []string(nil))
	// Seven hours back: one Job, not three.
	c.missed(at(now.Add(-7*time.Hour)), now)
	c.until(20*time.Second, "the missed night is started", func() bool { return len(c.scheduled()) == 1 })
	first := c.scheduled()[0]
	pod := c.pod(first, "").Name

	// Another is missed while that one is at work.
	c.missed(at(now.Add(-6*time.Hour)), now)
	c.until(20*time.Second, "the controller tells of Forbid", func() bool {
		return strings.Contains(c.kubectl("get", "events", "--output", "jsonpath={.items[*].reason}"), "JobAlreadyActive")
	})
	same(c.T, "started beside it", c.scheduled(), []string{first})
	c.ends(pod, 3)
	c.until(20*time.Second, "it is made up for afterwards", func() bool { return len(c.scheduled()) == 2 })
	second := c.scheduled()
	c.ends(c.pod(second[len(second)-1], "").Name, 0)

	// And on time, by the clock of the zone.
	soon := time.Now().Add(90 * time.Second).Truncate(time.Minute)
	c.kubectl("patch", "cronjob", "ratemill", "--patch", `{"spec": {"schedule": "`+at(soon)+`"}}`)
	c.until(time.Until(soon)+20*time.Second, "it is started on time", func() bool { return len(c.scheduled()) == 3 })
	for _, job := range get[batchv1.JobList](c, "jobs").Items {
		if age := job.CreationTimestamp.Sub(soon); age >= 0 {
			same(c.T, "its time", job.Annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"], soon.In(zone).Format(time.RFC3339))
		}
	}
}

// missed sets a schedule that has started nothing for three days.
func (c *cluster) missed(schedule string, now time.Time) {
	c.Helper()
	c.kubectl("patch", "cronjob", "ratemill", "--patch", `{"spec": {"suspend": true, "schedule": "`+schedule+`"}}`)
	c.kubectl("patch", "cronjob", "ratemill", "--subresource", "status", "--patch",
		`{"status": {"lastScheduleTime": "`+now.Add(-72*time.Hour).UTC().Format(time.RFC3339)+`"}}`)
	c.kubectl("patch", "cronjob", "ratemill", "--patch", `{"spec": {"suspend": false}}`)
}

// scheduled are the Jobs that the CronJob has started itself, oldest first.
func (c *cluster) scheduled() (names []string) {
	c.Helper()
	for _, job := range get[batchv1.JobList](c, "jobs", "--sort-by", ".metadata.creationTimestamp").Items {
		if _, by := job.Annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"]; by && metav1.GetControllerOf(&job) != nil {
			names = append(names, job.Name)
		}
	}
	return names
}
