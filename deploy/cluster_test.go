package deploy

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cluster is an API server of Kubernetes with its store and its controllers of
// Jobs and CronJobs, on loopback. It has no node: what becomes of a pod the
// test writes into its status, as a kubelet would.
type cluster struct {
	*testing.T
	bin    string // the programs that trial/build.sh has built
	dir    string
	config string // of kubectl
}

// startCluster starts one, for the length of the test.
func startCluster(t *testing.T, bin string) *cluster {
	c := &cluster{T: t, bin: bin, dir: t.TempDir()}
	c.config = c.file("kubeconfig")
	etcd, peers, api := "http://"+freeAddress(t), "http://"+freeAddress(t), freeAddress(t)
	c.write("tokens", []byte("trial,trial,trial,system:masters\n"))
	c.write("key", serviceAccountKey(t))
	c.daemon("etcd", "--data-dir", c.file("etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	host, port, _ := net.SplitHostPort(api)
	c.daemon("kube-apiserver", "--etcd-servers", etcd, "--bind-address", host, "--secure-port", port, "--cert-dir", c.file("certs"),
		"--token-auth-file", c.file("tokens"), "--authorization-mode", "RBAC", "--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.0.0.0/24",
		"--service-account-issuer", "https://trial", "--service-account-key-file", c.file("key"), "--service-account-signing-key-file", c.file("key"))
	c.write("kubeconfig", fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "trial",
		"clusters": [{"name": "trial", "cluster": {"server": "https://%s", "certificate-authority": %q}}],
		"users": [{"name": "trial", "user": {"token": "trial"}}],
		"contexts": [{"name": "trial", "context": {"cluster": "trial", "user": "trial"}}]}`, api, c.file("certs/apiserver.crt")))
	c.until(2*time.Minute, "the API server is ready", func() bool {
		_, _, err := c.try("get", "--raw", "/readyz")
		return err == nil
	})
	c.daemon("kube-controller-manager", "--kubeconfig", c.config, "--leader-elect=false", "--secure-port", "0",
		"--controllers", "job-controller,cronjob-controller,namespace-controller,serviceaccount-controller,garbage-collector-controller")
	return c
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func serviceAccountKey(t *testing.T) []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) write(name string, content []byte) {
	c.Helper()
	if err := os.WriteFile(c.file(name), content, 0o600); err != nil {
		c.Fatal(err)
	}
}

// daemon starts a program that runs until the test ends. What it says is shown
// where the test fails.
func (c *cluster) daemon(name string, args ...string) {
	c.Helper()
	cmd, said := exec.Command(filepath.Join(c.bin, name), args...), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr, cmd.Dir = said, said, c.dir
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if c.Failed() {
			c.Logf("%s said at last:\n%s", name, said.Bytes()[max(0, said.Len()-4000):])
		}
	})
}

// try is kubectl in the namespace of the manifests.
func (c *cluster) try(args ...string) (stdout, stderr string, err error) {
	var out, complaint strings.Builder
	cmd := exec.Command(filepath.Join(c.bin, "kubectl"), append([]string{"--kubeconfig", c.config, "--namespace", "ratemill"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

// kubectl must do it, and have nothing to warn of.
func (c *cluster) kubectl(args ...string) string {
	c.Helper()
	out, complaint, err := c.try(args...)
	if err != nil || complaint != "" {
		c.Fatalf("kubectl %v: %v\n%s%s", args, err, out, complaint)
	}
	return out
}

// get reads one object, or a list of them.
func get[T any](c *cluster, args ...string) (into T) {
	c.Helper()
	if err := json.Unmarshal([]byte(c.kubectl(append([]string{"get", "--output", "json"}, args...)...)), &into); err != nil {
		c.Fatalf("%v: %v", args, err)
	}
	return into
}

// until waits for what a controller must do.
func (c *cluster) until(limit time.Duration, what string, is func() bool) {
	c.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			c.Fatalf("after %v it is not so that %s", limit, what)
		}
	}
}
