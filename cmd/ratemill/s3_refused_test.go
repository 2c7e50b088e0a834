package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ratemill/fixtures/s3test"
)

// wantRefused wants that a command ends with 64, that the line says what S3
// said, and that the hint names the setting and what to do about it.
func wantRefused(t *testing.T, name string, cmd *exec.Cmd, line string, hint ...string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	_, said, found := strings.Cut(text, "\nratemill: hint: ")
	if exitOf(err) != 64 || !found || !strings.Contains(text, line) {
		t.Errorf("%s: %v: %s\nwant 64 and %q", name, err, text, line)
	}
	for _, part := range hint {
		if !strings.Contains(said, part) {
			t.Errorf("%s: the hint is %q, want %q in it", name, said, part)
		}
	}
}

// A key that the server does not know, a secret that is not the key's and a
// bucket that is not there are mistakes in the settings, in whatever setting
// they stand.
func TestWrongStoreIsWrongUsage(t *testing.T) {
	server := s3test.Start(t)
	dir := t.TempDir()
	copyTo(t, generated(t, "2024-05-01"), func(name string) string { return filepath.Join(dir, name) })
	bucket := server.Bucket(t)
	copyTo(t, dir, inBucket(server, bucket))
	for _, setting := range []string{"exports", "history", "catalog.yaml"} {
		flag := map[string]string{"exports": "--exports", "history": "--output", "catalog.yaml": "--catalog"}[setting]
		at := func(bucket string) location {
			return func(name string) string {
				if name == setting {
					return s3test.Location(server.Endpoint, bucket, name)
				}
				return filepath.Join(dir, name)
			}
		}
		for _, keys := range []struct{ id, secret, line, hint string }{
			{"nobody", s3test.SecretKey, "access key ID", "AWS_ACCESS_KEY_ID"},
			{s3test.AccessKey, "wrong", "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"},
		} {
			cmd := ratemill(t, at(bucket), "run", "--date", "2024-05-02")
			cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+keys.id, "AWS_SECRET_ACCESS_KEY="+keys.secret)
			wantRefused(t, setting, cmd, keys.line, flag, keys.hint, "docs/s3.md")
		}
		wantRefused(t, setting, ratemill(t, at("no-such-bucket"), "run", "--date", "2024-05-02"), "NoSuchBucket", flag, "no-such-bucket", "docs/s3.md")
		wantRefused(t, setting, ratemill(t, at("no-such-bucket"), "run", "--date", "2024-05-01", "--first-night"), "NoSuchBucket", flag, "no-such-bucket")
	}
}

// So it is for commands that read.
func TestReadingAWrongStore(t *testing.T) {
	server := s3test.Start(t)
	gone := s3test.Location(server.Endpoint, "no-such-bucket", "history")
	for _, args := range [][]string{{"verify", "--output", gone}, {"diff", gone, gone}, {"rejects", "list", "--output", gone}, {"gc", "--output", gone}, {"report", "--output", gone, "--out", filepath.Join(t.TempDir(), "page.html")}} {
		cmd := ratemill(t, func(string) string { return "" })
		cmd.Args = append([]string{"ratemill"}, args...)
		wantRefused(t, args[0], cmd, "NoSuchBucket", "no-such-bucket")
	}
}

// What a policy forbids is a mistake in the settings, too, but for a single
// export: that one is an input that cannot be used.
func TestForbidden(t *testing.T) {
	server := s3test.Start(t)
	proxy, bucket := server.Proxy(t), server.Bucket(t)
	dir := generated(t, "2024-05-01")
	copyTo(t, dir, inBucket(server, bucket))
	through := func(name string) string { return s3test.Location(proxy.Endpoint, bucket, name) }
	forbid := func(fits func(*s3test.Call) bool) {
		proxy.Fail(func(c *s3test.Call) {
			if fits(c) {
				c.Refuse(http.StatusForbidden, "AccessDenied")
				return
			}
			c.Forward()
		})
	}
	night := func() *exec.Cmd { return ratemill(t, through, "run", "--date", "2024-05-02") }
	forbid((*s3test.Call).IsList)
	wantRefused(t, "list", night(), "AccessDenied", "--exports", "docs/s3.md#permissions")
	forbid(func(c *s3test.Call) bool { return c.Method == http.MethodPut })
	wantRefused(t, "write", night(), "AccessDenied", "--output", "docs/s3.md#permissions")

	forbid(readsAnExport)
	out, err := night().CombinedOutput()
	if exitOf(err) != 6 || !strings.Contains(string(out), "AccessDenied") || !strings.Contains(string(out), "hint: nothing was published; --exports: ") || !strings.Contains(string(out), "docs/s3.md#permissions") {
		t.Errorf("an export: %v: %s", err, out)
	}
	proxy.Fail(nil)
	again(t, inBucket(server, bucket))
}

// A bucket in another region answers a HEAD with a bare 301. It is not taken
// for a bucket that has nothing in it.
func TestBucketInAnotherRegion(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMovedPermanently)
		if r.Method != http.MethodHead {
			_, _ = w.Write([]byte("<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the specified endpoint.</Message></Error>"))
		}
	}))
	defer elsewhere.Close()
	dir := generated(t, "2024-05-01")
	at := func(name string) string {
		if name == "history" {
			return "s3://bucket/history?use_path_style=true&region=x&endpoint=" + elsewhere.URL
		}
		return filepath.Join(dir, name)
	}
	wantRefused(t, "region", ratemill(t, at, "run", "--date", "2024-05-01", "--first-night"), "PermanentRedirect", "--output", "region=")
}
