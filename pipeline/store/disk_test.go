package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
	"gocloud.dev/gcerrors"
)

// noSidecars are the conformance tests that want back what the driver does not
// keep: content type, metadata, cache headers. fileblob skips the same ones
// (and by substring some more) when told to write no sidecar files. What they
// test beside that is in TestAttributes.
var noSidecars = []string{
	"TestAttributes",
	"TestWrite/ContentType_is_discovered_if_not_provided",
	"TestWrite/write_with_explicit_ContentType_overrides_discovery",
	"TestWrite/a_small_text_file_gets_a_ContentType",
	"TestWrite/a_large_jpg_file_gets_a_ContentType",
	"TestWrite/a_large_jpg_file_written_in_two_chunks_gets_a_ContentType",
	"TestMetadata/valid_metadata",
	"TestMetadata/valid_metadata_with_empty_body",
	"TestMetadata/valid_metadata_with_content_type",
	"TestMetadata/weird_metadata_keys",
}

type harness struct{ root, prefix string }

func newHarness(_ context.Context, t *testing.T, root, prefix string) (drivertest.Harness, error) {
	_, name, _ := strings.Cut(t.Name(), "/") // below the test that runs them
	_, name, _ = strings.Cut(name, "/")      // and its case
	if slices.Contains(noSidecars, name) {
		t.Skip("the disk driver keeps no metadata")
	}
	return &harness{root: root, prefix: prefix}, nil
}

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) {
	d, err := OpenDisk(h.root)
	if err != nil || h.prefix == "" {
		return d, err
	}
	return driver.NewPrefixedBucket(d, h.prefix), nil
}

// MakeDriverForNonexistentBucket: OpenDisk refuses a missing folder.
func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return nil, nil
}

func (h *harness) HTTPClient() *http.Client         { return nil }
func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return true }
func (h *harness) Close()                           {}

func TestConformance(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]harness{
		"folder":   {root: t.TempDir()},
		"symlink":  {root: link},
		"prefixed": {root: t.TempDir(), prefix: "some/prefix/"},
	} {
		t.Run(name, func(t *testing.T) {
			drivertest.RunConformanceTests(t, func(ctx context.Context, t *testing.T) (drivertest.Harness, error) {
				return newHarness(ctx, t, place.root, place.prefix)
			}, []drivertest.AsTest{asTest{}})
			// The conformance tests delete what they write, but for the lists'.
			if left := temps(t, place.root); len(left) > 0 {
				t.Errorf("temporary files left: %q", left)
			}
		})
	}
}

// asTest checks the types that As is documented to take.
type asTest struct{}

func (asTest) Name() string                        { return "disk types" }
func (asTest) BucketCheck(*blob.Bucket) error      { return nil }
func (asTest) BeforeDelete(func(any) bool) error   { return nil }
func (asTest) BeforeList(func(any) bool) error     { return nil }
func (asTest) BeforeSign(func(any) bool) error     { return nil }
func (asTest) BeforeRead(as func(any) bool) error  { return takes(as, new(*os.File)) }
func (asTest) BeforeWrite(as func(any) bool) error { return takes(as, new(*os.File)) }
func (asTest) BeforeCopy(as func(any) bool) error  { return takes(as, new(*CopyOptions)) }
func (asTest) ReaderCheck(r *blob.Reader) error    { return takes(r.As, new(*os.File)) }

func (asTest) AttributesCheck(a *blob.Attributes) error { return takes(a.As, new(fs.FileInfo)) }

func (asTest) ListObjectCheck(o *blob.ListObject) error {
	if o.IsDir {
		return nil
	}
	return takes(o.As, new(fs.FileInfo))
}

func (asTest) ErrorCheck(b *blob.Bucket, err error) error {
	return takes(func(i any) bool { return b.ErrorAs(err, i) }, new(*fs.PathError))
}

func takes(as func(any) bool, target any) error {
	if !as(target) {
		return fmt.Errorf("As does not take %T", target)
	}
	return nil
}

