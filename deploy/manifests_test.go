// Package deploy holds what operators install, and tests of it. It is a module
// of its own, so that the types of Kubernetes are no dependency of ratemill.
package deploy

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// decode reads a manifest strictly: a misspelt key is an error.
func decode[T any](t *testing.T, name string) *T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	into := new(T)
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return into
}

// same compares fields of a manifest: strict reading finds keys that are
// misspelt, not those that are missing.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// deref is what a pointer of the API points at; the zero value where the field
// is not set.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func TestManifestsAreRead(t *testing.T) {
	files, err := filepath.Glob("kubernetes/*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	same(t, "folder kubernetes", names, []string{"configmap.yaml", "cronjob.yaml", "namespace.yaml", "serviceaccount.yaml"})
}

func TestNamespaceIsRestricted(t *testing.T) {
	n := decode[corev1.Namespace](t, "namespace.yaml")
	same(t, "apiVersion and kind", n.APIVersion+" "+n.Kind, "v1 Namespace")
	for _, mode := range []string{"enforce", "audit", "warn"} {
		same(t, mode, n.Labels["pod-security.kubernetes.io/"+mode], "restricted")
	}
}

func TestServiceAccount(t *testing.T) {
	namespace, a := decode[corev1.Namespace](t, "namespace.yaml"), decode[corev1.ServiceAccount](t, "serviceaccount.yaml")
	same(t, "apiVersion and kind", a.APIVersion+" "+a.Kind, "v1 ServiceAccount")
	same(t, "namespace", a.Namespace, namespace.Name)
	same(t, "automountServiceAccountToken", a.AutomountServiceAccountToken, new(bool))
	if a.Annotations["eks.amazonaws.com/role-arn"] == "" {
		t.Error("the account names no role")
	}
}

func TestCronJobRunsOnceANight(t *testing.T) {
	j := decode[batchv1.CronJob](t, "cronjob.yaml")
	same(t, "apiVersion and kind", j.APIVersion+" "+j.Kind, "batch/v1 CronJob")
	same(t, "namespace", j.Namespace, decode[corev1.Namespace](t, "namespace.yaml").Name)
	same(t, "concurrencyPolicy", j.Spec.ConcurrencyPolicy, batchv1.ForbidConcurrent)
	if j.Spec.Schedule == "" {
		t.Error("no schedule")
	}
	if _, err := time.LoadLocation(deref(j.Spec.TimeZone)); err != nil || deref(j.Spec.TimeZone) == "" {
		t.Errorf("timeZone %q: %v", deref(j.Spec.TimeZone), err)
	}
	if s := deref(j.Spec.StartingDeadlineSeconds); s < 600 || s >= 86400 {
		t.Errorf("startingDeadlineSeconds is %d: want ten minutes at least, and less than a day", s)
	}
	if s := deref(j.Spec.JobTemplate.Spec.ActiveDeadlineSeconds); s < 3600 {
		t.Errorf("activeDeadlineSeconds is %d: too short for a catch-up, or none", s)
	}
	if deref(j.Spec.Suspend) {
		t.Error("it is suspended")
	}
}

// The order is DESIGN's: a disruption first, since a run that a drained node
// stops exits 75 or is killed; then the codes that no second try mends.
func TestPodFailurePolicy(t *testing.T) {
	s := decode[batchv1.CronJob](t, "cronjob.yaml").Spec.JobTemplate.Spec
	name := "ratemill"
	tried, pause := time.Duration(0), 10*time.Second // as the Job controller's grow
	for range deref(s.BackoffLimit) {
		tried, pause = tried+pause, min(2*pause, 10*time.Minute)
	}
	if tried < time.Hour {
		t.Errorf("what is temporary is tried again for %v alone, want an hour, as on systemd", tried)
	}
	same(t, "podFailurePolicy", s.PodFailurePolicy, &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{
		{Action: batchv1.PodFailurePolicyActionIgnore, OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}},
		{Action: batchv1.PodFailurePolicyActionFailJob, OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
			ContainerName: &name, Operator: batchv1.PodFailurePolicyOnExitCodesOpIn, Values: []int32{3, 4, 5, 6, 64},
		}},
		{Action: batchv1.PodFailurePolicyActionCount, OnExitCodes: &batchv1.PodFailurePolicyOnExitCodesRequirement{
			ContainerName: &name, Operator: batchv1.PodFailurePolicyOnExitCodesOpNotIn, Values: []int32{0, 3, 4, 5, 6, 64},
		}},
	}})
	same(t, "restartPolicy", s.Template.Spec.RestartPolicy, corev1.RestartPolicyNever) // the policy asks for it
}

