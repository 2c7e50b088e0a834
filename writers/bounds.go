package writers

import (
	"bytes"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// The bounds that parquet-go 0.32 writes for columns of fixed-length bytes are
// not to be had. It compares decimals as unsigned bytes, so they are wrong once
// a value is negative, and a reader that prunes by them drops credits. And on
// machines with AVX-512 it compares 16-byte values by their first half alone
// where several tie: wrong again, and other bytes than on other machines.
//
// So the footer gets no bounds for them (see addArrays). The column index must
// have some: its lists are as long as there are pages, and Spark and Arrow
// refuse a file whose lists are shorter, which is what parquet-go makes of
// bounds that are skipped. There the bounds are those of the type, true for
// every page: nothing can be pruned by them.

// boundless is a schema's node with such a column index for every column of
// fixed-length bytes.
func boundless(n parquet.Node) parquet.Node {
	switch {
	case !n.Leaf():
		return boundlessGroup{n, boundlessFields(n.Fields())}
	case hasNoBounds(n):
		return boundlessLeaf{n}
	}
	return n
}

func hasNoBounds(leaf parquet.Node) bool { return leaf.Type().Kind() == parquet.FixedLenByteArray }

// typeBounds are the lowest and the highest value of a column of 16 bytes.
func typeBounds(t parquet.Type) (low, high []byte) {
	if t.LogicalType() == nil { // bytes, which compare as such
		return make([]byte, len(Wide{})), bytes.Repeat([]byte{0xff}, len(Wide{}))
	}
	return lowestWide[:], highestWide[:]
}

type boundlessGroup struct {
	parquet.Node
	fields []parquet.Field // made once: parquet-go asks again and again
}

func (g boundlessGroup) Fields() []parquet.Field { return g.fields }

func boundlessFields(fields []parquet.Field) []parquet.Field {
	out := make([]parquet.Field, len(fields))
	for i, f := range fields {
		out[i] = boundlessField{boundless(f), f}
	}
	return out
}

// boundlessField is a field of a group with its node replaced.
type boundlessField struct {
	parquet.Node
	field parquet.Field
}

func (f boundlessField) Name() string { return f.field.Name() }

func (f boundlessField) Value(base reflect.Value) reflect.Value { return f.field.Value(base) }

type boundlessLeaf struct{ parquet.Node }

func (l boundlessLeaf) Type() parquet.Type { return boundlessType{l.Node.Type()} }

type boundlessType struct{ parquet.Type }

func (t boundlessType) NewColumnIndexer(int) parquet.ColumnIndexer {
	return &boundlessIndexer{of: t}
}

// boundlessIndexer counts pages and nulls, and looks at no value.
type boundlessIndexer struct {
	of         parquet.Type
	nullPages  []bool
	nullCounts []int64
}

func (x *boundlessIndexer) Reset() { *x = boundlessIndexer{of: x.of} }

func (x *boundlessIndexer) IndexPage(values, nulls int64, _, _ parquet.Value) {
	x.nullPages = append(x.nullPages, values == nulls)
	x.nullCounts = append(x.nullCounts, nulls)
}

func (x *boundlessIndexer) ColumnIndex() format.ColumnIndex {
	index := format.ColumnIndex{
		NullPages:     x.nullPages,
		NullCounts:    x.nullCounts,
		BoundaryOrder: format.Unordered,
	}
	for _, null := range x.nullPages {
		low, high := typeBounds(x.of)
		if null {
			low, high = []byte{}, []byte{}
		}
		index.MinValues = append(index.MinValues, low)
		index.MaxValues = append(index.MaxValues, high)
	}
	return index
}