func open(t *testing.T, root string) *blob.Bucket {
	t.Helper()
	b, err := Open(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func write(t *testing.T, b *blob.Bucket, key, content string) {
	t.Helper()
	if err := b.WriteAll(t.Context(), key, []byte(content), nil); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, b *blob.Bucket, key, want string) {
	t.Helper()
	if got, err := b.ReadAll(t.Context(), key); err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", key, got, err, want)
	}
}

func wantCode(t *testing.T, err error, want gcerrors.ErrorCode) {
	t.Helper()
	if got := gcerrors.Code(err); got != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}

// files are all files below a folder, of whatever name.
func files(t *testing.T, root string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && path != root {
			paths = append(paths, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func temps(t *testing.T, root string) []string {
	return slices.DeleteFunc(files(t, root), func(path string) bool { return !isTemp(filepath.Base(path)) })
}

func TestAttributes(t *testing.T) {
	b := open(t, t.TempDir())
	const key = "folder/object"
	write(t, b, key, "one")
	for _, missing := range []string{"other", "folder", "folder/", key + "/below"} {
		_, err := b.Attributes(t.Context(), missing)
		wantCode(t, err, gcerrors.NotFound)
		_, err = b.ReadAll(t.Context(), missing)
		wantCode(t, err, gcerrors.NotFound)
		wantCode(t, b.Delete(t.Context(), missing), gcerrors.NotFound)
	}
	one, err := b.Attributes(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if one.Size != 3 || one.ModTime.IsZero() || !strings.HasPrefix(one.ETag, `"`) || !strings.HasSuffix(one.ETag, `"`) {
		t.Errorf("got %+v", one)
	}
	if err := b.Copy(t.Context(), "copy", key, nil); err != nil {
		t.Fatal(err)
	}
	write(t, b, key, "two") // of the same size
	two, err := b.Attributes(t.Context(), key)
	if err != nil || two.ETag == one.ETag {
		t.Errorf("replaced, but the ETag stays %s (%v)", two.ETag, err)
	}
	if c, err := b.Attributes(t.Context(), "copy"); err != nil || c.ETag != one.ETag {
		t.Errorf("got %+v, %v, want the copied object's ETag", c, err)
	}
}

func TestRange(t *testing.T) {
	b := open(t, t.TempDir())
	write(t, b, "k", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "0123456789"}, {3, 4, "3456"}, {8, 5, "89"}, {10, -1, ""}, {12, -1, ""}, {12, 3, ""}, {4, 0, ""}} {
		r, err := b.NewRangeReader(t.Context(), "k", c.offset, c.length, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != c.want || r.Size() != 10 {
			t.Errorf("%d+%d: got %q, %v, want %q", c.offset, c.length, got, err, c.want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

var createOnly = &blob.WriterOptions{IfNotExist: true, ContentType: "text/plain"}

// contend writes 20 keys create-only and returns those it won.
func contend(ctx context.Context, b *blob.Bucket, name string) (won []string, err error) {
	for i := range 20 {
		key := fmt.Sprintf("runs/%d/intent.json", i)
		err := b.WriteAll(ctx, key, []byte(name), createOnly)
		if err == nil {
			won = append(won, key)
		} else if gcerrors.Code(err) != gcerrors.FailedPrecondition {
			return won, err
		}
	}
	return won, nil
}

// wantOneWinner checks that the 20 keys have one winner each, whose content
// they hold.
func wantOneWinner(t *testing.T, root string, won map[string][]string) {
	t.Helper()
	b := open(t, root)
	total := 0
	for name, keys := range won {
		total += len(keys)
		for _, key := range keys {
			wantContent(t, b, key, name)
		}
	}
	if total != 20 {
		t.Errorf("%d winners for 20 keys: %v", total, won)
	}
	if left := temps(t, root); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
}

func TestCreateOnlyRace(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	won := map[string][]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := strconv.Itoa(i)
			keys, err := contend(t.Context(), b, name)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			won[name] = keys
		})
	}
	wg.Wait()
	wantOneWinner(t, root, won)
}

// TestCreateOnlyRaceOfProcesses runs this test binary eight times more.
func TestCreateOnlyRaceOfProcesses(t *testing.T) {
	const rootVariable = "RATEMILL_TEST_RACE_ROOT"
	if root := os.Getenv(rootVariable); root != "" {
		contendAsChild(t, root)
		return
	}
	root := t.TempDir()
	starter, start, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]*bytes.Buffer{}
	var children []*exec.Cmd
	for range 8 {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), rootVariable+"="+root)
		child.Stdin = starter
		output := new(bytes.Buffer)
		child.Stdout = output
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		outputs[strconv.Itoa(child.Process.Pid)] = output
		children = append(children, child)
	}
	_ = starter.Close()
	_ = start.Close() // all children see the end of their input at once
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
	won := map[string][]string{}
	for name, output := range outputs {
		for line := range strings.Lines(output.String()) {
			if key, ok := strings.CutPrefix(line, "won "); ok {
				won[name] = append(won[name], strings.TrimSpace(key))
			}
		}
	}
	wantOneWinner(t, root, won)
}

func contendAsChild(t *testing.T, root string) {
	b := open(t, root)
	_, _ = io.ReadAll(os.Stdin)
	won, err := contend(t.Context(), b, strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range won {
		fmt.Println("won", key)
	}
}

func TestFailedWritesLeaveNothing(t *testing.T) {
	for _, o := range []*blob.WriterOptions{createOnly, {ContentType: "text/plain"}} {
		root := t.TempDir()
		b := open(t, root)

		ctx, cancel := context.WithCancel(t.Context())
		w, err := b.NewWriter(ctx, "a/b/cancelled", o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		cancel()
		wantCode(t, w.Close(), gcerrors.Canceled)

		broken := errors.New("broken input")
		err = b.Upload(t.Context(), "a/b/half", io.MultiReader(strings.NewReader("half"), failing{broken}), o)
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}

		wrong := *o
		wrong.ContentMD5 = make([]byte, 16)
		wantCode(t, b.WriteAll(t.Context(), "a/md5", []byte("x"), &wrong), gcerrors.FailedPrecondition)

		refused := *o
		refused.BeforeWrite = func(func(any) bool) error { return broken }
		if err := b.WriteAll(t.Context(), "a/refused", nil, &refused); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if left := files(t, root); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestFailedWriteSticks: what fails once is not published, not even when the next
// write would succeed.
func TestFailedWriteSticks(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	o := &blob.WriterOptions{ContentType: "text/plain", BeforeWrite: func(as func(any) bool) error {
		var f *os.File
		as(&f)
		return f.Close() // every write fails from here on
	}}
	if err := b.WriteAll(t.Context(), "k", []byte("x"), o); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if left := files(t, root); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// A large file is made durable while nobody writes to it.
func TestLargeFileIsSyncedAhead(t *testing.T) {
	ctx, root := t.Context(), t.TempDir()
	d, err := openDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.NewTypedWriter(ctx, "large", "", &driver.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	const pieces = largeFile>>20 + 3
	for range pieces {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	synced := func() int {
		ahead := &w.(*writer).ahead
		ahead.mu.Lock()
		defer ahead.mu.Unlock()
		return ahead.synced
	}
	for deadline := time.Now().Add(10 * time.Second); synced() == 0; time.Sleep(quiet) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was synced before the end")
		}
	}
	if _, err := w.Write(piece); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, "large"))
	if err != nil || info.Size() != int64((pieces+1)*len(piece)) {
		t.Errorf("the file is %v, %v; want %d bytes", info, err, (pieces+1)*len(piece))
	}
}

// The system tells a failed sync once: the next one succeeds.
func TestFailedSyncAheadSticks(t *testing.T) {
	root := t.TempDir()
	d, err := openDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.NewTypedWriter(t.Context(), "large", "", &driver.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	w.(*writer).ahead.err = syscall.EIO
	if err := w.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close: %v, want %v", err, syscall.EIO)
	}
	if left := files(t, root); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLeftoversAreNotObjects(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	write(t, b, "a/object", "x")
	leftover := "a/" + tempPrefix + "CRASHED"
	if err := os.WriteFile(filepath.Join(root, leftover), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := list(t, b, "", ""); !slices.Equal(got, []string{"a/object"}) {
		t.Errorf("listed %q", got)
	}
	_, err := b.ReadAll(t.Context(), leftover)
	wantCode(t, err, gcerrors.NotFound)
	// As a key the same name is as good as any.
	write(t, b, leftover, "whole")
	if got := list(t, b, "", ""); !slices.Equal(got, []string{leftover, "a/object"}) {
		t.Errorf("listed %q", got)
	}
}

func copyOnly(as func(any) bool) error {
	var o *CopyOptions
	if as(&o) {
		o.IfNotExist = true
	}
	return nil
}

func TestCopyCreateOnly(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	write(t, b, "staging/a", "a")
	write(t, b, "staging/b", "b")
	once := &blob.CopyOptions{BeforeCopy: copyOnly}
	if err := b.Copy(t.Context(), "final/x", "staging/a", once); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Copy(t.Context(), "final/x", "staging/b", once), gcerrors.FailedPrecondition)
	wantCode(t, b.Copy(t.Context(), "final/x", "staging/a", once), gcerrors.FailedPrecondition)
	wantContent(t, b, "final/x", "a")
	wantCode(t, b.Copy(t.Context(), "other/y", "staging/c", once), gcerrors.NotFound)

	// Overwriting, also a file with its own other name, leaves no third name.
	for _, src := range []string{"staging/a", "staging/b", "staging/b", "final/x"} {
		if err := b.Copy(t.Context(), "final/x", src, nil); err != nil {
			t.Fatal(err)
		}
	}
	wantContent(t, b, "final/x", "b")
	want := []string{"final", "final/x", "staging", "staging/a", "staging/b"}
	if got := files(t, root); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Replacing the source does not reach the copy.
	write(t, b, "staging/b", "new")
	wantContent(t, b, "final/x", "b")
}

func TestCopyRace(t *testing.T) {
	b := open(t, t.TempDir())
	write(t, b, "staging/a", "a")
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				err := b.Copy(t.Context(), fmt.Sprintf("final/%d/x", i), "staging/a", &blob.CopyOptions{BeforeCopy: copyOnly})
				if err == nil {
					won.Add(1)
				} else if gcerrors.Code(err) != gcerrors.FailedPrecondition {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if won.Load() != 20 {
		t.Errorf("%d winners for 20 keys", won.Load())
	}
}

// TestCopyOfForeignFile: the file behind a link may be written in place later,
// so that it is copied and not linked. It takes the path that a copy to another
// file system takes.
func TestCopyOfForeignFile(t *testing.T) {
	root, outside := t.TempDir(), filepath.Join(t.TempDir(), "export.csv")
	b := open(t, root)
	if err := errors.Join(os.WriteFile(outside, []byte("one"), 0o600), os.Symlink(outside, filepath.Join(root, "link"))); err != nil {
		t.Fatal(err)
	}
	once := &blob.CopyOptions{BeforeCopy: copyOnly}
	if err := b.Copy(t.Context(), "x/copy", "link", once); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Copy(t.Context(), "x/copy", "link", once), gcerrors.FailedPrecondition)
	if err := os.WriteFile(outside, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "x/copy", "one")
	if err := b.Copy(t.Context(), "x/copy", "link", nil); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b, "x/copy", "two")
	if left := temps(t, root); len(left) > 0 {
		t.Errorf("temporary files left: %q", left)
	}
}

// TestOtherFileSystem copies across file systems where the machine has a
// second one.
func TestOtherFileSystem(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "ratemill-")
	if err != nil {
		t.Skip("no /dev/shm")
	}
	t.Cleanup(func() { _ = os.RemoveAll(other) })
	root := t.TempDir()
	if err := os.Symlink(other, filepath.Join(root, "other")); err != nil {
		t.Fatal(err)
	}
	b := open(t, root)
	write(t, b, "here/a", "a")
	once := &blob.CopyOptions{BeforeCopy: copyOnly}
	if err := b.Copy(t.Context(), "other/x", "here/a", once); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Copy(t.Context(), "other/x", "here/a", once), gcerrors.FailedPrecondition)
	wantContent(t, b, "other/x", "a")
	if got := files(t, other); !slices.Equal(got, []string{"x"}) {
		t.Errorf("got %q", got)
	}
	// The link to the other file system is not pruned with its last object.
	if err := b.Delete(t.Context(), "other/x"); err != nil {
		t.Fatal(err)
	}
	write(t, b, "other/y", "y")
	if got := files(t, other); !slices.Equal(got, []string{"y"}) {
		t.Errorf("got %q", got)
	}
}

func TestDeletePrunes(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	write(t, b, "a/b/c/d", "x")
	write(t, b, "a/e", "x")
	if err := b.Delete(t.Context(), "a/b/c/d"); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, root), []string{"a", "a/e"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := b.Delete(t.Context(), "a/e"); err != nil {
		t.Fatal(err)
	}
	write(t, b, "a", "now an object") // nothing of the folder is in the way
}

// TestPruneRace: writers and copiers keep their objects while others delete
// the last object of the same folder.
func TestPruneRace(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	write(t, b, "src", "x")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for n := range 50 {
				key := fmt.Sprintf("a/b/%d", i)
				var err error
				switch (i + n) % 3 {
				case 0:
					err = b.Copy(t.Context(), key, "src", nil)
				case 1:
					err = b.Copy(t.Context(), key, "src", &blob.CopyOptions{BeforeCopy: copyOnly})
				default:
					err = b.WriteAll(t.Context(), key, []byte("x"), createOnly)
				}
				if err == nil {
					err = b.Delete(t.Context(), key)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := files(t, root); !slices.Equal(got, []string{"src"}) {
		t.Errorf("got %q", got)
	}
}

// TestFolderInTheWay: a create-only write that a folder stops has not lost to
// another writer.
func TestFolderInTheWay(t *testing.T) {
	b := open(t, t.TempDir())
	write(t, b, "a/b", "x")
	for _, o := range []*blob.WriterOptions{nil, createOnly} {
		err := b.WriteAll(t.Context(), "a", []byte("x"), o)
		wantCode(t, err, gcerrors.Unknown)
		err = b.WriteAll(t.Context(), "a/b/c", []byte("x"), o)
		wantCode(t, err, gcerrors.Unknown)
	}
	if err := b.WriteAll(t.Context(), "a", []byte("x"), createOnly); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("got %v", err)
	}
}

func TestVanishedRoot(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	b, err := Open(t.Context(), root, CreateRoot)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "a/"} {
		_, _, err = b.ListPage(t.Context(), blob.FirstPageToken, 1, &blob.ListOptions{Prefix: prefix})
		wantCode(t, err, gcerrors.NotFound)
	}
	wantCode(t, b.WriteAll(t.Context(), "a/b", nil, nil), gcerrors.NotFound)
}
