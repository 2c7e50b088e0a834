package readers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gocloud.dev/blob"
)

// source is one object of the exports' bucket, of a size that is known.
type source struct {
	bucket *blob.Bucket
	key    string
	size   int64
	remote bool // requests are dear: see fetch.go

	front []byte // of a remote object: its first bytes, if they have been read
	whole bool   // which are all of it
}

func sourceOf(bucket *blob.Bucket, f File) source {
	var folder fs.FS
	return source{bucket: bucket, key: f.Key, size: f.Size, remote: !bucket.As(&folder)}
}

// stream is the object from its beginning to its end. What is in memory of it
// is not asked for again.
func (s *source) stream(ctx context.Context) (io.ReadCloser, error) {
	switch {
	case s.whole:
		return io.NopCloser(bytes.NewReader(s.front)), nil
	case len(s.front) == 0:
		return s.bucket.NewReader(ctx, s.key, nil)
	}
	return &streamReader{ctx: ctx, source: s, front: s.front}, nil
}

// streamReader reads the front and then asks for the rest.
type streamReader struct {
	ctx    context.Context
	source *source
	front  []byte // still to be read
	rest   *blob.Reader
}

func (r *streamReader) Read(p []byte) (n int, err error) {
	if len(r.front) > 0 {
		n = copy(p, r.front)
		r.front = r.front[n:]
		return n, nil
	}
	if r.rest == nil {
		if r.rest, err = r.source.bucket.NewRangeReader(r.ctx, r.source.key, int64(len(r.source.front)), -1, nil); err != nil {
			return 0, err
		}
	}
	return r.rest.Read(p)
}

func (r *streamReader) Close() error {
	if r.rest == nil {
		return nil
	}
	return r.rest.Close()
}

// readFront reads the first bytes of a remote object, which all that read it
// begin with.
func (s *source) readFront(ctx context.Context) error {
	if !s.remote || s.whole || s.size == 0 {
		return nil
	}
	front := make([]byte, min(tailSize, s.size))
	_, err := (&section{ctx: ctx, source: *s}).ReadAt(front, 0)
	s.front = front
	return err
}

// section is the source as an io.ReaderAt for one call that reads it. Each
// ReadAt is one request to the store, so callers read in readSize pieces.
type section struct {
	ctx context.Context // of the call: a section does not outlive it
	source
	tail   []byte // the object's last bytes, if they have been read already
	tailAt int64
	ahead  *fetcher // reads stretches that are known beforehand
}

// reader reads a range of the object in order. Where there is a fetcher, it is
// one of those that it fetches.
func (s *section) reader(r stretch) io.Reader {
	if s.ahead != nil && r.size > 0 && !s.has(r) {
		return s.ahead.reader(r)
	}
	return io.NewSectionReader(s, r.at, r.size)
}

// has tells whether a range is in memory.
func (s *section) has(r stretch) bool {
	return r.end() <= s.size && (r.end() <= int64(len(s.front)) || s.tail != nil && r.at >= s.tailAt)
}

// fetching is a section of which stretches are going to be read, each once. close
// ends it.
func (s *section) fetching(stretches []stretch) (close func()) {
	var lack []stretch
	for _, r := range stretches {
		if r.size > 0 && !s.has(r) {
			lack = append(lack, r)
		}
	}
	if !s.remote || len(lack) == 0 {
		return func() {}
	}
	s.ahead = fetch(s.ctx, s.source, lack)
	return s.ahead.close
}

// ReadAt reads all of p or fails; a failure is a *FileError that wraps the
// store's.
func (s *section) ReadAt(p []byte, off int64) (int, error) {
	if r := (stretch{off, int64(len(p))}); s.has(r) {
		if r.end() <= int64(len(s.front)) {
			return copy(p, s.front[off:]), nil
		}
		return copy(p, s.tail[off-s.tailAt:]), nil
	}
	what := fmt.Sprintf("reading bytes %d to %d of %d", off, off+int64(len(p)), s.size)
	r, err := s.bucket.NewRangeReader(s.ctx, s.key, off, int64(len(p)), nil)
	if err != nil {
		return 0, &FileError{Key: s.key, What: what, Err: err}
	}
	defer r.Close()
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		what += ": the file is shorter than it was when listed"
	}
	if err != nil {
		return n, &FileError{Key: s.key, What: what, Err: err}
	}
	return n, nil
}
