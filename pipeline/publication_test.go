package pipeline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"

	"ratemill/fixtures/s3test"
	"ratemill/pipeline/store"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the goldens")

// recording writes down what a night asks of the history's store.
type recording struct {
	faulty
	asked []string
}

func (r *recording) ask(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) == 0 || r.asked[len(r.asked)-1] != what {
		r.asked = append(r.asked, what)
	}
}

func (r *recording) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	r.ask("look at " + key)
	return r.faulty.Attributes(ctx, key)
}

func (r *recording) NewRangeReader(ctx context.Context, key string, offset, length int64, o *driver.ReaderOptions) (driver.Reader, error) {
	r.ask("read " + key)
	return r.faulty.NewRangeReader(ctx, key, offset, length, o)
}

func (r *recording) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	r.ask("list " + o.Prefix)
	return r.faulty.ListPaged(ctx, o)
}

func (r *recording) NewTypedWriter(ctx context.Context, key, kind string, o *driver.WriterOptions) (driver.Writer, error) {
	w, err := r.faulty.NewTypedWriter(ctx, key, kind, o)
	if err != nil {
		return nil, err
	}
	how := "write "
	if o.IfNotExist {
		how = "create "
	}
	return &recordingWriter{w, func() { r.ask(how + key) }}, nil
}

func (r *recording) Copy(ctx context.Context, to, from string, o *driver.CopyOptions) error {
	r.ask("copy to " + to)
	return r.faulty.Copy(ctx, to, from, o)
}

func (r *recording) Delete(ctx context.Context, key string, o *driver.DeleteOptions) error {
	r.ask("delete " + key)
	return r.faulty.Delete(ctx, key, o)
}

type recordingWriter struct {
	driver.Writer
	closes func()
}

func (w *recordingWriter) Close() error {
	w.closes()
	return w.Writer.Close()
}

