package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"ratemill/fixtures/s3test"
	"ratemill/pipeline/store"
)

// location is where a program's exports, catalog and history lie: a folder, or a
// prefix in S3.
type location func(name string) string

// ratemill runs this test binary as ratemill over a place.
func ratemill(t testing.TB, at location, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append(args, "--exports", at("exports"), "--output", at("history"), "--catalog", at("catalog.yaml"))...)
	cmd.Args[0] = "ratemill" // by its name testscript knows what it is to be
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "RATEMILL_TEST_NOW=2024-05-20T12:00:00Z")
	return cmd
}

// copyTo puts a folder's files to a place.
func copyTo(t testing.TB, from string, at location) {
	t.Helper()
	for key, content := range contents(t, from) {
		top, rest, below := strings.Cut(key, "/")
		location := at(top)
		if !below {
			location, rest = parentOf(location), top
		}
		b, err := store.Open(t.Context(), location, store.CreateRoot)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(b.WriteAll(t.Context(), rest, []byte(content), nil), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func parentOf(location string) string {
	root, _, err := store.Split(location)
	if err != nil {
		panic(err)
	}
	return root
}

// contents are the objects below a location by key, but for staging and the
// attempt in an intent.
func contents(t testing.TB, location string) map[string]string {
	t.Helper()
	b, err := store.Open(context.Background(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	all := map[string]string{}
	for it := b.List(&blob.ListOptions{}); ; {
		o, err := it.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := b.ReadAll(context.Background(), o.Key)
		if strings.HasSuffix(o.Key, "/intent.json") && err == nil {
			text, err = withoutAttempt(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(o.Key, "_staging/") {
			all[o.Key] = string(text)
		}
	}
}

func sameContents(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("%s: %s: %d bytes %.8x, want %d bytes %.8x", what, key, len(got[key]), sha256.Sum256([]byte(got[key])), len(want[key]), sha256.Sum256([]byte(want[key])))
		}
	}
	for key := range got {
		if _, wanted := want[key]; !wanted {
			t.Errorf("%s: %s should not be there", what, key)
		}
	}
}

// generated is what generate makes of a few days, on disk, with a history up to
// the given day.
func generated(t testing.TB, to string) string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "generate", "--exports", at("exports"), "--from", "2024-05-01", "--to", "2024-05-04", "--accounts", "100", "--rows", "20000")
	cmd.Args[0] = "ratemill"
	cmd.Env = append(os.Environ(), "RATEMILL_TEST_NOW=2024-05-20T12:00:00Z")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	catalog, err := os.ReadFile("../../fixtures/catalogs/marketing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("catalog.yaml"), catalog, 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := ratemill(t, at, "backfill", "--from", "2024-05-01", "--to", to, "--first-night").CombinedOutput(); err != nil && exitOf(err) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func inBucket(server *s3test.Server, bucket string, parameters ...string) location {
	return func(name string) string { return s3test.Location(server.Endpoint, bucket, name, parameters...) }
}

// Eight processes that are started at once on one night in S3 publish it once,
// as one alone does on a disk.
func TestEightProcessesInS3(t *testing.T) {
	server := s3test.Start(t)
	two, three := generated(t, "2024-05-02"), generated(t, "2024-05-03")
	want := contents(t, filepath.Join(three, "history"))
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		at := inBucket(server, server.Bucket(t))
		copyTo(t, two, at)
		outputs, codes := eightAtOnce(t, func(int) location { return at })
		for i, code := range codes {
			if code != codes[0] || code != 0 && code != 3 {
				t.Errorf("process %d: %d: %s", i, code, outputs[i])
			}
		}
		sameContents(t, "after a race", contents(t, at("history")), want)
	}
}

// Of eight processes on one night, half with another catalog than the others,
// one publishes it. Those of the same plan help it; those of the other have
// lost, exit code 4.
func TestEightProcessesOfTwoPlans(t *testing.T) {
	dir := generated(t, "2024-05-02")
	in := func(dir, catalog string) location {
		return func(name string) string {
			if name == "catalog.yaml" {
				name = catalog
			}
			return filepath.Join(dir, name)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "catalog.yaml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "other.yaml"), append(text, "\n# another digest\n"...), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]string
	for _, catalog := range []string{"catalog.yaml", "other.yaml"} {
		alone := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(alone, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if out, err := ratemill(t, in(alone, catalog), "run", "--date", "2024-05-03").CombinedOutput(); exitOf(err) != 0 && exitOf(err) != 3 {
			t.Fatalf("%v: %s", err, out)
		}
		want = append(want, contents(t, filepath.Join(alone, "history")))
	}
	outputs, codes := eightAtOnce(t, func(i int) location { return in(dir, []string{"catalog.yaml", "other.yaml"}[i%2]) })
	got := contents(t, filepath.Join(dir, "history"))
	won := 0
	if got["runs/00000003/run.json"] != want[0]["runs/00000003/run.json"] {
		won = 1
	}
	sameContents(t, "after a race", got, want[won])
	for i, code := range codes {
		if lost := i%2 != won; lost != (code == 4) || !lost && code != 0 && code != 3 {
			t.Errorf("process %d, of plan %d where %d won: %d: %s", i, i%2, won, code, outputs[i])
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "history", "_staging")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("staging is left: %v", err)
	}
}

// eightAtOnce starts eight processes on the night of 2024-05-03 at once.
func eightAtOnce(t testing.TB, at func(i int) location) (outputs [8]string, codes [8]int) {
	t.Helper()
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range outputs {
		cmd, out := ratemill(t, at(i), "run", "--date", "2024-05-03", "--workers", fmt.Sprint(1+i/2%2)), new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		wait.Go(func() {
			<-start
			codes[i] = exitOf(cmd.Run())
			outputs[i] = out.String()
		})
	}
	close(start)
	wait.Wait()
	return outputs, codes
}

// A backfill in S3 that is killed again and again, and run again, publishes
// what an undisturbed one publishes on a disk.
func TestKilledInS3(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	server := s3test.Start(t)
	source := generated(t, "2024-05-04")
	want := contents(t, filepath.Join(source, "history"))
	if err := os.RemoveAll(filepath.Join(source, "history")); err != nil {
		t.Fatal(err)
	}
	at := inBucket(server, server.Bucket(t))
	copyTo(t, source, at)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	backfill := func() (*exec.Cmd, *bytes.Buffer) {
		args := []string{"backfill", "--from", "2024-05-01", "--to", "2024-05-04"}
		if _, begun := contents(t, at("history"))["runs/00000001/run.json"]; !begun {
			args = append(args, "--first-night")
		}
		cmd, out := ratemill(t, at, args...), new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		return cmd, out
	}
	for range 12 {
		cmd, out := backfill()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(time.Duration(random.Int64N(int64(2*time.Second))), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		stop.Stop()
		if err != nil && cmd.ProcessState.Exited() && exitOf(err) != 3 {
			t.Fatalf("a run after a crash: %v: %s", err, out)
		}
	}
	cmd, out := backfill()
	if err := cmd.Run(); err != nil && exitOf(err) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	sameContents(t, "after the kills", contents(t, at("history")), want)
}

// An S3 that does not answer is temporary, wherever it is asked, and the URL
// in the message holds no secret.
func TestUnansweredS3(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	bucket := server.Bucket(t)
	source := generated(t, "2024-05-01")
	at := inBucket(server, bucket)
	copyTo(t, source, at)
	proxy.Fail(func(c *s3test.Call) { c.Refuse(503, "SlowDown") })
	for _, broken := range []string{"exports", "history", "catalog.yaml"} {
		cmd := ratemill(t, func(name string) string {
			if name == broken {
				return s3test.Location(proxy.Endpoint, bucket, name, "retry_for="+url.QueryEscape("200ms"))
			}
			return at(name)
		}, "run", "--date", "2024-05-02")
		out, err := cmd.CombinedOutput()
		if exitOf(err) != 75 || !strings.Contains(string(out), "503") || !strings.Contains(string(out), "run it again") {
			t.Errorf("%s: %v: %s", broken, err, out)
		}
	}
}
