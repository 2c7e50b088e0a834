package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"

	"ratemill/pipeline/store"
)

// counting counts the reads that reach a store.
type counting struct {
	driver.Bucket
	reads atomic.Int64
}

func (c *counting) NewRangeReader(ctx context.Context, key string, offset, length int64, o *driver.ReaderOptions) (driver.Reader, error) {
	c.reads.Add(1)
	return c.Bucket.NewRangeReader(ctx, key, offset, length, o)
}

func countingFolder(t testing.TB) (*counting, *blob.Bucket) {
	t.Helper()
	disk, err := store.OpenDisk(diskDir(t))
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Bucket: disk}
	b := blob.NewBucket(c)
	t.Cleanup(func() { b.Close() })
	return c, b
}

// Small reads all over an object come out of few requests, and are what lies
// there.
func TestObjectIsReadInBlocks(t *testing.T) {
	store, bucket := countingFolder(t)
	content := make([]byte, 5*fetchSize+77)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	if err := bucket.WriteAll(t.Context(), "k", content, nil); err != nil {
		t.Fatal(err)
	}
	o := &object{ctx: t.Context(), bucket: bucket, key: "k", size: int64(len(content))}
	for range 1000 {
		off := random.IntN(len(content))
		p := make([]byte, random.IntN(2*fetchSize))
		n, err := o.ReadAt(p, int64(off))
		want := content[off:min(off+len(p), len(content))]
		if short := len(want) < len(p); !bytes.Equal(p[:n], want) || short != errors.Is(err, io.EOF) || !short && err != nil {
			t.Fatalf("%d bytes at %d: %d, %v", len(p), off, n, err)
		}
	}
	if got := store.reads.Load(); got != 6 {
		t.Errorf("%d requests for 6 blocks", got)
	}
}

// What was read to its end is let go of, so that a large table is not held in
// memory, and every block is still asked for once where columns are read side by
// side.
func TestObjectLetsGoOfWhatWasRead(t *testing.T) {
	store, bucket := countingFolder(t)
	const columns, size = 5, 10 * fetchSize
	if err := bucket.WriteAll(t.Context(), "k", make([]byte, columns*size), nil); err != nil {
		t.Fatal(err)
	}
	o := &object{ctx: t.Context(), bucket: bucket, key: "k", size: columns * size}
	p := make([]byte, 8<<10)
	for at := int64(0); at < size; at += int64(len(p)) {
		for column := range int64(columns) {
			if _, err := o.ReadAt(p, column*size+at); err != nil {
				t.Fatal(err)
			}
			if len(o.blocks) > keptRead+columns {
				t.Fatalf("%d blocks are kept", len(o.blocks))
			}
		}
	}
	if got, want := store.reads.Load(), int64(columns*10); got != want {
		t.Errorf("%d requests for %d blocks", got, want)
	}
}

// A night asks the store for the tables of the night before in a few reads,
// however many columns and pages they have.
func TestOwnTablesAreReadInFewRequests(t *testing.T) {
	store, bucket := countingFolder(t)
	c := newCompany(t, small)
	c.output = bucket
	c.nights("2024-05-01", "2024-05-02")
	s := c.settings("2024-05-03")
	before := store.reads.Load()
	if _, err := Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := store.reads.Load() - before; got > 25 {
		t.Errorf("%d reads of the history for a night", got)
	}
}
