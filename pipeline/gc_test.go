package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"ratemill/fixtures/s3test"
)

// twoDaysAgo makes everything below a folder two days old.
func twoDaysAgo(t testing.TB, dir string) {
	t.Helper()
	then := time.Now().Add(-48 * time.Hour)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func collect(t testing.TB, output *blob.Bucket, olderThan time.Duration, dryRun bool) string {
	t.Helper()
	found, err := CollectGarbage(context.Background(), &GC{Output: output, OlderThan: olderThan, DryRun: dryRun})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range found {
		state := "removed"
		if g.Kept != "" {
			state = "kept"
		}
		fmt.Fprintf(&b, "%s %s %d\n", state, g.Kind, g.Files)
		if g.Bytes <= 0 || g.Written.IsZero() {
			t.Errorf("%s: %d bytes, written %v", g.Name, g.Bytes, g.Written)
		}
	}
	return b.String()
}

// strayNight is a history with one published night, the staging of a run that
// died before its intent, that of one which died behind it, and that of one
// which is at work. commit ends the latter.
func strayNight(t *testing.T, c *company, die func(at int) error, old func()) (commit func() error) {
	t.Helper()
	c.night("2024-05-01")
	for _, at := range []int{15, 25} { // of 18 staged files, an intent, and copies
		if err := die(at); err == nil {
			t.Fatal("the run did not die")
		}
		old()
	}
	ctx, s := context.Background(), c.settings("2024-05-02")
	n := c.begun(s)
	stage, err := n.rate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		_, err := n.commit(ctx, stage)
		return err
	}
}

// What is removed is staging that no open intent names, if it is old, and what
// is left of writes; nothing else, and a run at work is not disturbed.
func TestGarbageOnDisk(t *testing.T) {
	c := newCompany(t, small)
	c.knobs.Workers = 1
	dir := c.onDisk()
	commit := strayNight(t, c, func(at int) error {
		_, b := openFaulty(t, dir, at, false)
		_, err := c.runOn(b, "2024-05-02")
		return err
	}, func() { twoDaysAgo(t, dir) })
	temporary := filepath.Join(dir, "invoices", "billing_date=2024-05-01", ".ratemill-tmp-X")
	write(t, temporary, "half")
	twoDaysAgo(t, filepath.Dir(temporary))
	write(t, filepath.Join(dir, "runs", ".ratemill-tmp-Y"), "at work")
	foreign := filepath.Join(dir, "_staging", "README")
	write(t, foreign, "somebody's")
	twoDaysAgo(t, foreign)
	before := tree(t, c.output)
	staging := func() int { return strings.Count(listed(t, c.output, "_staging/"), "\n") }
	was := staging()

	want := "removed staging 14\nkept staging 18\nkept staging 18\nremoved temporary file 1\nkept temporary file 1\n"
	equalText(t, "a dry run", sorted(collect(t, c.output, 24*time.Hour, true)), sorted(want))
	if _, err := os.Stat(temporary); err != nil || staging() != was {
		t.Errorf("a dry run removed something: %v", err)
	}
	equalText(t, "a run", sorted(collect(t, c.output, 24*time.Hour, false)), sorted(want))
	if _, err := os.Stat(temporary); !os.IsNotExist(err) || staging() != was-14 {
		t.Errorf("%v, %d of %d staged files are left", err, staging(), was)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	sameTree(t, "what is published", tree(t, c.output), before)
	if err := commit(); err != nil {
		t.Errorf("the run at work: %v", err)
	}
	if r, err := c.try("2024-05-02"); err != nil || r.Status != Already {
		t.Errorf("then %v, %v", r, err)
	}
	// The intent is closed now; its stage was swept by whoever finished it.
	collect(t, c.output, 0, false)
	equalText(t, "in the end", listed(t, c.output, "_staging/"), "_staging/README")
}

func TestGarbageInS3(t *testing.T) {
	s := newInS3(t, small)
	c := s.company(s.server.Endpoint, "")
	folder := filepath.Join(s.server.Folder, s.bucket, "history", "_staging")
	commit := strayNight(t, c, func(at int) error {
		proxy := s.server.Proxy(t)
		dying := s.company(proxy.Endpoint, "", "retry_for=1ms")
		proxy.Fail(diesAtChange(at, false))
		_, err := c.runOn(dying.output, "2024-05-02")
		return err
	}, func() { twoDaysAgo(t, folder) })
	client := s.server.Client()
	upload := func(key string) {
		t.Helper()
		u, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &s.bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		part := int32(1)
		_, err = client.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: &s.bucket, Key: &key, UploadId: u.UploadId, PartNumber: &part, Body: strings.NewReader("a part")})
		if err != nil {
			t.Fatal(err)
		}
	}
	upload("history/_staging/x")
	upload("history/elsewhere")
	upload("other/_staging/x")
	uploads := func() int {
		t.Helper()
		page, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &s.bucket})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Uploads)
	}
	before := tree(t, c.output)
	got := collect(t, c.output, 24*time.Hour, false)
	// How much a run that died had staged is any: its requests go out at once.
	if strings.Count(got, "removed") != 1 || !strings.HasPrefix(sorted(got), "kept staging 18\nkept staging 18\nkept upload 1\nremoved staging") || uploads() != 3 {
		t.Errorf("%s, %d uploads are left", got, uploads())
	}
	sameTree(t, "what is published", tree(t, c.output), before)
	if err := commit(); err != nil {
		t.Errorf("the run at work: %v", err)
	}
	if r, err := c.try("2024-05-02"); err != nil || r.Status != Already {
		t.Errorf("then %v, %v", r, err)
	}
	collect(t, c.output, 0, false)
	if left := listed(t, c.output, "_staging/"); left != "" || uploads() != 2 {
		t.Errorf("%d uploads and %s are left", uploads(), left)
	}
}