// All that a night asks of the store of the history, in order. What is its
// own it finds by key: there is no list among it.
func TestOperationsOfANight(t *testing.T) {
	c := newCompany(t, small)
	c.knobs.Workers = 1
	disk, err := store.OpenDisk(diskDir(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{faulty: faulty{Bucket: disk}}
	c.output = blob.NewBucket(r)
	t.Cleanup(func() { c.output.Close() })
	var text strings.Builder
	for _, date := range []string{"2024-05-01", "2024-05-02", "2024-05-02"} {
		s := c.settings(date)
		r.asked = nil
		if _, err := Run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "# run of %s\n%s\n\n", date, strings.Join(r.asked, "\n"))
	}
	got := regexp.MustCompile(`_staging/[0-9a-f]{32}/[0-9a-f]{16}/`).ReplaceAllString(text.String(), "_staging/RUN/ATTEMPT/")
	const golden = "testdata/operations.txt"
	if *rewrite {
		if err := errors.Join(os.MkdirAll("testdata", 0o777), os.WriteFile(golden, []byte(got), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	equalText(t, "operations", got, string(want))
}

// In S3 a run may die before or behind any of its changes, too. A sample of
// them; all of them are tried on disk.
func TestRunDiesInS3(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	s := newInS3(t, small)
	quiet := newCompany(t, small)
	quiet.nights("2024-05-01", "2024-05-02")
	want := issued(t, quiet.output)
	last := strings.Count(changes("2024-05-02", 2), "\n")
	for at := 1; at <= last; at += 4 {
		behind := at%8 == 1
		what := fmt.Sprintf("at change %d, behind it %v", at, behind)
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, history := &inS3{t, s.server, s.bucket}, fmt.Sprintf("/%d", at)
			direct := s.company(s.server.Endpoint, history)
			direct.night("2024-05-01")
			proxy := s.server.Proxy(t)
			dying := s.company(proxy.Endpoint, history, "retry_for=1ms")
			proxy.Fail(diesAtChange(at, behind))
			_, err := direct.runOn(dying.output, "2024-05-02")
			wholeOrNothing(t, what, direct, err)
			if r, err := direct.try("2024-05-02"); err != nil || r.Status == Helped {
				t.Fatalf("then %v, %v", r, err)
			}
			sameTree(t, what, issued(t, direct.output), want)
		})
	}
}

// diesAtChange cuts the network off at a change, before it or behind it.
func diesAtChange(at int, behind bool) s3test.Fault {
	var mu sync.Mutex
	n, dead := 0, false
	return func(c *s3test.Call) {
		mu.Lock()
		changes := c.Method != http.MethodGet && c.Method != http.MethodHead
		if changes && !dead {
			n++
		}
		now := !dead && changes && n == at
		wasDead := dead
		dead = dead || now
		mu.Unlock()
		switch {
		case now && behind:
			c.LoseAnswer()
		case now || wasDead:
			c.HangUp()
		default:
			c.Forward()
		}
	}
}

// Whoever finds an intent finishes it, and several at once do no harm: on
// disk, and in S3.
func TestTwoFinishersAtOnce(t *testing.T) {
	quiet := newCompany(t, small)
	quiet.nights("2024-05-01", "2024-05-02")
	want := issued(t, quiet.output)
	onDisk := func(t *testing.T) (*company, func() *blob.Bucket) {
		c := newCompany(t, small)
		dir := c.onDisk()
		c.night("2024-05-01")
		_, b := openFaulty(t, dir, 25, true) // some files are at their final names
		if _, err := c.runOn(b, "2024-05-02"); err == nil {
			t.Fatal("the run did not die")
		}
		return c, func() *blob.Bucket { return folder(t, dir) }
	}
	inBucket := func(t *testing.T) (*company, func() *blob.Bucket) {
		s := newInS3(t, small)
		c := s.company(s.server.Endpoint, "")
		c.night("2024-05-01")
		proxy := s.server.Proxy(t)
		dying := s.company(proxy.Endpoint, "", "retry_for=1ms")
		proxy.Fail(diesAtChange(25, true))
		if _, err := c.runOn(dying.output, "2024-05-02"); err == nil {
			t.Fatal("the run did not die")
		}
		return c, func() *blob.Bucket { return s.open(s.server.Endpoint, "history") }
	}
	for name, begin := range map[string]func(*testing.T) (*company, func() *blob.Bucket){"disk": onDisk, "S3": inBucket} {
		t.Run(name, func(t *testing.T) {
			c, open := begin(t)
			var wait sync.WaitGroup
			var results [4]*Result
			var errs [4]error
			for i := range results {
				s := c.settings("2024-05-02")
				s.Output = open()
				wait.Go(func() { results[i], errs[i] = Run(context.Background(), s) })
			}
			wait.Wait()
			for i, r := range results {
				if errs[i] != nil || r.Status != Finished && r.Status != Already {
					t.Errorf("run %d: %v, %v", i, r, errs[i])
				}
			}
			sameTree(t, "finished", issued(t, open()), want)
		})
	}
}

// A run that is still staging when another publishes its night, and the next
// one is published too, adds nothing and takes its staging away. One of another
// plan has lost.
func TestSlowLoser(t *testing.T) {
	slow := func(c *company) (n *night, staged *stage) {
		ctx, s := context.Background(), c.settings("2024-05-02")
		plan, err := NewPlan(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if n, err = newNight(ctx, s, plan); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.close)
		if staged, err = n.rate(ctx); err != nil {
			t.Fatal(err)
		}
		return n, staged
	}
	c := newCompany(t, small)
	dir := c.onDisk()
	c.night("2024-05-01")
	same, stagedSame := slow(c)
	cheaper := *c
	cheaper.knobs.Catalog = marketing(t, dear, cheap)
	other, stagedOther := slow(&cheaper)
	c.nights("2024-05-02", "2024-05-03")
	want := tree(t, c.output)
	if r, err := same.commit(t.Context(), stagedSame); err != nil || r.Status != Helped || r.Entry.Entry != 2 {
		t.Errorf("the same plan: %v, %v", r, err)
	}
	_, err := other.commit(t.Context(), stagedOther)
	var lost *LostError
	if !errors.As(err, &lost) || ExitCode(err) != ExitOtherInputs {
		t.Errorf("another plan: %v, exit code %d", err, ExitCode(err))
	}
	sameTree(t, "after the losers", tree(t, c.output), want)
	if _, err := os.Stat(filepath.Join(dir, "_staging")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("their staging is left: %v", err)
	}
}

// A disk that is full from some change on. Before the intent nothing is
// visible, behind it the next run finishes.
func TestDiskIsFull(t *testing.T) {
	stride := 4
	if testing.Short() {
		stride = 16
	}
	c := newCompany(t, small)
	start := c.onDisk()
	c.night("2024-05-01")
	c.output = folder(t, copyOf(t, start))
	c.night("2024-05-02")
	want := issued(t, c.output)
	for at := 1; at <= strings.Count(changes("2024-05-02", 2), "\n"); at += stride {
		dir := copyOf(t, start)
		disk, err := store.OpenDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		full := blob.NewBucket(&fullDisk{Bucket: disk, from: at})
		_, err = c.runOn(full, "2024-05-02")
		what := fmt.Sprintf("full at change %d", at)
		if err != nil && ExitCode(err) != ExitTemporary {
			t.Errorf("%s: %v, exit code %d", what, err, ExitCode(err))
		}
		toldOnce(t, what, err)
		c.output = folder(t, dir)
		wholeOrNothing(t, what, c, err)
		_, begun := tree(t, c.output)[intentKey(2)]
		if _, err := os.Stat(filepath.Join(dir, "invoices", "billing_date=2024-05-02")); !begun && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something is visible without an intent", what)
		}
		r, err := c.try("2024-05-02")
		if err != nil || begun && r.Status == Published {
			t.Errorf("%s: then %v, %v", what, r, err)
		}
		sameTree(t, what, issued(t, c.output), want)
		full.Close()
	}
}

// toldOnce: what a full disk stops says so once, in one line.
func toldOnce(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil && (strings.Count(err.Error(), syscall.ENOSPC.Error()) != 1 || strings.Contains(err.Error(), "\n")) {
		t.Errorf("%s: it is told %q", what, err)
	}
}

// fullDisk takes nothing more from a change on; deleting is still possible.
type fullDisk struct {
	driver.Bucket
	mu      sync.Mutex
	changes int
	from    int
}

func (f *fullDisk) full() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changes++; f.changes >= f.from {
		return &fs.PathError{Op: "write", Path: "history", Err: syscall.ENOSPC}
	}
	return nil
}

