package writers

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// sink writes rows column by column. Most lists of most rows are empty: one
// that is empty in all rows of a chunk costs no more than its levels.
//
// A row with a very long list takes 30 bytes an element and more while it is
// written: its place, and of each of its columns levels and values.
type sink struct {
	file             *tableFile
	parts            []part
	there, dimension []unsafe.Pointer // of a column, of a chunk
}

// part is what a chunk has of a group. Its elements are read where they lie, past
// reflection, which costs more for a value than all else that is done to write it;
// FuzzFlat and FuzzLists hold what comes of it against what parquet-go reads
// with reflection.
type part struct {
	elements   []unsafe.Pointer // where they lie
	reps, defs []byte           // levels: of each element, and of each place without one
}

func newSink(w io.Writer, spec Spec) (*sink, error) {
	form, err := formOf(spec)
	if err != nil {
		return nil, err
	}
	return &sink{file: newTableFile(w, form), parts: make([]part, len(form.shape.groups))}, nil
}

// write writes a chunk of rows that lie side by side.
func (s *sink) write(n int, first unsafe.Pointer, size uintptr) error {
	groups := s.file.form.shape.groups
	s.parts[0].ofRows(n, first, size)
	for _, g := range groups[1:] {
		s.parts[g.at].ofList(&s.parts[g.in], groups[g.in], g)
	}
	for _, c := range s.file.columns {
		if err := s.column(c, n); err != nil {
			return err
		}
	}
	s.letGo()
	if s.file.rows += n; s.file.rows < rowGroupRows {
		return nil
	}
	return s.file.endGroup()
}

// Close ends the file.
func (s *sink) Close() error { return s.file.Close() }

// mostKept is how many slots are kept room for from chunk to chunk.
const mostKept = 64 * chunkRows

// letGo lets go of the rows of a chunk, and of what room their lists took that
// few chunks need.
func (s *sink) letGo() {
	for i := range s.parts {
		p := &s.parts[i]
		if cap(p.reps) > mostKept {
			*p = part{}
		}
		clear(p.elements)
	}
	if cap(s.there) > mostKept {
		s.there = nil
	}
	clear(s.there[:cap(s.there)])
	clear(s.dimension)
}

func (p *part) empty() { p.elements, p.reps, p.defs = p.elements[:0], p.reps[:0], p.defs[:0] }

func (p *part) ofRows(n int, first unsafe.Pointer, size uintptr) {
	p.empty()
	for i := range n {
		p.elements = append(p.elements, unsafe.Add(first, uintptr(i)*size))
	}
	p.reps, p.defs = slices.Grow(p.reps, n)[:n], slices.Grow(p.defs, n)[:n]
	clear(p.reps)
	clear(p.defs)
}

// ofList gathers the elements of a list.
func (p *part) ofList(parents *part, in, g *group) {
	p.empty()
	next := 0
	for i, def := range parents.defs {
		rep := parents.reps[i]
		if def < in.def {
			p.reps, p.defs = append(p.reps, rep), append(p.defs, def)
			continue
		}
		first, n := listAt(unsafe.Add(parents.elements[next], g.offset))
		next++
		if n == 0 {
			p.reps, p.defs = append(p.reps, rep), append(p.defs, def)
			continue
		}
		p.elements, p.reps, p.defs = append(p.elements, first), append(p.reps, rep), append(p.defs, g.def)
		for i := 1; i < n; i++ {
			p.elements = append(p.elements, unsafe.Add(first, uintptr(i)*g.size))
			p.reps, p.defs = append(p.reps, g.rep), append(p.defs, g.def)
		}
	}
}

// listAt is a list of any type: where its first element is, and how many there
// are.
func listAt(list unsafe.Pointer) (first unsafe.Pointer, n int) {
	bytes := *(*[]byte)(list)
	return unsafe.Pointer(unsafe.SliceData(bytes)), len(bytes)
}

// column writes a column of the chunk: all of it at once where no page can
// become full, else step by step.
func (s *sink) column(c *columnWriter, rows int) error {
	p := &s.parts[c.leaf.in]
	elements, offset, err := s.elementsOf(c, p)
	if err != nil {
		return err
	}
	most := c.page
	most.rows, most.slots, most.values = most.rows+rows, most.slots+len(p.reps), most.values+len(elements)
	if c.leaf.kind == reflect.String && c.isPlain {
		for _, e := range elements {
			most.texts += len(*(*string)(unsafe.Add(e, offset)))
		}
	}
	if c.size(most) < pageFull {
		return s.add(c, rows, p.reps, p.defs, elements, offset)
	}
	for reps, defs := p.reps, p.defs; len(reps) > 0; {
		slots, rows, n := c.step(reps, defs)
		if err := s.add(c, rows, reps[:slots], defs[:slots], elements[:n], offset); err != nil {
			return err
		}
		if c.size(c.page) >= pageFull {
			if err := c.endPage(); err != nil {
				return err
			}
		}
		reps, defs, elements = reps[slots:], defs[slots:], elements[n:]
	}
	return nil
}

// elementsOf are where a column's values lie, but for an offset.
func (s *sink) elementsOf(c *columnWriter, p *part) ([]unsafe.Pointer, uintptr, error) {
	at, names := c.leaf.dimension, s.file.form.shape.dimensions
	if at < 0 {
		return p.elements, c.leaf.offset, nil
	}
	s.dimension = s.dimension[:0]
	for _, e := range p.elements {
		r := (*RatedUsage)(e)
		if len(r.Dimensions) != names {
			return nil, 0, fmt.Errorf("rated usage of account %q has %d dimensions, the table %d", r.AccountID, len(r.Dimensions), names)
		}
		s.dimension = append(s.dimension, unsafe.Pointer(&r.Dimensions[at]))
	}
	return s.dimension, 0, nil
}

