package readers

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packing is how the text of an export is compressed.
type packing string

const (
	notPacked packing = ""
	asGzip    packing = "gzip" // one member or several: files that were appended to each other
	asZstd    packing = "zstd" // one frame or several
)

// packingOf is the packing that a file's name tells, and the name without it.
func packingOf(key string) (name string, kind packing) {
	ext := path.Ext(key)
	switch strings.ToLower(ext) {
	case ".gz":
		kind = asGzip
	case ".zst":
		kind = asZstd
	default:
		return key, notPacked
	}
	return key[:len(key)-len(ext)], kind
}

// unpacked is the text of an object as a stream: however much comes out of
// little, no more is held than the reader asks for and a window. It checks the
// checksums that are there, and reads the object to its end.
func unpacked(kind packing, object io.Reader) (text io.Reader, free func(), err error) {
	switch kind {
	case notPacked:
		return object, func() {}, nil
	case asGzip:
		r, err := gzip.NewReader(bufio.NewReaderSize(object, packedSize))
		if err != nil {
			return nil, func() {}, err
		}
		return r, func() { r.Close() }, nil
	case asZstd:
		// One decoder, no goroutines: files are read in parallel already.
		r, err := zstd.NewReader(bufio.NewReaderSize(object, packedSize), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, func() {}, err
		}
		return r, r.Close, nil
	}
	panic(fmt.Sprintf("readers: no packing %q", kind))
}