func (f *fullDisk) Copy(ctx context.Context, to, from string, o *driver.CopyOptions) error {
	if err := f.full(); err != nil {
		return err
	}
	return f.Bucket.Copy(ctx, to, from, o)
}

func (f *fullDisk) NewTypedWriter(ctx context.Context, key, kind string, o *driver.WriterOptions) (driver.Writer, error) {
	ctx, cancel := context.WithCancel(ctx)
	w, err := f.Bucket.NewTypedWriter(ctx, key, kind, o)
	return &fullWriter{w, f, cancel}, err
}

// fullWriter finds the disk full when its object is made durable.
type fullWriter struct {
	driver.Writer
	disk   *fullDisk
	cancel context.CancelFunc
}

func (w *fullWriter) Close() error {
	if err := w.disk.full(); err != nil {
		w.cancel()
		w.Writer.Close()
		return err
	}
	return w.Writer.Close()
}

// An export in S3 that changes under the run stops it with its name, whenever
// it changes.
func TestExportChangesInS3(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	const key, line = "sms/date=2024-05-02/part-0.csv", "m6,A,2024-05-02T10:00:00,outbound,acme,US,400"
	s := newInS3(t, small)
	direct := s.company(s.server.Endpoint, "")
	direct.night("2024-05-01")
	before := tree(t, direct.output)
	text, err := direct.exports.ReadAll(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	// Each call on the file may find it changed: a look and a read of the
	// plan's, reads, and a last look.
	proxy := s.server.Proxy(t)
	disturbed := s.company(proxy.Endpoint, "")
	for at := 1; ; at++ {
		for _, to := range []string{"401", "40000"} {
			direct.write(key, string(text))
			var mu sync.Mutex
			calls := 0
			proxy.Fail(func(c *s3test.Call) {
				mu.Lock()
				if strings.HasSuffix(c.URL.Path, key) {
					if calls++; calls == at {
						direct.write(key, strings.Replace(string(text), line, strings.TrimSuffix(line, "400")+to, 1))
					}
				}
				mu.Unlock()
				c.Forward()
			})
			night := direct.settings("2024-05-02")
			night.Exports = disturbed.exports
			if at == 1 && to == "401" {
				continue // what is looked at then, of the listed size, is what is read
			}
			_, err := Run(t.Context(), night)
			if calls < at {
				if at < 5 {
					t.Errorf("%d calls", calls)
				}
				return
			}
			if ExitCode(err) != ExitInput || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "changed") {
				t.Errorf("changes at call %d to %s: %v, exit code %d", at, to, err, ExitCode(err))
			}
			sameTree(t, "after a change", tree(t, direct.output), before)
		}
	}
}