// step is how much of a chunk's slots a page takes before it may end: slots,
// rows and elements.
func (c *columnWriter) step(reps, defs []byte) (slots, rows, elements int) {
	for ; slots < len(reps); slots++ {
		if reps[slots] == 0 {
			if rows == c.file.form.step {
				break
			}
			rows++
		}
		if defs[slots] == c.in.def {
			elements++
		}
	}
	return slots, rows, elements
}

// add adds slots to the page.
func (s *sink) add(c *columnWriter, rows int, reps, defs []byte, elements []unsafe.Pointer, offset uintptr) error {
	c.page.rows, c.page.slots = c.page.rows+rows, c.page.slots+len(reps)
	if c.in.rep > 0 {
		c.reps = append(c.reps, reps...)
	}
	if c.leaf.def > 0 {
		c.defs = append(c.defs, defs...)
	}
	if c.leaf.optional {
		elements = s.present(c, c.defs[len(c.defs)-len(defs):], elements, offset)
	}
	if len(elements) == 0 {
		return nil
	}
	switch c.leaf.kind {
	case reflect.String:
		return c.addTexts(elements, offset)
	case reflect.Bool:
		c.addBools(elements, offset)
	case reflect.Int32:
		c.addInt32s(elements, offset)
	case reflect.Int64:
		c.addInt64s(elements, offset)
	default:
		c.addArrays(elements, offset)
	}
	c.page.values += len(elements)
	return nil
}

// present leaves out elements whose value is zero, and raises the levels of the
// others.
func (s *sink) present(c *columnWriter, defs []byte, elements []unsafe.Pointer, offset uintptr) []unsafe.Pointer {
	s.there = s.there[:0]
	switch c.leaf.kind {
	case reflect.String:
		s.there = present[string](c, defs, elements, offset, s.there)
	case reflect.Bool:
		s.there = present[bool](c, defs, elements, offset, s.there)
	case reflect.Int32:
		s.there = present[int32](c, defs, elements, offset, s.there)
	case reflect.Int64:
		s.there = present[int64](c, defs, elements, offset, s.there)
	default:
		s.there = present[[16]byte](c, defs, elements, offset, s.there)
	}
	return s.there
}

func present[V comparable](c *columnWriter, defs []byte, elements []unsafe.Pointer, offset uintptr, there []unsafe.Pointer) []unsafe.Pointer {
	var absent V
	next := 0
	for i, def := range defs {
		if def != c.in.def {
			continue
		}
		e := elements[next]
		next++
		if *(*V)(unsafe.Add(e, offset)) != absent {
			defs[i], there = c.leaf.def, append(there, e)
		}
	}
	return there
}

// grown is n bytes more at the end of the page's values.
func (c *columnWriter) grown(n int) []byte {
	from := len(c.values)
	c.values = slices.Grow(c.values, n)[:from+n]
	return c.values[from:]
}

func (c *columnWriter) addInt32s(elements []unsafe.Pointer, offset uintptr) {
	to := c.grown(4 * len(elements))
	low, high := int32(math.MaxInt32), int32(math.MinInt32)
	for i, e := range elements {
		v := *(*int32)(unsafe.Add(e, offset))
		binary.LittleEndian.PutUint32(to[4*i:], uint32(v))
		low, high = min(low, v), max(high, v)
	}
	c.span.widen(span{isSet: true, low: int64(low), high: int64(high)})
}

func (c *columnWriter) addInt64s(elements []unsafe.Pointer, offset uintptr) {
	to := c.grown(8 * len(elements))
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for i, e := range elements {
		v := *(*int64)(unsafe.Add(e, offset))
		binary.LittleEndian.PutUint64(to[8*i:], uint64(v))
		low, high = min(low, v), max(high, v)
	}
	c.span.widen(span{isSet: true, low: low, high: high})
}

func (c *columnWriter) addBools(elements []unsafe.Pointer, offset uintptr) {
	trues := 0
	for i, e := range elements {
		if i = c.page.values + i; i%8 == 0 {
			c.values = append(c.values, 0)
		}
		if *(*bool)(unsafe.Add(e, offset)) {
			c.values[i/8] |= 1 << (i % 8)
			trues++
		}
	}
	both := span{isSet: true, high: 1}
	if trues == 0 {
		both.high = 0
	} else if trues == len(elements) {
		both.low = 1
	}
	c.span.widen(both)
}

// addArrays has no span: see bounds.go.
func (c *columnWriter) addArrays(elements []unsafe.Pointer, offset uintptr) {
	to := c.grown(16 * len(elements))
	for i, e := range elements {
		*(*[16]byte)(to[16*i:]) = *(*[16]byte)(unsafe.Add(e, offset))
	}
}

// addTexts adds texts, which must be UTF-8. Rows side by side have much the same
// ones, of which the first is checked, and looked up.
func (c *columnWriter) addTexts(elements []unsafe.Pointer, offset uintptr) error {
	for _, e := range elements {
		text := *(*string)(unsafe.Add(e, offset))
		if text != c.last || c.page.values == 0 {
			if !utf8.ValidString(text) {
				return notUTF8(c.leaf.field, text)
			}
			c.next(text)
		}
		c.page.values++
		if c.isPlain {
			c.values, c.page.texts = appendText(c.values, text), c.page.texts+len(text)
		} else {
			c.indexes = append(c.indexes, c.words.last)
		}
	}
	return nil
}

// next is for a text other than the last, and for the first of a page.
func (c *columnWriter) next(text string) {
	c.last = text
	switch {
	case c.isPlain:
		c.span.add(text)
	default:
		c.words.find(text)
	}
}
