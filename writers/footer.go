package writers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// footerLook looks through a table's footer before parquet-go decodes it, which
// makes room for as many elements as a list claims before it looks for them: a
// few damaged bytes ask for more memory than there is.
type footerLook struct {
	b   []byte
	at  int
	bad bool
}

var errFooter = errors.New("broken footer")

// footerDepth is how deep structs and lists of a footer may nest; Parquet needs
// six.
const footerDepth = 16

// checkFooter refuses a footer that is longer than its file, and one with a list
// of more elements than it has bytes.
func checkFooter(r io.ReaderAt, size int64) error {
	const closing, magic = 8, 4
	if size < closing+magic {
		return fmt.Errorf("no table: %d bytes", size)
	}
	var end [closing]byte
	if n, err := r.ReadAt(end[:], size-closing); n < closing {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if length > size-closing-magic {
		return fmt.Errorf("%w: %d bytes in a file of %d", errFooter, length, size)
	}
	footer := make([]byte, length)
	if n, err := r.ReadAt(footer, size-closing-length); n < len(footer) {
		return err
	}
	look := footerLook{b: footer}
	if look.value(thrift.STRUCT, 0); look.bad {
		return errFooter
	}
	return nil
}

// value looks through a value of Thrift's compact protocol.
func (l *footerLook) value(t thrift.Type, depth int) {
	if depth > footerDepth {
		l.bad = true
		return
	}
	switch t {
	case thrift.TRUE, thrift.FALSE: // a field that is its own value
	case thrift.I8:
		l.advance(1)
	case thrift.I16, thrift.I32, thrift.I64:
		l.uvarint()
	case thrift.DOUBLE:
		l.advance(8)
	case thrift.BINARY:
		l.advance(l.uvarint())
	case thrift.LIST:
		l.list(depth + 1)
	case thrift.STRUCT:
		l.fields(depth + 1)
	default: // Parquet has no others
		l.bad = true
	}
}

func (l *footerLook) fields(depth int) {
	for !l.bad {
		head := l.byte()
		if head == 0 { // the end
			return
		}
		if head>>4 == 0 { // the field's number stands by itself
			l.uvarint()
		}
		l.value(thrift.Type(head&0xf), depth)
	}
}

func (l *footerLook) list(depth int) {
	head := l.byte()
	n, t := uint64(head>>4), thrift.Type(head&0xf)
	if n == 0xf {
		n = l.uvarint()
	}
	if n > uint64(len(l.b)-l.at) { // an element has a byte at least
		l.bad = true
	}
	if t == thrift.TRUE || t == thrift.FALSE {
		l.advance(n)
		return
	}
	for ; n > 0 && !l.bad; n-- {
		l.value(t, depth)
	}
}

func (l *footerLook) byte() byte {
	if l.at == len(l.b) {
		l.bad = true
		return 0
	}
	l.at++
	return l.b[l.at-1]
}

func (l *footerLook) uvarint() uint64 {
	v, n := binary.Uvarint(l.b[l.at:])
	if n <= 0 {
		l.bad = true
		return 0
	}
	l.at += n
	return v
}

func (l *footerLook) advance(n uint64) {
	if n > uint64(len(l.b)-l.at) {
		l.bad = true
		return
	}
	l.at += int(n)
}
