package readers

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// arrowColumn reads one column, a window of rows at a time. Values become the
// raw values that a Parquet page has, and cells by the same conversions.
type arrowColumn struct {
	columnCursor
	way     []arrow.Array   // to the column: the structs around it, and itself
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
	way := c.find(record)
	column := way[len(way)-1]
	c.locate(way, from, n)
	values := &c.page
	if len(c.present) < n {
		values = &c.dense
		values.reset(len(c.present))
	}
	if c.leaf.countOnly {
		err = c.countElements(values, column)
	} else if c.leaf.elements != nil {
		err = c.listElements(values, column)
	} else if dictionary, ok := column.(*array.Dictionary); ok {
		err = c.lookUpEntries(values, dictionary)
	} else {
		err = c.convertArray(values, column)
	}
	if err == nil && values == &c.dense {
		spread(&c.page, values, c.levels)
	}
	return err
}

// find is the arrays on the way to the column.
func (c *arrowColumn) find(record arrow.Record) []arrow.Array {
	c.way = append(c.way[:0], record.Column(c.leaf.places[0]))
	for i, place := range c.leaf.places[1:] {
		c.way = append(c.way, c.way[i].(*array.Struct).Field(place))
	}
	return c.way
}

// locate finds which cells of a window are there: none is in an absent struct.
func (c *arrowColumn) locate(way []arrow.Array, from, n int) {
	c.levels, c.present = resized(c.levels, n), c.present[:0]
	column, around := way[len(way)-1], way[:len(way)-1]
	for i := range n {
		c.levels[i] = 0
		there := !column.IsNull(from + i)
		for _, s := range around {
			there = there && !s.IsNull(from+i)
		}
		if there {
			c.levels[i] = 1
			c.present = append(c.present, from+i)
		}
	}
}

// countElements: what is no list counts as one.
func (c *arrowColumn) countElements(to *cells, column arrow.Array) error {
	lists, isList := column.(array.ListLike)
	for at, i := range c.present {
		if to.Ints[at] = 1; !isList {
			continue
		}
		from, end := lists.ValueOffsets(i)
		if from < 0 || end < from || end > int64(lists.ListValues().Len()) {
			return fmt.Errorf("a list of the elements %d to %d of %d", from, end, lists.ListValues().Len())
		}
		to.Ints[at] = end - from
	}
	return nil
}

// lookUpEntries converts a dictionary once, however many batches use it.
func (c *arrowColumn) lookUpEntries(to *cells, column *array.Dictionary) error {
	entries := column.Dictionary()
	if c.entries != entries.Data() {
		inner := &arrowColumn{columnCursor: columnCursor{parser: c.parser, leaf: c.leaf, texts: c.texts, wants: c.wants}}
		inner.page.of(c.page.field, c.page.words)
		inner.dense.of(c.page.field, c.page.words)
		inner.locate([]arrow.Array{entries}, 0, entries.Len())
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
		for _, i := range c.present {
			v := a.Value(i)
			raw.fixed = appendReversed(raw.fixed, v.LowBits(), uint64(v.HighBits()))
		}
	case *array.Decimal256:
		for _, i := range c.present {
			words := a.Value(i).Array()
			raw.fixed = appendReversed(raw.fixed, words[:]...)
		}
	case *array.Float32:
		for _, i := range c.present {
			raw.ints = append(raw.ints, int64(math.Float32bits(a.Value(i))))
		}
	case *array.Float64:
		for _, i := range c.present {
			raw.ints = append(raw.ints, int64(math.Float64bits(a.Value(i))))
		}
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
