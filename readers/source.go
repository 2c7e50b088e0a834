package readers

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
)

// source is one object of the exports' bucket, of a size that is known.
type source struct {
	bucket *blob.Bucket
	key    string
	size   int64
}

// section is the source as an io.ReaderAt for one call that reads it. Each
// ReadAt is one request to the store, so callers read in readSize pieces.
type section struct {
	ctx context.Context // of the call: a section does not outlive it
	source
	tail   []byte // the object's last bytes, if they have been read already
	tailAt int64
}

// ReadAt reads all of p or fails; a failure is a *FileError that wraps the
// store's.
func (s *section) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.tailAt && s.tail != nil && off+int64(len(p)) <= s.size {
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
