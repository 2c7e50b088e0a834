package writers

import (
	"io"
	"reflect"
	"slices"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// listSink writes rows that have lists, column by column. Most lists of most
// rows are empty: one that is empty in all rows of a chunk costs no more than
// its levels.
//
// Its bytes are those of parquet-go's own writer that is given the values of rows
// one row at a time, and ends a page behind the row that fills it. A row with a
// very long list takes some 60 bytes an element and column while it is written.
type listSink[T any] struct {
	file    *parquet.GenericWriter[any]
	shape   *shape
	parts   []part
	columns []listColumn
	values  []parquet.Value
	none    []parquet.Value // for a list that is empty in all rows
	rows    int             // of the row group
}

// part is what a chunk has of a group. Its elements are read where they lie, past
// reflection, for the reason that fields.go gives; FuzzLists holds what comes of
// it against what parquet-go reads with reflection.
type part struct {
	elements []unsafe.Pointer // where they lie
	slots    []slot           // one an element, and one where there is none
	isNone   bool             // no row has any: a slot a row, of levels zero
}

// slot is the levels of an element, or of a place without one.
type slot struct{ rep, def byte }

func newListSink[T any](w io.Writer, spec Spec) *listSink[T] {
	s := &listSink[T]{
		file:  parquet.NewGenericWriter[any](w, options(spec, parquet.SchemaOf(new(T)))...),
		shape: shapeOf(reflect.TypeFor[T]()),
		none:  make([]parquet.Value, chunkRows),
	}
	s.parts = make([]part, len(s.shape.groups))
	s.columns = make([]listColumn, len(s.shape.leaves))
	for i, out := range s.file.ColumnWriters() {
		l := s.shape.leaves[i]
		s.columns[i] = listColumn{leaf: l, in: s.shape.groups[l.in], out: out, texts: newTextValues(l.field, l.optional)}
	}
	return s
}

// Write is the sink's: a whole chunk, or the last one.
func (s *listSink[T]) Write(rows []T) (int, error) {
	s.parts[0].ofRows(len(rows), unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]))
	for _, g := range s.shape.groups[1:] {
		s.parts[g.at].ofList(&s.parts[g.in], s.shape.groups[g.in], g)
	}
	for i := range s.columns {
		if err := s.write(&s.columns[i]); err != nil {
			return 0, err
		}
	}
	s.letGo()
	if s.rows += len(rows); s.rows < rowGroupRows {
		return len(rows), nil
	}
	s.rows = 0
	for i := range s.columns {
		s.columns[i].begin()
	}
	return len(rows), s.file.Flush()
}

// mostKept is how many slots are kept room for from chunk to chunk.
const mostKept = 64 * chunkRows

// letGo lets go of the rows of a chunk, and of what room their lists took that
// few chunks need.
func (s *listSink[T]) letGo() {
	for i := range s.parts {
		p := &s.parts[i]
		if cap(p.slots) > mostKept {
			p.elements, p.slots = nil, nil
		}
		clear(p.elements)
	}
	if cap(s.values) > mostKept {
		s.values = nil
	}
	clear(s.values[:cap(s.values)])
}

// Close is the sink's.
func (s *listSink[T]) Close() error { return s.file.Close() }

func (p *part) ofRows(n int, first unsafe.Pointer, size uintptr) {
	p.elements, p.slots = p.elements[:0], p.slots[:0]
	for i := range n {
		p.elements, p.slots = append(p.elements, unsafe.Add(first, uintptr(i)*size)), append(p.slots, slot{})
	}
}

// ofList gathers the elements of a list.
func (p *part) ofList(parents *part, in, g *group) {
	p.elements, p.slots = p.elements[:0], p.slots[:0]
	next := 0
	for _, at := range parents.slots {
		if at.def < in.def {
			p.slots = append(p.slots, at)
			continue
		}
		first, n := listAt(unsafe.Add(parents.elements[next], g.offset))
		next++
		if n == 0 {
			p.slots = append(p.slots, at)
			continue
		}
		p.elements, p.slots = append(p.elements, first), append(p.slots, slot{at.rep, g.def})
		for i := 1; i < n; i++ {
			p.elements, p.slots = append(p.elements, unsafe.Add(first, uintptr(i)*g.size)), append(p.slots, slot{g.rep, g.def})
		}
	}
	p.isNone = len(p.elements) == 0 && (in.rep == 0 || parents.isNone)
}

// listAt is a list of any type: where its first element is, and how many there
// are.
func listAt(list unsafe.Pointer) (first unsafe.Pointer, n int) {
	bytes := *(*[]byte)(list)
	return unsafe.Pointer(unsafe.SliceData(bytes)), len(bytes)
}

// write writes a column of the chunk.
func (s *listSink[T]) write(c *listColumn) error {
	p, rows := &s.parts[c.leaf.in], len(s.parts[0].slots)
	if p.isNone {
		return c.write(s.none[:rows], filled{rows: rows, slots: rows})
	}
	s.values = slices.Grow(s.values[:0], len(p.slots))[:len(p.slots)]
	chunk, err := c.set(s.values, p)
	if err != nil {
		return err
	}
	chunk.rows, chunk.slots = rows, len(p.slots)
	return c.write(s.values, chunk)
}

