package pipeline

import (
	"context"
	"io"
	"slices"

	"gocloud.dev/blob"
)

// object is an object of a bucket as an io.ReaderAt, for one call and one
// goroutine. What is read in small pieces, a column here and a column there,
// is fetched in blocks: on an object store every request costs milliseconds.
type object struct {
	ctx    context.Context
	bucket *blob.Bucket
	key    string
	size   int64

	blocks []objectBlock // the one used last comes first
}

type objectBlock struct {
	number int64
	bytes  []byte
	unread int // of the bytes
}

const (
	fetchSize   = 512 << 10
	keptFetched = 64 // more than a table has columns
	keptRead    = 8  // past so many blocks those are let go of that were read to their ends
)

func (o *object) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		if off+int64(n) >= o.size {
			return n, io.EOF
		}
		var block []byte
		if block, err = o.block((off + int64(n)) / fetchSize); err == nil {
			copied := copy(p[n:], block[(off+int64(n))%fetchSize:])
			o.blocks[0].unread -= copied
			n += copied
		}
	}
	return n, err
}

func (o *object) block(number int64) ([]byte, error) {
	for i, b := range o.blocks {
		if b.number == number {
			copy(o.blocks[1:i+1], o.blocks[:i])
			o.blocks[0] = b
			return b.bytes, nil
		}
	}
	at := number * fetchSize
	fetched := make([]byte, min(fetchSize, o.size-at))
	r, err := o.bucket.NewRangeReader(o.ctx, o.key, at, int64(len(fetched)), nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.ReadFull(r, fetched); err != nil {
		return nil, err
	}
	if len(o.blocks) >= keptRead {
		o.blocks = slices.DeleteFunc(o.blocks, func(b objectBlock) bool { return b.unread <= 0 })
	}
	if len(o.blocks) < keptFetched {
		o.blocks = append(o.blocks, objectBlock{})
	}
	copy(o.blocks[1:], o.blocks)
	o.blocks[0] = objectBlock{number, fetched, len(fetched)}
	return fetched, nil
}
