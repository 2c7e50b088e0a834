package store

import (
	"context"
	"io"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// OpenShadow opens a bucket over another one, which it never changes. What is
// written lies in a folder that nobody needs after the run, and is not synced.
// What is not there is read from the bucket below, as far as it shows the key:
// any other key of it does not exist here. The caller closes the bucket, and
// removes the folder.
func OpenShadow(dir string, below *blob.Bucket, shows func(key string) bool) (*blob.Bucket, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	d.scratch = true
	return blob.NewBucket(&shadow{disk: d, below: below, shows: shows}), nil
}

// shadow is a driver.Bucket: a disk, and below it what may be read of another
// bucket. Lists, copies and deletes know the disk alone.
type shadow struct {
	*disk
	below *blob.Bucket
	shows func(key string) bool
}

// through tells whether a key that the disk was asked for is to be looked for
// below.
func (s *shadow) through(key string, err error) bool {
	return err != nil && s.disk.ErrorCode(err) == gcerrors.NotFound && s.shows(key)
}

// Attributes implements driver.Bucket.
func (s *shadow) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	a, err := s.disk.Attributes(ctx, key)
	if !s.through(key, err) {
		return a, err
	}
	b, err := s.below.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{ContentType: b.ContentType, ModTime: b.ModTime, Size: b.Size, MD5: b.MD5, ETag: b.ETag, AsFunc: asNothing}, nil
}

// NewRangeReader implements driver.Bucket.
func (s *shadow) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	r, err := s.disk.NewRangeReader(ctx, key, offset, length, opts)
	if !s.through(key, err) {
		return r, err
	}
	b, err := s.below.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, err
	}
	return &belowReader{b, b, b.Size(), b.ModTime()}, nil
}

// ErrorCode implements driver.Bucket.
func (s *shadow) ErrorCode(err error) gcerrors.ErrorCode {
	if code := s.disk.ErrorCode(err); code != gcerrors.Unknown {
		return code
	}
	return gcerrors.Code(err)
}

// belowReader is a reader of the bucket below.
type belowReader struct {
	io.Reader
	io.Closer
	size     int64
	modified time.Time
}

func (r *belowReader) As(any) bool { return false }

func (r *belowReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{ContentType: contentType, ModTime: r.modified, Size: r.size}
}
