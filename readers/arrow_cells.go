package readers

import (
	"fmt"
	"math/big"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
)

// arrowColumn reads one column, a window of rows at a time. Values become the
// raw values that a Parquet page has, and cells by the same conversions.
type arrowColumn struct {
	columnCursor
	entries arrow.ArrayData // what c.dictionary was made of
	levels  []byte          // of the window: 1 where there is a cell
	present []int           // places of the cells that are there
}

// load sets c.page to n rows of a record.
func (c *arrowColumn) load(record arrow.Record, from, n int) (err error) {
	defer recovered(&err)
	c.page.reset(n)
	if c.leaf == nil || c.leaf.meaning == nothing {
		c.page.missAll()
		return nil
	}
	column := record.Column(c.leaf.index)
	c.locate(column, from, n)
	values := &c.page
	if len(c.present) < n {
		values = &c.dense
		values.reset(len(c.present))
	}
	if dictionary, ok := column.(*array.Dictionary); ok {
		err = c.lookUpEntries(values, dictionary)
	} else {
		err = c.convertArray(values, column)
	}
	if err == nil && values == &c.dense {
		spread(&c.page, values, c.levels)
	}
	return err
}

// locate finds which cells of a window are there.
func (c *arrowColumn) locate(column arrow.Array, from, n int) {
	c.levels, c.present = resized(c.levels, n), c.present[:0]
	for i := range n {
		c.levels[i] = 0
		if !column.IsNull(from + i) {
			c.levels[i] = 1
			c.present = append(c.present, from+i)
		}
	}
}

// lookUpEntries converts a dictionary once, however many batches use it.
func (c *arrowColumn) lookUpEntries(to *cells, column *array.Dictionary) error {
	entries := column.Dictionary()
	if c.entries != entries.Data() {
		inner := &arrowColumn{columnCursor: columnCursor{parser: c.parser, leaf: c.leaf}}
		inner.page.of(c.page.field, c.page.words)
		inner.dense.of(c.page.field, c.page.words)
		inner.locate(entries, 0, entries.Len())
		values := &inner.dense
		values.reset(len(inner.present))
		if err := inner.convertArray(values, entries); err != nil {
			return fmt.Errorf("dictionary: %w", err)
		}
		spread(&inner.page, values, inner.levels)
		c.dictionary, c.entries = inner.page, entries.Data()
	}
	c.indexes = c.indexes[:0]
	for _, i := range c.present {
		at := column.GetValueIndex(i)
		if at < 0 || at >= c.dictionary.n {
			return fmt.Errorf("a cell names entry %d of a dictionary of %d", at, c.dictionary.n)
		}
		c.indexes = append(c.indexes, int32(at))
	}
	to.gather(&c.dictionary, c.indexes)
	return nil
}

// convertArray sets cells to the values that are present.
func (c *arrowColumn) convertArray(to *cells, column arrow.Array) error {
	raw := &c.raw
	raw.ints, raw.spans, raw.bytes, raw.fixed, raw.bools = raw.ints[:0], raw.spans[:0], raw.bytes[:0], raw.fixed[:0], raw.bools[:0]
	switch a := column.(type) {
	case interface{ Value(int) string }: // text, of any size of offset
		for _, i := range c.present {
			from := len(raw.bytes)
			raw.bytes = append(raw.bytes, a.Value(i)...)
			raw.spans = append(raw.spans, span{uint32(from), uint32(len(raw.bytes))})
		}
	case *array.FixedSizeBinary:
		for _, i := range c.present {
			raw.fixed = append(raw.fixed, a.Value(i)...)
		}
	case interface{ Value(int) []byte }:
		for _, i := range c.present {
			from := len(raw.bytes)
			raw.bytes = append(raw.bytes, a.Value(i)...)
			raw.spans = append(raw.spans, span{uint32(from), uint32(len(raw.bytes))})
		}
	case *array.Boolean:
		for _, i := range c.present {
			b := byte(0)
			if a.Value(i) {
				b = 1
			}
			raw.bools = append(raw.bools, b)
		}
	case *array.Decimal128:
		c.convertWide(to, a)
		return nil
	case *array.Date64:
		c.convertDate64(to, a)
		return nil
	default:
		if !c.takeIntegers(column) {
			return fmt.Errorf("an array of %T", column)
		}
	}
	c.convert(to)
	return nil
}

// takeIntegers takes whatever is one integer a cell.
func (c *arrowColumn) takeIntegers(column arrow.Array) bool {
	switch a := column.(type) {
	case *array.Int8:
		integers(c, a.Int8Values())
	case *array.Int16:
		integers(c, a.Int16Values())
	case *array.Int32:
		integers(c, a.Int32Values())
	case *array.Int64:
		integers(c, a.Int64Values())
	case *array.Uint8:
		integers(c, a.Uint8Values())
	case *array.Uint16:
		integers(c, a.Uint16Values())
	case *array.Uint32:
		integers(c, a.Uint32Values())
	case *array.Uint64:
		integers(c, a.Uint64Values())
	case *array.Timestamp:
		integers(c, a.TimestampValues())
	case *array.Date32:
		integers(c, a.Date32Values())
	default:
		return false
	}
	return true
}

func integers[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](c *arrowColumn, values []T) {
	for _, i := range c.present {
		c.raw.ints = append(c.raw.ints, int64(values[i]))
	}
}

// convertDate64: milliseconds, of a day's midnight.
func (c *arrowColumn) convertDate64(to *cells, column *array.Date64) {
	values := column.Date64Values()
	for _, i := range c.present {
		c.raw.ints = append(c.raw.ints, floorDiv(int64(values[i]), day/1000))
	}
	c.convert(to)
	for at, i := range c.present {
		if v := int64(values[i]); v%(day/1000) != 0 { // a time of day is no date
			to.reject(at, badCell(fmt.Appendf(nil, "%d ms", v), NotATime))
		}
	}
}

// convertWide takes whole decimals that fit, and rejects the others as written.
func (c *arrowColumn) convertWide(to *cells, column *array.Decimal128) {
	scale := column.DataType().(*arrow.Decimal128Type).Scale
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	for at, i := range c.present {
		v := column.Value(i)
		whole, why := wholeOf(v, unit)
		if why != fine {
			to.reject(at, badCell([]byte(v.ToString(scale)), why))
			continue
		}
		to.Ints[at] = whole
	}
}

func wholeOf(v decimal128.Num, unit *big.Int) (int64, Reason) {
	if low := int64(v.LowBits()); v.HighBits() == low>>63 && unit.IsInt64() {
		if low%unit.Int64() != 0 {
			return 0, NotANumber
		}
		return low / unit.Int64(), fine
	}
	whole, rest := new(big.Int).QuoRem(v.BigInt(), unit, new(big.Int))
	switch {
	case rest.Sign() != 0:
		return 0, NotANumber
	case !whole.IsInt64():
		return 0, Overflow
	}
	return whole.Int64(), fine
}