// Where S3 does not answer, nothing is removed: nobody knows what is open.
func TestGarbageWithoutAnswer(t *testing.T) {
	s := newInS3(t, small)
	c := s.company(s.server.Endpoint, "")
	c.night("2024-05-01")
	staged := "_staging/" + strings.Repeat("0", 32) + "/" + strings.Repeat("0", 16) + "/x"
	if err := c.output.WriteAll(t.Context(), staged, []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	proxy := s.server.Proxy(t)
	for _, what := range []string{"uploads", "/run.json", "/intent.json"} {
		proxy.Fail(func(call *s3test.Call) {
			if strings.Contains(call.URL.RequestURI(), what) {
				call.Refuse(503, "SlowDown")
				return
			}
			call.Forward()
		})
		_, err := CollectGarbage(t.Context(), &GC{Output: s.company(proxy.Endpoint, "", "retry_for=1ms").output})
		if ExitCode(err) != ExitTemporary {
			t.Errorf("%s: %v, exit code %d", what, err, ExitCode(err))
		}
		if there, err := c.output.Exists(t.Context(), staged); !there || err != nil {
			t.Errorf("%s: removed, %v", what, err)
		}
	}
}

// listed are the keys below a prefix, one a line.
func listed(t testing.TB, b *blob.Bucket, prefix string) string {
	t.Helper()
	var keys strings.Builder
	for it := b.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := it.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return keys.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&keys, o.Key)
	}
}

func sorted(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// Whoever lost what it staged to a gc that spares nothing young publishes
// nothing, or what the next run finishes, and is told to run again.
func TestGarbageOfARunAtWork(t *testing.T) {
	quiet := newCompany(t, small)
	quiet.nights("2024-05-01", "2024-05-02")
	want := issued(t, quiet.output)
	for _, test := range []struct {
		name  string
		whole bool // the staged files are, when they are removed
	}{{"while it stages", false}, {"before its intent", true}} {
		t.Run(test.name, func(t *testing.T) {
			c := newCompany(t, small)
			c.onDisk()
			c.night("2024-05-01")
			before := issued(t, c.output)
			ctx, s := t.Context(), c.settings("2024-05-02")
			n := c.begun(s)
			var err error
			if test.whole {
				stage, failed := n.rate(ctx)
				if failed != nil {
					t.Fatal(failed)
				}
				collect(t, c.output, 0, false)
				_, err = n.commit(ctx, stage)
			} else {
				ctx, cancel := context.WithCancel(ctx)
				stage, failed := n.openStage(ctx)
				defer stage.abandon()
				defer cancel()
				if failed != nil {
					t.Fatal(failed)
				}
				if _, err := stage.open[0].Write(make([]byte, 4096)); err != nil { // what is less is held back
					t.Fatal(err)
				}
				collect(t, c.output, 0, false)
				err = n.endStage(ctx, stage)
			}
			if ExitCode(err) != ExitTemporary || !strings.Contains(err.Error(), "parquet") || !strings.Contains(err.Error(), "gc") {
				t.Errorf("%v, exit code %d", err, ExitCode(err))
			}
			if !test.whole {
				sameTree(t, "afterwards", issued(t, c.output), before)
			}
			if _, err := c.try("2024-05-02"); err != nil {
				t.Fatal(err)
			}
			sameTree(t, "the next run", issued(t, c.output), want)
		})
	}
}
