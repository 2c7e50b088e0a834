package writers

import (
	"io"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// listSink writes rows that have lists, column by column. Most lists of most
// rows are empty: one that is empty in all rows of a chunk costs no more than
// its levels.
//
// Its bytes are those of parquet-go's GenericWriter that is given one row at a
// time, which ends a page behind the row that fills it.
type listSink[T any] struct {
	file    *parquet.GenericWriter[any]
	shape   *shape
	parts   []part
	columns []listColumn
	values  []parquet.Value
	none    []parquet.Value // for a list that is empty in all rows
	texts   []byte          // of the chunk's column, that values point into
	last    string          // the text that was copied last: rows side by side have much the same ones
	lastAt  parquet.Value
	rows    int // of the row group
}

// part is what a chunk has of a group.
type part struct {
	elements []reflect.Value
	slots    []slot // one an element, and one where there is none
	isNone   bool   // no row has any: a slot a row, of levels zero
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
		s.columns[i] = listColumn{leaf: s.shape.leaves[i], out: out, repeats: s.shape.groups[s.shape.leaves[i].in].rep > 0}
	}
	return s
}

// Write is the sink's: a whole chunk, or the last one.
func (s *listSink[T]) Write(rows []T) (int, error) {
	s.parts[0].ofRows(reflect.ValueOf(rows))
	for _, g := range s.shape.groups[1:] {
		s.parts[g.at].ofList(&s.parts[g.in], s.shape.groups[g.in], g)
	}
	for i := range s.columns {
		if err := s.write(&s.columns[i]); err != nil {
			return 0, err
		}
	}
	if s.rows += len(rows); s.rows < rowGroupRows {
		return len(rows), nil
	}
	s.rows = 0
	for i := range s.columns {
		s.columns[i].begin()
	}
	return len(rows), s.file.Flush()
}

// Close is the sink's.
func (s *listSink[T]) Close() error { return s.file.Close() }

func (p *part) ofRows(rows reflect.Value) {
	p.elements, p.slots = p.elements[:0], p.slots[:0]
	for i := range rows.Len() {
		p.elements, p.slots = append(p.elements, rows.Index(i)), append(p.slots, slot{})
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
		list := parents.elements[next].Field(g.field)
		next++
		n := list.Len()
		if n == 0 {
			p.slots = append(p.slots, at)
			continue
		}
		p.elements, p.slots = append(p.elements, list.Index(0)), append(p.slots, slot{at.rep, g.def})
		for i := 1; i < n; i++ {
			p.elements, p.slots = append(p.elements, list.Index(i)), append(p.slots, slot{g.rep, g.def})
		}
	}
	p.isNone = len(p.elements) == 0 && (in.rep == 0 || parents.isNone)
}

// write writes a column of the chunk.
func (s *listSink[T]) write(c *listColumn) error {
	p := &s.parts[c.leaf.in]
	rows := len(s.parts[0].slots)
	if p.isNone {
		return c.write(s.none[:rows], filled{rows: rows, slots: rows})
	}
	chunk := filled{rows: rows, slots: len(p.slots)}
	s.values = slices.Grow(s.values[:0], len(p.slots))[:len(p.slots)]
	s.texts, s.last = s.texts[:0], ""
	there, next := s.shape.groups[c.leaf.in].def, 0
	for i, at := range p.slots {
		v := &s.values[i]
		*v = parquet.Value{}
		if at.def == there {
			if size := s.set(v, c.leaf, c.leaf.of(p.elements[next])); size >= 0 {
				chunk.values++
				chunk.texts += size
				at.def = c.leaf.def
			}
			next++
		}
		if at != (slot{}) {
			v.SetRepetitionLevel(int(at.rep))
			v.SetDefinitionLevel(int(at.def))
		}
	}
	c.dictionary += len(s.texts)
	return c.write(s.values, chunk)
}

// set sets a value to what a field holds, and returns the bytes of its text; or
// leaves it null and returns -1, where the field is zero and the column optional.
func (s *listSink[T]) set(v *parquet.Value, l *leaf, field reflect.Value) int {
	switch l.kind {
	case reflect.String:
		text := field.String()
		if l.optional && text == "" {
			return -1
		}
		*v = s.text(text)
		return len(text)
	case reflect.Bool:
		is := field.Bool()
		if l.optional && !is {
			return -1
		}
		*v = parquet.BooleanValue(is)
	case reflect.Int32, reflect.Int64:
		n := field.Int()
		switch {
		case l.optional && n == 0:
			return -1
		case l.kind == reflect.Int32:
			*v = parquet.Int32Value(int32(n))
		default:
			*v = parquet.Int64Value(n)
		}
	default:
		if l.optional && field.IsZero() {
			return -1
		}
		*v = parquet.FixedLenByteArrayValue(field.Bytes())
	}
	return 0
}

// text is a value of a string, which is copied: parquet-go wants bytes.
func (s *listSink[T]) text(t string) parquet.Value {
	if t != s.last || len(s.texts) == 0 {
		at := len(s.texts)
		s.texts = append(s.texts, t...)
		s.last, s.lastAt = t, parquet.ByteArrayValue(s.texts[at:len(s.texts):len(s.texts)])
	}
	return s.lastAt
}

// listColumn is a column that is being written.
type listColumn struct {
	leaf    *leaf
	out     *parquet.ColumnWriter
	repeats bool

	page filled // since the last page

	// A dictionary that is too large at the end of a page is given up, and the
	// pages that follow are plain and end elsewhere. Which texts it has is not
	// known here, only that they are not more than those that differ from the
	// one before. From the page on where these may be too many, rows are written
	// one by one: parquet-go then ends the page by itself.
	dictionary int // bytes of its texts, at most
	oneByOne   bool
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
func (c *listColumn) begin() { c.page, c.dictionary, c.oneByOne = filled{}, 0, false }

// size is parquet-go's measure of a page.
func (c *listColumn) size(f filled) int {
	levels := 0
	switch {
	case c.repeats:
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