// listColumn is a column that is being written.
type listColumn struct {
	leaf  *leaf
	in    *group
	out   *parquet.ColumnWriter
	texts *textValues
	page  filled // since the last page

	// A dictionary that is too large at the end of a page is given up, and the
	// pages that follow are plain and end elsewhere. Which texts it has is not
	// known here, only that they are not more than those that differ from the
	// one before. From the page on where these may be too many, rows are written
	// one by one: parquet-go then ends the page by itself.
	dictionary int // bytes of its texts, at most
	oneByOne   bool
}

// set sets the values of a column, and says how many there are.
func (c *listColumn) set(values []parquet.Value, p *part) (filled, error) {
	switch c.leaf.kind {
	case reflect.String:
		return c.setTexts(values, p)
	case reflect.Bool:
		return setValues(c, values, p, func(v *bool) parquet.Value { return parquet.BooleanValue(*v) }), nil
	case reflect.Int32:
		return setValues(c, values, p, func(v *int32) parquet.Value { return parquet.Int32Value(*v) }), nil
	case reflect.Int64:
		return setValues(c, values, p, func(v *int64) parquet.Value { return parquet.Int64Value(*v) }), nil
	}
	return setValues(c, values, p, func(v *[16]byte) parquet.Value { return parquet.FixedLenByteArrayValue(v[:]) }), nil
}

// setValues sets values of a type V, null where there is no element, or where
// the element's is zero and the column optional.
func setValues[V comparable](c *listColumn, values []parquet.Value, p *part, valueOf func(*V) parquet.Value) (f filled) {
	var zero V
	next := 0
	for i, at := range p.slots {
		values[i] = parquet.Value{}
		if at.def == c.in.def {
			v := (*V)(unsafe.Add(p.elements[next], c.leaf.offset))
			next++
			if !c.leaf.optional || *v != zero {
				values[i], at.def = valueOf(v), c.leaf.def
				f.values++
			}
		}
		at.set(&values[i])
	}
	return f
}

// setTexts sets values of text, which must be UTF-8.
func (c *listColumn) setTexts(values []parquet.Value, p *part) (f filled, err error) {
	next := 0
	for i, at := range p.slots {
		values[i] = parquet.Value{}
		if at.def == c.in.def {
			text := *(*string)(unsafe.Add(p.elements[next], c.leaf.offset))
			next++
			if text != c.texts.last {
				if err := c.texts.next(text); err != nil {
					return f, err
				}
				c.dictionary += len(text)
			}
			if values[i] = c.texts.value; !values[i].IsNull() {
				at.def = c.leaf.def
				f.values++
				f.texts += len(text)
			}
		}
		at.set(&values[i])
	}
	return f, nil
}

// set gives a value its levels.
func (at slot) set(v *parquet.Value) {
	v.SetRepetitionLevel(int(at.rep))
	v.SetDefinitionLevel(int(at.def))
}

// pageRoom is how many bytes of values parquet-go lets a page have: the row
// that makes them as many is its last.
const pageRoom = pageBytes * 98 / 100

// write writes a column of a chunk. chunk is what it adds to a page.
func (c *listColumn) write(values []parquet.Value, chunk filled) error {
	if after := c.page.and(chunk); !c.oneByOne && c.size(after) < pageRoom {
		c.page = after
		_, err := c.out.WriteRowValues(values)
		return err
	}
	from := 0
	for i, v := range values {
		c.page.slots++
		if v.RepetitionLevel() == 0 {
			c.page.rows++
		}
		if !v.IsNull() {
			c.page.values++
		}
		if v.Kind() == parquet.ByteArray {
			c.page.texts += len(v.ByteArray())
		}
		isLast := i+1 == len(values)
		isRow := isLast || values[i+1].RepetitionLevel() == 0
		isFull := isRow && c.size(c.page) >= pageRoom
		if isFull {
			c.page = filled{}
			c.oneByOne = c.oneByOne || c.leaf.dict && c.dictionary > dictionaryMax
		}
		if isFull || isLast || isRow && c.oneByOne {
			if _, err := c.out.WriteRowValues(values[from : i+1]); err != nil {
				return err
			}
			from = i + 1
		}
	}
	return nil
}

// begin begins a row group.
func (c *listColumn) begin() { c.page, c.dictionary, c.oneByOne = filled{}, len(c.texts.last), false }

// size is parquet-go's measure of a page.
func (c *listColumn) size(f filled) int {
	levels := 0
	switch {
	case c.in.rep > 0:
		levels = 8*f.rows + 2*f.slots
	case c.leaf.optional:
		levels = 5 * f.slots
	}
	switch c.leaf.kind {
	case reflect.String:
		if c.leaf.dict {
			return levels + 4*f.values
		}
		return levels + 4*f.values + f.texts
	case reflect.Bool:
		return levels + (f.values+7)/8
	case reflect.Int32:
		return levels + 4*f.values
	case reflect.Int64:
		return levels + 8*f.values
	}
	return levels + 16*f.values
}

// filled is what a page or a chunk has of a column.
type filled struct {
	rows, slots, values int
	texts               int // bytes
}

func (f filled) and(g filled) filled {
	return filled{f.rows + g.rows, f.slots + g.slots, f.values + g.values, f.texts + g.texts}
}
