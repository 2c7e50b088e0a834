package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gocloud.dev/blob/driver"
)

// defaultPageSize is large because a page that ends within a folder has the
// folder read again for the next.
const defaultPageSize = 10_000

// ListPaged implements driver.Bucket. Keys come in the order of their bytes,
// as from S3, where "a.b" stands before "a/c". It reads the folder that the
// prefix names and what lies below, nothing else. As takes *fs.FileInfo.
//
// A folder that cannot be read is an error and never an empty one: one without
// permission, a file in a folder's place, a link that leads nowhere or in a
// circle. Only a folder that does not exist is empty.
func (d *disk) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if opts.BeforeList != nil {
		if err := opts.BeforeList(asNothing); err != nil {
			return nil, err
		}
	}
	l := &listing{ctx: ctx, disk: d, prefix: opts.Prefix, delimiter: opts.Delimiter,
		after: string(opts.PageToken), limit: opts.PageSize}
	if l.limit == 0 {
		l.limit = defaultPageSize
	}
	l.resume()
	dir, key := d.root, ""
	if parent, _, found := cutLast(opts.Prefix, "/"); found {
		dir, key = d.path(parent), parent+"/"
	}
	if err := l.enterParents(dir); err != nil {
		return nil, err
	}
	if err := l.walk(dir, key); err != nil {
		return nil, err
	}
	page := &driver.ListPage{Objects: l.objects}
	if l.more {
		page.NextPageToken = []byte(l.objects[len(l.objects)-1].Key)
	}
	return page, nil
}

// listing is one page in the making.
type listing struct {
	ctx               context.Context
	disk              *disk
	prefix, delimiter string
	after             string // the last key of the page before
	limit             int

	collapsed string        // the last common prefix: what lies below is done
	within    []fs.FileInfo // the folders walked through to the current one
	objects   []*driver.ListObject
	more      bool // the page is full and there is another key
}

// resume skips what the page before ended in, if that was a common prefix.
func (l *listing) resume() {
	rest, ok := strings.CutPrefix(l.after, l.prefix)
	if ok && l.delimiter != "" && strings.Contains(rest, l.delimiter) {
		l.collapsed = l.after
	}
}

// enterParents notes the folders above dir, so that a link back to one of them
// is seen. It ends where one is missing: walk judges that.
func (l *listing) enterParents(dir string) error {
	for dir != l.disk.root {
		dir = filepath.Dir(dir)
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		l.within = append(l.within, info)
	}
	return nil
}

// walk lists a folder, whose keys start with key, and those below it.
func (l *listing) walk(dir, key string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	// The folder stays open while those below it are walked: the number of one
	// that is removed meanwhile would be given to a new one, which would then
	// look like a circle.
	f, info, found, err := readDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return l.missing(dir, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if slices.ContainsFunc(l.within, func(up fs.FileInfo) bool { return os.SameFile(up, info) }) {
		return &fs.PathError{Op: "list", Path: dir, Err: syscall.ELOOP}
	}
	l.within = append(l.within, info)
	defer func() { l.within = l.within[:len(l.within)-1] }()

	entries, err := l.entries(dir, key, found)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !l.pending(e) {
			continue
		}
		if e.isDir {
			err = l.walk(e.path, e.key)
		} else {
			err = l.add(e)
		}
		if err != nil || l.more {
			return err
		}
	}
	return nil
}

// readDir reads a folder, which is open afterwards unless there is an error.
func readDir(dir string) (f *os.File, info fs.FileInfo, entries []fs.DirEntry, err error) {
	// O_DIRECTORY: a named pipe in a folder's place would wait for its writer.
	f, err = os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		entries, err = f.ReadDir(-1)
	}
	if err != nil {
		_ = f.Close()
	}
	return f, info, entries, err
}

// missing tells a folder that is not there, which is empty, from one that
// should be: the root, or one behind a link that leads nowhere (an unmounted
// volume), which is not.
func (l *listing) missing(dir string, err error) error {
	for ; dir != l.disk.root; dir = filepath.Dir(dir) {
		info, gone := os.Lstat(dir)
		if gone == nil && info.Mode()&fs.ModeSymlink != 0 {
			_, err = os.Stat(dir)
			return err
		}
		if gone == nil {
			return nil
		}
	}
	if _, gone := os.Stat(dir); gone != nil {
		return err
	}
	return nil
}

// entry is a file or folder in a folder. A folder's key ends in "/", so that
// the order of the entries is the order of all keys below them.
type entry struct {
	key, path string
	isDir     bool
	info      fs.FileInfo // known already for a link's target only
}

func (l *listing) entries(dir, key string, found []fs.DirEntry) ([]entry, error) {
	entries := make([]entry, 0, len(found))
	for _, f := range found {
		if isTemp(f.Name()) {
			continue
		}
		segment, mapped := segmentOf(f.Name())
		e := entry{key: key + segment, path: filepath.Join(dir, f.Name())}
		// Only the last part of the prefix has not been compared yet, and it
		// has no "/": this holds for folders as for files.
		if !strings.HasPrefix(e.key, l.prefix) {
			continue
		}
		if !mapped {
			return nil, &fs.PathError{Op: "list", Path: e.path, Err: errForeignName}
		}
		if ok, err := e.resolve(f.Type()); err != nil {
			return nil, err
		} else if ok {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries, nil
}

// resolve finds out what an entry is, following a link. It reports false for
// one deleted meanwhile.
func (e *entry) resolve(mode fs.FileMode) (ok bool, err error) {
	if mode&fs.ModeSymlink != 0 {
		if e.info, err = os.Stat(e.path); err != nil {
			_, gone := os.Lstat(e.path)
			if errors.Is(gone, fs.ErrNotExist) {
				return false, nil
			}
			return false, err
		}
		mode = e.info.Mode()
	}
	switch {
	case mode.IsDir():
		e.isDir = true
		e.key += "/"
	case !mode.IsRegular():
		return false, &fs.PathError{Op: "list", Path: e.path, Err: errIrregular}
	}
	return true, nil
}

// pending reports whether an entry may hold keys that have not been listed.
func (l *listing) pending(e entry) bool {
	if l.collapsed != "" && strings.HasPrefix(e.key, l.collapsed) {
		return false
	}
	return e.key > l.after || e.isDir && strings.HasPrefix(l.after, e.key)
}

// add lists a file, or the common prefix that stands for it.
func (l *listing) add(e entry) error {
	object := &driver.ListObject{Key: e.key}
	if i := strings.Index(e.key[len(l.prefix):], l.delimiter); l.delimiter != "" && i >= 0 {
		l.collapsed = e.key[:len(l.prefix)+i+len(l.delimiter)]
		object.Key, object.IsDir = l.collapsed, true
	} else if ok, err := e.describe(object); err != nil || !ok {
		return err
	}
	if len(l.objects) == l.limit {
		l.more = true
		return nil
	}
	l.objects = append(l.objects, object)
	return nil
}

// describe reports false for a file deleted since its folder was read.
func (e *entry) describe(object *driver.ListObject) (ok bool, err error) {
	if e.info == nil {
		e.info, err = os.Lstat(e.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	object.Size, object.ModTime = e.info.Size(), e.info.ModTime()
	object.AsFunc = asFileInfo(e.info)
	return true, nil
}
