package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"gocloud.dev/blob/driver"
)

// tempPrefix starts the name of every file that is not an object yet. What a
// crash leaves of them is never listed and may be removed by hand.
const tempPrefix = ".ratemill-tmp-"

func isTemp(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// writer fills a temporary file beside its target, in the same folder because
// a name can only be given within one file system.
type writer struct {
	ctx        context.Context
	disk       *disk
	file       *os.File
	path       string
	ifNotExist bool
	err        error // the first failure: what failed once is never published

	written int64 // bytes
	ahead   syncAhead
}

// syncAhead makes a large file durable while nobody writes to it, so that little
// is left to wait for at its end. A sync at any other time makes who writes wait.
type syncAhead struct {
	mu     sync.Mutex
	timer  *time.Timer // runs out where nothing has been written for a while; nil: it is not large yet
	closed bool
	synced int   // times
	err    error // the first
}

const (
	largeFile = 64 << 20
	quiet     = 20 * time.Millisecond
)

// NewTypedWriter implements driver.Bucket. BeforeWrite takes **os.File.
func (d *disk) NewTypedWriter(ctx context.Context, key, _ string, opts *driver.WriterOptions) (driver.Writer, error) {
	if key == "" {
		return nil, errEmptyKey
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, disk: d, path: d.path(key), ifNotExist: opts.IfNotExist}
	_, err := d.inDir(filepath.Dir(w.path), func(temp string) (err error) {
		w.file, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	if opts.BeforeWrite != nil {
		if w.err = opts.BeforeWrite(asFile(w.file)); w.err != nil {
			return nil, w.Close()
		}
	}
	return w, nil
}

func (w *writer) Write(p []byte) (n int, err error) {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err == nil {
		n, w.err = w.file.Write(p)
		if w.written += int64(n); w.written >= largeFile && !w.disk.scratch {
			w.ahead.wait(w.file)
		}
	}
	return n, w.err
}

// Upload implements driver.Uploader. Without it a reader that fails half-way
// would publish the half: the portable Upload calls Close either way.
func (w *writer) Upload(r io.Reader) error {
	_, err := io.Copy(w, r)
	if w.err == nil {
		w.err = err
	}
	return w.err
}

// Close publishes the object, or leaves no trace of it.
func (w *writer) Close() error {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if err := w.ahead.end(); w.err == nil {
		w.err = err
	}
	if w.err == nil && !w.disk.scratch {
		w.err = w.file.Sync()
	}
	if err := w.file.Close(); w.err == nil {
		w.err = err
	}
	if w.err == nil {
		w.err = w.ctx.Err() // the sync may have taken long
	}
	if w.err == nil {
		w.err = w.publish()
	}
	// A rename has taken the name away already.
	_ = os.Remove(w.file.Name())
	if w.err != nil {
		w.disk.prune(filepath.Dir(w.path))
		return w.err
	}
	return w.disk.syncNames(filepath.Dir(w.path))
}

// wait begins the while that the file must be quiet for, anew.
func (s *syncAhead) wait(file *os.File) {
	if s.timer == nil {
		s.timer = time.AfterFunc(quiet, func() { s.sync(file) })
		return
	}
	s.timer.Reset(quiet)
}

func (s *syncAhead) sync(file *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.synced++
	if err := file.Sync(); s.err == nil {
		s.err = err
	}
}

// end lets no sync begin any more, waits for one that is under way, and tells
// the first failure. The system tells that once, to whoever syncs next.
func (s *syncAhead) end() error {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.err
}

func (w *writer) publish() error {
	temp := w.file.Name()
	if !w.ifNotExist {
		return os.Rename(temp, w.path)
	}
	// link(2) and not a look before a rename: only the kernel can decide
	// between two processes.
	err := os.Link(temp, w.path)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	// A network file system may repeat a request whose answer was lost, and
	// then report our own link as somebody else's.
	if sameFile(temp, w.path) {
		return nil
	}
	return taken(w.path)
}

func sameFile(a, b string) bool {
	x, errX := os.Lstat(a)
	y, errY := os.Lstat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// taken is the error of a create-only write that lost. A folder of that name
// is another matter: nobody has written this object.
func taken(path string) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return &fs.PathError{Op: "create", Path: path, Err: syscall.EISDIR}
	}
	return &fs.PathError{Op: "create", Path: path, Err: errExists}
}

// CopyOptions are the disk driver's options of a copy, found by the As
// function of blob.CopyOptions.BeforeCopy:
//
//	var o *store.CopyOptions
//	if as(&o) {
//		o.IfNotExist = true
//	}
type CopyOptions struct {
	// IfNotExist makes a copy fail with gcerrors.FailedPrecondition when the
	// destination exists. Exactly one of many such copies succeeds.
	IfNotExist bool
}

// Copy implements driver.Bucket by a second name for the same file, which is
// right because no object is ever written in place. Its content is as durable
// as the source's, hence durable for whatever this driver wrote.
func (d *disk) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if dstKey == "" {
		return errEmptyKey
	}
	var asked CopyOptions
	if opts.BeforeCopy != nil {
		if err := opts.BeforeCopy(asked.as); err != nil {
			return err
		}
	}
	src, _, err := d.stat(srcKey)
	if err != nil {
		return err
	}
	if err = d.link(src, d.path(dstKey), asked); cannotLink(err) {
		return d.copyBytes(ctx, dstKey, srcKey, asked)
	}
	return err
}

func (o *CopyOptions) as(i any) bool {
	p, ok := i.(**CopyOptions)
	if ok {
		*p = o
	}
	return ok
}

// link gives the file src a second name.
func (d *disk) link(src, dst string, asked CopyOptions) error {
	// The file behind a symbolic link belongs to somebody who may write it in
	// place, and link(2) would name the link instead of the file.
	if info, err := os.Lstat(src); err == nil && !info.Mode().IsRegular() {
		return syscall.EXDEV
	}
	dir := filepath.Dir(dst)
	temp, err := d.inDir(dir, func(temp string) error {
		if asked.IfNotExist {
			return os.Link(src, dst)
		}
		return os.Link(src, temp)
	})
	switch {
	case asked.IfNotExist && errors.Is(err, fs.ErrExist):
		err = taken(dst)
	case err == nil && !asked.IfNotExist:
		err = os.Rename(temp, dst)
		// A rename between two names of one file does nothing and reports
		// success, so the temporary name may still be there.
		_ = os.Remove(temp)
	}
	if err != nil {
		d.prune(dir)
		return err
	}
	return d.syncNames(dir)
}

// cannotLink reports that a file cannot have a second name there: another file
// system, one without links, too many links, or links to foreign files
// forbidden (fs.protected_hardlinks).
func cannotLink(err error) bool {
	for _, code := range []syscall.Errno{syscall.EXDEV, syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS, syscall.EMLINK} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func (d *disk) copyBytes(ctx context.Context, dstKey, srcKey string, asked CopyOptions) error {
	r, err := d.NewRangeReader(ctx, srcKey, 0, -1, &driver.ReaderOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	w, err := d.NewTypedWriter(ctx, dstKey, "", &driver.WriterOptions{IfNotExist: asked.IfNotExist})
	if err != nil {
		return err
	}
	_ = w.(*writer).Upload(r) // Close reports it
	return w.Close()
}

// inDir calls create with the path of a temporary file in dir. Where dir is
// missing it is made first, and again if a Delete elsewhere finds it empty and
// prunes it before create has put something in.
func (d *disk) inDir(dir string, create func(temp string) error) (temp string, err error) {
	const attempts = 100
	temp = filepath.Join(dir, tempPrefix+rand.Text())
	for range attempts {
		if err = create(temp); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		d.forget(dir)
		if failed := d.makeDir(dir); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			return temp, failed
		}
	}
	return temp, err
}

// makeDir makes a folder and those above it up to the root, which it never
// makes: a root that vanished under us is not an empty one.
func (d *disk) makeDir(dir string) error {
	if dir == d.root {
		return nil
	}
	err := os.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.makeDir(filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o777)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// syncNames makes the names in dir durable, and those of the folders above it.
// The latter it does once for each folder, whoever made it: the sibling that
// did may not have synced it yet. Should another process prune and remake a
// folder meanwhile, this one does not notice; file systems with a journal
// write such a folder's name with its content all the same.
func (d *disk) syncNames(dir string) error {
	if d.scratch {
		return nil
	}
	var synced []string
	for {
		if err := syncDir(dir); errors.Is(err, fs.ErrNotExist) {
			return nil // deleted again by somebody else, folder and all
		} else if err != nil {
			return err
		}
		if _, done := d.durable.Load(dir); done || dir == d.root {
			break
		}
		synced = append(synced, dir)
		dir = filepath.Dir(dir)
	}
	for _, dir := range synced {
		d.durable.Store(dir, true)
	}
	return nil
}

func (d *disk) forget(dir string) {
	for ; dir != d.root; dir = filepath.Dir(dir) {
		d.durable.Delete(dir)
	}
}

// prune removes a folder and those above it, below the root, as far as they
// are empty. rmdir(2) decides that, so no racing writer loses a file, and it
// leaves a symbolic link alone, which os.Remove would not.
func (d *disk) prune(dir string) {
	for ; dir != d.root; dir = filepath.Dir(dir) {
		if err := syscall.Rmdir(dir); err != nil {
			return
		}
		d.durable.Delete(dir)
	}
}

// createRoot makes the folder of an output and whatever is missing above it.
func createRoot(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	var parents []string
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parents = append(parents, filepath.Dir(dir))
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := syncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	err = f.Sync()
	// Some network and FUSE file systems cannot sync a folder: they write
	// names through.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
