package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ratemill/fixtures/s3test"
)

// signalled runs a night of which the store stops the program by a signal, with
// a call that fits, and lets that call wait a while. It is the program itself.
func signalled(t *testing.T, signal syscall.Signal, fits func(*s3test.Call) bool, wait time.Duration, args ...string) (at location, output string, code int) {
	t.Helper()
	server := s3test.Start(t)
	proxy, bucket := server.Proxy(t), server.Bucket(t)
	at = inBucket(server, bucket)
	copyTo(t, generated(t, "2024-05-01"), at)
	through := func(name string) string { return s3test.Location(proxy.Endpoint, bucket, name) }
	cmd, out := ratemill(t, through, append([]string{"run"}, args...)...), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	started := make(chan struct{})
	var once sync.Once
	proxy.Fail(func(c *s3test.Call) {
		if fits(c) {
			once.Do(func() {
				<-started
				_ = cmd.Process.Signal(signal)
				time.Sleep(wait)
			})
		}
		c.Forward()
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	return at, out.String(), exitOf(err)
}

func readsAnExport(c *s3test.Call) bool {
	return c.Method == "GET" && strings.Contains(c.URL.Path, "/exports/") && !c.IsList()
}

func copiesToFinal(c *s3test.Call) bool { return c.Header.Get("X-Amz-Copy-Source") != "" }

// again runs the night again, undisturbed, and holds what is published then
// against what a run on a disk publishes that nobody stopped.
func again(t *testing.T, at location) {
	t.Helper()
	out, err := ratemill(t, at, "run", "--date", "2024-05-02").CombinedOutput()
	if code := exitOf(err); code != 0 && code != 3 {
		t.Errorf("run again: %v: %s", err, out)
	}
	sameContents(t, "run again", contents(t, at("history")), contents(t, filepath.Join(generated(t, "2024-05-02"), "history")))
}

// A run that is stopped before it publishes anything exits 75, has published
// nothing, and may be run again.
func TestStoppedBeforePublishing(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		at, output, code := signalled(t, signal, readsAnExport, 300*time.Millisecond, "--date", "2024-05-02")
		if code != 75 || !strings.Contains(output, "ratemill: 2024-05-02 not published: stopped: "+signal.String()) {
			t.Errorf("%v: %d: %s", signal, code, output)
		}
		if !strings.HasSuffix(output, "ratemill: hint: nothing is published of what was not before; run it again\n") {
			t.Errorf("%v: the last line is another: %s", signal, output)
		}
		if _, begun := contents(t, at("history"))["runs/00000002/intent.json"]; begun {
			t.Errorf("%v: an intent is there", signal)
		}
		again(t, at)
	}
}

// A run that is stopped while it publishes ends what it has begun, and goes no
// further.
func TestStoppedWhilePublishing(t *testing.T) {
	at, output, code := signalled(t, syscall.SIGTERM, copiesToFinal, 300*time.Millisecond, "--date", "2024-05-02")
	if code != 0 && code != 3 || !strings.Contains(output, "2024-05-02 published (entry 2)") {
		t.Errorf("%d: %s", code, output)
	}
	if !strings.Contains(output, "told to stop; what has begun to be published is finished first") {
		t.Errorf("the log does not tell of the signal: %s", output)
	}
	again(t, at)

	_, output, code = signalled(t, syscall.SIGTERM, copiesToFinal, 300*time.Millisecond)
	if code != 75 || !strings.Contains(output, "2024-05-02 published (entry 2)") || !strings.Contains(output, "2024-05-03 not published: stopped") {
		t.Errorf("of several nights: %d: %s", code, output)
	}
}

// Where that takes longer than the grace period the run exits 75, and the next
// one finishes it.
func TestStoppedAndOutOfTime(t *testing.T) {
	at, output, code := signalled(t, syscall.SIGTERM, copiesToFinal, 2*time.Second, "--date", "2024-05-02", "--grace-period", "200ms")
	if code != 75 || !strings.HasSuffix(output, "ratemill: hint: entry 2 has begun to be published; run it again, and it is finished first\n") {
		t.Errorf("%d: %s", code, output)
	}
	if _, whole := contents(t, at("history"))["runs/00000002/run.json"]; whole {
		t.Error("it is published")
	}
	again(t, at)
}

// A second signal does not wait: it kills, as the shell tells by 130 or 143.
func TestStoppedTwice(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		server := s3test.Start(t)
		proxy, bucket := server.Proxy(t), server.Bucket(t)
		at := inBucket(server, bucket)
		copyTo(t, generated(t, "2024-05-01"), at)
		cmd := ratemill(t, func(name string) string { return s3test.Location(proxy.Endpoint, bucket, name) }, "run", "--date", "2024-05-02", "--grace-period", "1h")
		copying := make(chan struct{})
		var once sync.Once
		proxy.Fail(func(c *s3test.Call) {
			if copiesToFinal(c) {
				once.Do(func() { close(copying) })
				c.Stall()
				return
			}
			c.Forward()
		})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-copying
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for range 2 {
			_ = cmd.Process.Signal(signal)
			time.Sleep(500 * time.Millisecond)
		}
		select {
		case <-ended:
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != signal {
				t.Errorf("%v: ended by %v", signal, cmd.ProcessState)
			}
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("%v: it goes on", signal)
		}
		again(t, at)
	}
}
