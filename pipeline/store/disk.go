package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

var (
	errEmptyKey     = errors.New("empty key")
	errExists       = errors.New("object exists already")
	errIrregular    = errors.New("neither a regular file nor a folder")
	errForeignName  = errors.New("no key has this file name")
	errNotSupported = errors.New("not supported on disk")
)

// disk is a driver.Bucket of the files below a folder. gocloud's fileblob is
// not used because its create-only write is stat-then-rename (two winners), it
// never syncs, its sidecar files tear, it skips unreadable folders in silence
// and lists nothing behind a symbolic link.
//
// Symbolic links are followed, in the root and below it: where a link leads is
// the operator's choice. Two keys of which one is a folder of the other ("a"
// and "a/b", "a/" and "a//b") cannot both exist; the second write fails.
type disk struct {
	root    string   // absolute, links resolved
	durable sync.Map // folders whose names have been synced, see syncNames
	scratch bool     // nothing outlives the run: nothing is synced
}

// OpenDisk is the driver behind Open for a folder, for callers that wrap it,
// such as a test that fails the k-th operation.
func OpenDisk(path string) (driver.Bucket, error) { return openDisk(path) }

func openDisk(path string) (*disk, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, fmt.Errorf("open folder %s: %w", path, err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", path, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open folder %s: %w", path, syscall.ENOTDIR)
	}
	return &disk{root: root}, nil
}

// stat finds the file of a key. Folders are not objects, and a key below a
// file does not exist, as on an object store.
func (d *disk) stat(key string) (path string, info fs.FileInfo, err error) {
	if key == "" {
		return "", nil, errEmptyKey
	}
	path = d.path(key)
	info, err = os.Stat(path)
	switch {
	case errors.Is(err, syscall.ENOTDIR), err == nil && info.IsDir():
		return "", nil, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	case err != nil:
		return "", nil, err
	case !info.Mode().IsRegular():
		// Opening a named pipe would wait for its writer.
		return "", nil, &fs.PathError{Op: "stat", Path: path, Err: errIrregular}
	}
	return path, info, nil
}

// contentType is what every object has: the driver keeps none, and the
// interface wants one.
const contentType = "application/octet-stream"

// Attributes implements driver.Bucket. As takes *fs.FileInfo.
func (d *disk) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, info, err := d.stat(key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{
		ContentType: contentType,
		ModTime:     info.ModTime(),
		Size:        info.Size(),
		ETag:        etag(info),
		AsFunc:      asFileInfo(info),
	}, nil
}

// etag changes when an object is replaced: a new file has another inode, or at
// least another time. A hard link keeps it, as it keeps the content.
func etag(info fs.FileInfo) string {
	var inode uint64
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = stat.Ino
	}
	return fmt.Sprintf(`"%x-%x-%x"`, info.Size(), info.ModTime().UnixNano(), inode)
}

func asFileInfo(info fs.FileInfo) func(any) bool {
	return func(i any) bool {
		p, ok := i.(*fs.FileInfo)
		if ok {
			*p = info
		}
		return ok
	}
}

func asFile(f *os.File) func(any) bool {
	return func(i any) bool {
		p, ok := i.(**os.File)
		if ok {
			*p = f
		}
		return ok
	}
}

func asNothing(any) bool { return false }

type reader struct {
	ctx   context.Context
	file  *os.File
	part  *io.SectionReader
	size  int64
	mtime time.Time
}

// NewRangeReader implements driver.Bucket. As and BeforeRead take **os.File.
func (d *disk) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	path, _, err := d.stat(key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	// Asked of the open file: the name may meanwhile stand for another one.
	info, err := f.Stat()
	if want := unchanged(ctx).etag; err == nil && want != "" && etag(info) != want {
		err = &fs.PathError{Op: "read", Path: path, Err: errChanged}
	}
	if err == nil && opts.BeforeRead != nil {
		err = opts.BeforeRead(asFile(f))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	if length < 0 {
		length = max(0, info.Size()-offset)
	}
	part := io.NewSectionReader(f, offset, length)
	return &reader{ctx: ctx, file: f, part: part, size: info.Size(), mtime: info.ModTime()}, nil
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.part.Read(p)
}

func (r *reader) Close() error  { return r.file.Close() }
func (r *reader) As(i any) bool { return asFile(r.file)(i) }

func (r *reader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{ContentType: contentType, ModTime: r.mtime, Size: r.size}
}

// Delete implements driver.Bucket. It takes the folders with it that it leaves
// empty, because an object store has none, and staging would else leave its
// skeleton behind every night.
func (d *disk) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, _, err := d.stat(key)
	if err != nil {
		return err
	}
	if opts.BeforeDelete != nil {
		if err := opts.BeforeDelete(asNothing); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	d.prune(filepath.Dir(path))
	return nil
}

// SignedURL implements driver.Bucket.
func (d *disk) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errNotSupported
}

// As implements driver.Bucket for *fs.FS, the folder itself: readers tell by it
// that reads are cheap.
func (d *disk) As(i any) bool {
	switch p := i.(type) {
	case *fs.FS:
		*p = os.DirFS(d.root)
	case **disk:
		*p = d
	default:
		return false
	}
	return true
}

// Close implements driver.Bucket.
func (d *disk) Close() error { return nil }

// ErrorAs implements driver.Bucket for *fs.PathError and *os.LinkError.
func (d *disk) ErrorAs(err error, i any) bool {
	switch target := i.(type) {
	case **fs.PathError:
		return errors.As(err, target)
	case **os.LinkError:
		return errors.As(err, target)
	}
	return false
}

// ErrorCode implements driver.Bucket.
func (d *disk) ErrorCode(err error) gcerrors.ErrorCode {
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	switch {
	case is(errExists, errChanged):
		return gcerrors.FailedPrecondition
	case is(errEmptyKey, syscall.ENAMETOOLONG):
		return gcerrors.InvalidArgument
	case is(errNotSupported):
		return gcerrors.Unimplemented
	case is(fs.ErrNotExist):
		return gcerrors.NotFound
	case is(fs.ErrPermission, syscall.EROFS):
		return gcerrors.PermissionDenied
	case is(syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE):
		return gcerrors.ResourceExhausted
	}
	return gcerrors.Unknown
}
