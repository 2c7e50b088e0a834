package readers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// unpacker decompresses blocks whose size is known, and never makes room for
// more than that: a bomb fails where it would grow. For one goroutine.
type unpacker struct {
	zstd  *zstd.Decoder
	gzip  *gzip.Reader
	input bytes.Reader
}

var errSize = errors.New("it is not of the size that it claims")

// mostUnpacked is the most bytes that a compressed block of so many can stand
// for: a page is given no more room than that, whatever it claims.
func mostUnpacked(codec format.CompressionCodec, packed int64) int64 {
	switch codec {
	case format.Snappy: // 64 bytes for 3
		return packed * 64 / 3
	case format.Lz4, format.Lz4Raw: // a byte of a length stands for 255
		return packed * 255
	case format.Gzip: // 258 bytes for 2 bits
		return packed * 4 * 258
	case format.Zstd: // a block of up to 128 KiB for its header and a byte
		return (packed/4 + 1) * (128 << 10)
	}
	return math.MaxInt64 // of Brotli a few bytes stand for any; what is not compressed makes no room
}

// unpack fills to, exactly, from a compressed block. What to has room for behind
// its end may be overwritten.
func (u *unpacker) unpack(codec format.CompressionCodec, to, block []byte) error {
	switch codec {
	case format.Snappy:
		return unpackSnappy(to, block)
	case format.Zstd:
		return u.unpackZstd(to, block)
	case format.Gzip:
		return u.unpackGzip(to, block)
	case format.Brotli:
		u.input.Reset(block)
		return fill(to, brotli.NewReader(&u.input)) // Reset would keep what it has not read of the page before
	case format.Lz4Raw:
		n, err := lz4.UncompressBlock(block, to)
		return sized(n, to, err)
	case format.Lz4: // as its writer understood it
		if err := unpackHadoop(to, block); err == nil {
			return nil
		}
		if n, err := lz4.UncompressBlock(block, to); sized(n, to, err) == nil {
			return nil
		}
		return errors.New("neither Hadoop's framing of LZ4 nor LZ4 without one")
	}
	return fmt.Errorf("compression %v cannot be read", codec)
}

func unpackSnappy(to, block []byte) error {
	n, err := snappy.DecodedLen(block)
	if err = sized(n, to, err); err != nil {
		return err
	}
	_, err = snappy.Decode(to, block)
	return err
}

// unpackHadoop: LZ4 as Hadoop frames it, big-endian: blocks, each behind the
// size that it has unpacked, of chunks, each behind the size that it has.
func unpackHadoop(to, block []byte) error {
	for len(to) > 0 {
		if len(block) < 4 || int64(binary.BigEndian.Uint32(block)) > int64(len(to)) {
			return errSize
		}
		left := int(binary.BigEndian.Uint32(block))
		block = block[4:]
		for left > 0 {
			if len(block) < 4 || int64(binary.BigEndian.Uint32(block)) > int64(len(block)-4) {
				return errCutShort
			}
			end := 4 + int(binary.BigEndian.Uint32(block))
			n, err := lz4.UncompressBlock(block[4:end], to[:left])
			if err != nil {
				return err
			}
			to, block, left = to[n:], block[end:], left-n
		}
	}
	if len(block) > 0 {
		return errTooLong
	}
	return nil
}

// unpackRoom is how much more room than it needs a page is given: where zstd's
// decoder has a block and 16 bytes to spare, it copies without looking where
// they end.
const unpackRoom = 128<<10 + 16

func (u *unpacker) unpackZstd(to, block []byte) (err error) {
	if u.zstd == nil {
		u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPage))
		if err != nil {
			return err
		}
	}
	plain, err := u.zstd.DecodeAll(block, to[:0])
	return sized(len(plain), to, err)
}

func (u *unpacker) unpackGzip(to, block []byte) (err error) {
	u.input.Reset(block)
	if u.gzip == nil {
		u.gzip, err = gzip.NewReader(&u.input)
	} else {
		err = u.gzip.Reset(&u.input)
	}
	if err != nil {
		u.gzip = nil
		return err
	}
	return fill(to, u.gzip)
}

// fill fills to and wants the reader, which checks its sum there, to end.
func fill(to []byte, from io.Reader) error {
	if _, err := io.ReadFull(from, to); err != nil {
		return noEOF(err)
	}
	var more [1]byte
	n, err := io.ReadFull(from, more[:])
	if n > 0 {
		return errSize
	}
	if err != io.EOF {
		return err
	}
	return nil
}

func sized(n int, to []byte, err error) error {
	if err == nil && n != len(to) {
		return errSize
	}
	return err
}