// TestPodIsRestricted: what PodSecurity `restricted` asks for, and a root that
// is read-only.
func TestPodIsRestricted(t *testing.T) {
	p := decode[batchv1.CronJob](t, "cronjob.yaml").Spec.JobTemplate.Spec.Template.Spec
	same(t, "containers", len(p.Containers)+len(p.InitContainers), 1)
	same(t, "runAsNonRoot", deref(p.SecurityContext.RunAsNonRoot), true)
	same(t, "runAsUser", deref(p.SecurityContext.RunAsUser), int64(65532)) // as in the Dockerfile
	same(t, "fsGroup", deref(p.SecurityContext.FSGroup), int64(65532))
	same(t, "seccompProfile", deref(p.SecurityContext.SeccompProfile).Type, corev1.SeccompProfileTypeRuntimeDefault)
	same(t, "hostNetwork, hostPID, hostIPC", p.HostNetwork || p.HostPID || p.HostIPC, false)
	c := p.Containers[0]
	same(t, "allowPrivilegeEscalation", c.SecurityContext.AllowPrivilegeEscalation, new(bool))
	same(t, "readOnlyRootFilesystem", deref(c.SecurityContext.ReadOnlyRootFilesystem), true)
	same(t, "capabilities", c.SecurityContext.Capabilities, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}})
	same(t, "serviceAccountName", p.ServiceAccountName, decode[corev1.ServiceAccount](t, "serviceaccount.yaml").Name)
	same(t, "automountServiceAccountToken", p.AutomountServiceAccountToken, new(bool))
	for _, v := range p.Volumes {
		if v.ConfigMap == nil && v.EmptyDir == nil {
			t.Errorf("volume %s is neither a ConfigMap nor an emptyDir", v.Name)
		}
	}
}

func TestPodHasRoomAndTime(t *testing.T) {
	p := decode[batchv1.CronJob](t, "cronjob.yaml").Spec.JobTemplate.Spec.Template.Spec
	c := p.Containers[0]
	for _, r := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
		request, limit := c.Resources.Requests[r], c.Resources.Limits[r]
		if request.IsZero() || limit.IsZero() || request.Cmp(limit) > 0 {
			t.Errorf("%s: request %v, limit %v", r, request.String(), limit.String())
		}
	}
	config := decode[corev1.ConfigMap](t, "configmap.yaml")
	var settings map[string]any
	if err := yaml.UnmarshalStrict([]byte(config.Data["ratemill.yaml"]), &settings); err != nil {
		t.Fatal(err)
	}
	grace, err := time.ParseDuration(settings["grace_period"].(string))
	if whole := time.Duration(deref(p.TerminationGracePeriodSeconds)) * time.Second; err != nil || grace <= 0 || whole < grace+10*time.Second {
		t.Errorf("terminationGracePeriodSeconds %v leaves no time beside grace_period %v (%v)", whole, grace, err)
	}
}

func TestPodFindsItsFiles(t *testing.T) {
	p := decode[batchv1.CronJob](t, "cronjob.yaml").Spec.JobTemplate.Spec.Template.Spec
	c, config := p.Containers[0], decode[corev1.ConfigMap](t, "configmap.yaml")
	same(t, "ConfigMap's namespace", config.Namespace, decode[corev1.Namespace](t, "namespace.yaml").Name)
	same(t, "args", c.Args, []string{"run"}) // --first-night never stands in a manifest
	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		mounts[m.Name] = m.MountPath
		same(t, m.Name+" is read-only", m.ReadOnly, m.Name == "config")
	}
	same(t, "mounts", mounts, map[string]string{"config": "/etc/ratemill", "scratch": env["RATEMILL_TEMP_DIR"]})
	same(t, "RATEMILL_CONFIG", env["RATEMILL_CONFIG"], "/etc/ratemill/ratemill.yaml")
	i := slices.IndexFunc(p.Volumes, func(v corev1.Volume) bool { return v.Name == "config" })
	same(t, "ConfigMap", p.Volumes[i].ConfigMap.Name, config.Name)
	var settings map[string]any
	if err := yaml.UnmarshalStrict([]byte(config.Data["ratemill.yaml"]), &settings); err != nil {
		t.Fatal(err)
	}
	if _, there := config.Data["catalog.yaml"]; !there || settings["catalog"] != "/etc/ratemill/catalog.yaml" {
		t.Errorf("catalog is %v", settings["catalog"])
	}
	var catalog struct{ Catalog map[string]any }
	if err := yaml.Unmarshal([]byte(config.Data["catalog.yaml"]), &catalog); err != nil {
		t.Fatal(err)
	}
	same(t, "timeZone", deref(decode[batchv1.CronJob](t, "cronjob.yaml").Spec.TimeZone), catalog.Catalog["time_zone"])
}
