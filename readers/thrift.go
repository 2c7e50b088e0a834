package readers

import (
	"encoding/binary"
	"errors"
)

// compact reads Thrift's compact protocol, in which Parquet writes its headers,
// without allocating: a length in it is a claim, and the general decoder of
// parquet-go makes room for what is claimed before it looks for it.
//
// The first error stays; after it all reads give zero.
type compact struct {
	b     []byte
	at    int
	items int // list elements seen
	err   error
}

var (
	errThriftShort = errors.New("header ends too early")
	errThriftBad   = errors.New("header is not Thrift")
)

// Types of the compact protocol. A boolean field has its value for a type.
const (
	thriftStop = iota
	thriftTrue
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

// maxThriftDepth is how deep structs and lists may nest; Parquet needs six.
const maxThriftDepth = 16

func (c *compact) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *compact) byte() byte {
	if c.err != nil || c.at >= len(c.b) {
		c.fail(errThriftShort)
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

func (c *compact) uvarint() uint64 {
	if c.err != nil {
		return 0
	}
	v, n := binary.Uvarint(c.b[c.at:])
	if n == 0 {
		c.fail(errThriftShort)
		return 0
	}
	if n < 0 {
		c.fail(errThriftBad)
		return 0
	}
	c.at += n
	return v
}

// int reads an i16, i32 or i64.
func (c *compact) int() int64 {
	u := c.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// fields reads a struct. visit must read or skip the field's value, unless its
// type is thriftTrue or thriftFalse.
func (c *compact) fields(visit func(id int64, typ byte)) {
	for id := int64(0); c.err == nil; {
		head := c.byte()
		typ := head & 0xf
		if head == thriftStop || c.err != nil {
			return
		}
		if delta := head >> 4; delta != 0 {
			id += int64(delta)
		} else {
			id = c.int()
		}
		visit(id, typ)
	}
}

// skip reads over a value.
func (c *compact) skip(typ byte) { c.skipDeep(typ, 0) }

func (c *compact) skipDeep(typ byte, depth int) {
	if depth > maxThriftDepth {
		c.fail(errThriftBad)
		return
	}
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		c.byte()
	case thriftI16, thriftI32, thriftI64:
		c.uvarint()
	case thriftDouble:
		c.advance(8)
	case thriftBinary:
		c.advance(c.uvarint())
	case thriftList, thriftSet:
		c.skipList(depth)
	case thriftStruct:
		c.fields(func(_ int64, typ byte) { c.skipDeep(typ, depth+1) })
	default: // maps too: Parquet has none
		c.fail(errThriftBad)
	}
}

func (c *compact) skipList(depth int) {
	head := c.byte()
	n, typ := uint64(head>>4), head&0xf
	if n == 0xf {
		n = c.uvarint()
	}
	if n > uint64(len(c.b)-c.at) { // an element has a byte at least
		c.fail(errThriftShort)
	}
	if c.items += int(min(n, maxFooterItems+1)); c.items > maxFooterItems {
		c.fail(errThriftBad)
	}
	for ; n > 0 && c.err == nil; n-- {
		if typ == thriftTrue || typ == thriftFalse {
			c.byte() // in a list a boolean is a byte
			continue
		}
		c.skipDeep(typ, depth+1)
	}
}

func (c *compact) advance(n uint64) {
	if c.err != nil {
		return
	}
	if n > uint64(len(c.b)-c.at) {
		c.fail(errThriftShort)
		return
	}
	c.at += int(n)
}
