package writers

import (
	"fmt"
	"runtime"

	"github.com/klauspost/compress/zstd"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec compresses the pages of all tables, by as many goroutines at once as
// like to.
var codec = newKeptCodec()

// keptCodec is parquet-go's zstd codec, but for its level and its encoders:
// parquet-go pools them, every garbage collection empties the pool, and to make
// one clears a mebibyte of tables, most of what a small night costs to write.
// This one is made once and keeps what it made.
type keptCodec struct {
	*parquetzstd.Codec
	encoder *zstd.Encoder
}

func newKeptCodec() keptCodec {
	// The level costs half of the default one, and ids in hexadecimal, which are
	// most of what is left in a file, come out smaller: see DECISIONS.md.
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), // how many may encode at once; never in the bytes
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithZeroFrames(true),
		zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true), // 8 MiB a processor for pages of several blocks, not 16; never in the bytes
	)
	if err != nil {
		panic(fmt.Sprintf("zstd: %v", err)) // the options are ours
	}
	return keptCodec{&parquetzstd.Codec{Concurrency: 1}, encoder}
}

// Encode implements compress.Codec.
func (c keptCodec) Encode(dst, src []byte) ([]byte, error) { return c.append(dst[:0], src), nil }

// append appends a page's values, compressed.
func (c keptCodec) append(to, values []byte) []byte { return c.encoder.EncodeAll(values, to) }
