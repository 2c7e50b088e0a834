package pipeline

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"

	"ratemill/pipeline/store"
)

// faulty is a disk on which a run dies: at one of its changes, counted from 1,
// the run is cut off, and nothing that it asks for afterwards is done. It dies
// either before the change or behind it, when the answer is lost.
type faulty struct {
	driver.Bucket
	t testing.TB

	mu     sync.Mutex
	diesAt int // 0: never
	behind bool
	dead   bool
	log    []string // the changes, in order
}

var errDied = errors.New("the run died here")

// openFaulty opens a folder that a run dies on.
func openFaulty(t testing.TB, dir string, diesAt int, behind bool) (*faulty, *blob.Bucket) {
	t.Helper()
	disk, err := store.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Bucket: disk, t: t, diesAt: diesAt, behind: behind}
	b := blob.NewBucket(f)
	t.Cleanup(func() { b.Close() })
	return f, b
}

// change does a change of the store, unless the run dies at it or is dead.
func (f *faulty) change(what string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDied
	}
	f.log = append(f.log, what)
	if f.dead = len(f.log) == f.diesAt; f.dead && !f.behind {
		return errDied
	}
	err := do()
	if f.dead {
		return errDied
	}
	return err
}

func (f *faulty) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errDied
	}
	return nil
}

func (f *faulty) Copy(ctx context.Context, to, from string, o *driver.CopyOptions) error {
	return f.change("copy to "+to, func() error { return f.Bucket.Copy(ctx, to, from, o) })
}

func (f *faulty) Delete(ctx context.Context, key string, o *driver.DeleteOptions) error {
	return f.change("delete "+key, func() error { return f.Bucket.Delete(ctx, key, o) })
}

func (f *faulty) NewTypedWriter(ctx context.Context, key, kind string, o *driver.WriterOptions) (driver.Writer, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := f.Bucket.NewTypedWriter(ctx, key, kind, o)
	return &dyingWriter{Writer: w, f: f, key: key, cancel: cancel}, err
}

func (f *faulty) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.Bucket.Attributes(ctx, key)
}

func (f *faulty) NewRangeReader(ctx context.Context, key string, offset, length int64, o *driver.ReaderOptions) (driver.Reader, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.Bucket.NewRangeReader(ctx, key, offset, length, o)
}

func (f *faulty) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.Bucket.ListPaged(ctx, o)
}

// dyingWriter publishes its object at Close: that is the change.
type dyingWriter struct {
	driver.Writer
	f      *faulty
	key    string
	cancel context.CancelFunc
	ended  bool
}

func (w *dyingWriter) Upload(r io.Reader) error {
	_, err := io.Copy(w, r)
	return err
}

func (w *dyingWriter) Close() error {
	if w.ended { // the S3 driver panics
		w.f.t.Errorf("the writer of %s is closed twice", w.key)
	}
	w.ended = true
	closed := false
	err := w.f.change("write "+w.key, func() error {
		closed = true
		return w.Writer.Close()
	})
	if !closed {
		w.cancel()
		w.Writer.Close()
	}
	return err
}

// onDisk moves a company's history to a folder of its own, as it is.
func (c *company) onDisk() (dir string) {
	c.Helper()
	dir = diskDir(c)
	c.output = folder(c, dir)
	return dir
}

func folder(t testing.TB, dir string) *blob.Bucket {
	t.Helper()
	b, err := store.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// diskDir is a temporary folder, in memory where the machine has such: every
// object is synced, and hundreds of nights would wait for the disk.
func diskDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ratemill-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// copyOf is a copy of a folder.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(diskDir(t), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
