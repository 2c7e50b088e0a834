package writers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// batchReader reads rows of a row group column by column. It believes nothing:
// every column must have the row group's rows, a value where its levels say so,
// and the columns of a list must agree on its elements.
type batchReader[T any] struct {
	shape   *shape
	columns []columnReader
	parts   []readPart
	empty   T // a row whose lists are empty, not nil
}

// readPart is what a batch has of a group.
type readPart struct {
	elements reflect.Value // a slice
	reps     []byte        // levels of its slots
	defs     []byte
	isNone   bool          // no row has any: nothing above is set
	empty    reflect.Value // an element whose lists are empty, if it has lists
}

func newBatchReader[T any](s *shape) *batchReader[T] {
	r := &batchReader[T]{shape: s, columns: make([]columnReader, len(s.leaves)), parts: make([]readPart, len(s.groups))}
	for i, l := range s.leaves {
		r.columns[i] = columnReader{leaf: l, maxRep: s.groups[l.in].rep}
	}
	for i, g := range s.groups {
		if len(g.lists) == 0 {
			continue
		}
		empty := reflect.New(g.list.Elem()).Elem()
		for _, at := range g.lists {
			list := s.groups[at]
			empty.Field(list.field).Set(reflect.MakeSlice(list.list, 0, 0))
		}
		r.parts[i].empty = empty
	}
	if lists := r.parts[0].empty; lists.IsValid() {
		r.empty = lists.Interface().(T)
	}
	return r
}

// open begins a row group.
func (r *batchReader[T]) open(group parquet.RowGroup) (err error) {
	defer panicsAsErrors(&err)
	chunks := group.ColumnChunks()
	if len(chunks) != len(r.columns) {
		return fmt.Errorf("%d columns in a row group, want %d", len(chunks), len(r.columns))
	}
	for i, chunk := range chunks {
		r.columns[i].open(chunk.Pages())
	}
	return nil
}

// close ends it, wherever its reading has come to.
func (r *batchReader[T]) close() {
	for i := range r.columns {
		r.columns[i].close()
	}
}

// rows fills rows with the next ones of the row group.
func (r *batchReader[T]) rows(rows []T) (err error) {
	defer panicsAsErrors(&err)
	if len(r.shape.groups) > 1 {
		for i := range rows {
			rows[i] = r.empty
		}
	}
	if usage, is := any(rows).([]RatedUsage); is {
		makeDimensions(usage, r.shape.dimensions)
	}
	r.parts[0].elements = reflect.ValueOf(rows)
	next := 1 // group
	for i := range r.columns {
		c := &r.columns[i]
		if err := c.read(len(rows)); err != nil {
			return fmt.Errorf("column %s: %w", c.leaf.name, err)
		}
		for ; next < len(r.shape.groups) && r.shape.groups[next].lead == i; next++ {
			if err := r.makeList(r.shape.groups[next], c); err != nil {
				return fmt.Errorf("column %s: %w", c.leaf.name, err)
			}
		}
		if err := r.set(c); err != nil {
			return fmt.Errorf("column %s: %w", c.leaf.name, err)
		}
	}
	return nil
}

// makeDimensions makes room for the dimensions of rows.
func makeDimensions(rows []RatedUsage, n int) {
	if n == 0 {
		return
	}
	all := make([]string, n*len(rows))
	for i := range rows {
		rows[i].Dimensions = all[i*n : (i+1)*n : (i+1)*n]
	}
}

// end checks that the row group has no more rows.
func (r *batchReader[T]) end() (err error) {
	defer panicsAsErrors(&err)
	for i := range r.columns {
		if err := r.columns[i].end(); err != nil {
			return fmt.Errorf("column %s: %w", r.columns[i].leaf.name, err)
		}
	}
	return nil
}

// panicsAsErrors: parquet-go panics on some broken pages and footers.
func panicsAsErrors(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("broken page or footer: %v", p)
	}
}

var errLevels = errors.New("its levels do not fit those of the columns beside it")

// makeList makes the elements of a list as its first column tells, and puts
// them into the structs that they belong to.
func (r *batchReader[T]) makeList(g *group, lead *columnReader) error {
	p, parents, in := &r.parts[g.at], &r.parts[g.in], r.shape.groups[g.in]
	p.reps, p.defs = p.reps[:0], p.defs[:0]
	p.isNone = lead.isNone && (in.rep == 0 || parents.isNone)
	if p.isNone {
		return nil
	}
	n := 0
	for i, rep := range lead.reps {
		if rep > g.rep {
			continue
		}
		def := min(lead.defs[i], g.def)
		if def == g.def {
			n++
		}
		p.reps, p.defs = append(p.reps, rep), append(p.defs, def)
	}
	if in.rep > 0 && !sameSlots(in, parents, p.reps, p.defs) {
		return errLevels
	}
	p.elements = reflect.MakeSlice(g.list, n, n)
	if p.empty.IsValid() {
		for i := range n {
			p.elements.Index(i).Set(p.empty)
		}
	}
	from, parent := 0, 0
	for i := 0; i < len(p.reps); {
		if p.reps[i] == g.rep { // a further element of no list
			return errLevels
		}
		if p.defs[i] < in.def {
			i++
			continue
		}
		to := from
		if p.defs[i] == g.def {
			to++
		}
		for i++; i < len(p.reps) && p.reps[i] == g.rep; i++ {
			if to == from || p.defs[i] != g.def {
				return errLevels
			}
			to++
		}
		if to > from {
			parents.elements.Index(parent).Field(g.field).Set(p.elements.Slice3(from, to, to))
		}
		from, parent = to, parent+1
	}
	if from != n {
		return errLevels
	}
	return nil
}

// sameSlots tells whether levels of a column inside a group are those of the
// group, as far as that goes.
func sameSlots(g *group, p *readPart, reps, defs []byte) bool {
	if bytes.Equal(reps, p.reps) && bytes.Equal(defs, p.defs) {
		return true
	}
	at := 0
	for i, rep := range reps {
		if rep > g.rep {
			continue
		}
		if at == len(p.reps) || rep != p.reps[at] || min(defs[i], g.def) != p.defs[at] {
			return false
		}
		at++
	}
	return at == len(p.reps)
}

// set puts the values of a column into the elements that they belong to.
func (r *batchReader[T]) set(c *columnReader) error {
	g, p := r.shape.groups[c.leaf.in], &r.parts[c.leaf.in]
	if g.rep > 0 {
		if c.isNone && p.isNone {
			return nil
		}
		if p.isNone || !sameSlots(g, p, c.reps, c.defs) {
			return errLevels
		}
	}
	switch {
	case c.leaf.dimension >= 0:
		return setDimension(c, p.elements.Interface().([]RatedUsage))
	case c.leaf.kind == reflect.String:
		return setFields(c, g, p, c.texts)
	case c.leaf.kind == reflect.Bool:
		return setFields(c, g, p, c.bools)
	case c.leaf.kind == reflect.Int32:
		return setFields(c, g, p, c.int32s)
	case c.leaf.kind == reflect.Int64:
		return setFields(c, g, p, c.int64s)
	}
	return setFields(c, g, p, c.arrays)
}

// setFields sets a field of a group's elements, where they lie (see part in sink.go):
// to the next value where the column has one, else it stays zero.
func setFields[V any](c *columnReader, g *group, p *readPart, values []V) error {
	first, n := p.elements.UnsafePointer(), p.elements.Len()
	if !c.leaf.optional {
		if len(values) != n {
			return errLevels
		}
		for i, v := range values {
			*(*V)(unsafe.Add(first, uintptr(i)*g.size+c.leaf.offset)) = v
		}
		return nil
	}
	element, value := 0, 0
	for _, def := range c.defs {
		if def < g.def {
			continue
		}
		if element == n {
			return errLevels
		}
		if def == c.leaf.def {
			*(*V)(unsafe.Add(first, uintptr(element)*g.size+c.leaf.offset)) = values[value]
			value++
		}
		element++
	}
	return nil
}

func setDimension(c *columnReader, rows []RatedUsage) error {
	value := 0
	for i, def := range c.defs {
		if def == c.leaf.def {
			rows[i].Dimensions[c.leaf.dimension] = c.texts[value]
			value++
		}
	}
	return nil
}

// columnReader reads a column of a row group.
type columnReader struct {
	leaf   *leaf
	maxRep byte

	pages      parquet.Pages
	page       parquet.Page
	dictionary parquet.Dictionary
	words      []string // of the dictionary
	slot       int      // of the page: the next one
	value      int      // the next one that is there
	pageReps   []byte   // of a list
	pageDefs   []byte   // of what may be absent
	slots      int      // of the page
	plain      encoding.Values

	// Of the batch.
	isNone bool // of a list: no row has anything
	reps   []byte
	defs   []byte
	texts  []string
	bools  []bool
	int32s []int32
	int64s []int64
	arrays [][16]byte
}

func (c *columnReader) open(pages parquet.Pages) {
	*c = columnReader{
		leaf: c.leaf, maxRep: c.maxRep, pages: pages,
		reps: c.reps, defs: c.defs, texts: c.texts, bools: c.bools, int32s: c.int32s, int64s: c.int64s, arrays: c.arrays,
	}
}

func (c *columnReader) close() {
	if c.pages == nil {
		return
	}
	parquet.Release(c.page)
	c.page = nil
	c.pages.Close()
	c.pages = nil
}

// end checks that nothing is left.
func (c *columnReader) end() error {
	for c.slot == c.slots {
		switch err := c.nextPage(); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
	return errors.New("it has more rows than its row group")
}

// nextPage reads a page. At the end of the column it returns io.EOF.
func (c *columnReader) nextPage() error {
	parquet.Release(c.page)
	c.page, c.slot, c.slots = nil, 0, 0
	page, err := c.pages.ReadPage()
	if err != nil {
		return err
	}
	c.page, c.value, c.slots = page, 0, int(page.NumValues())
	c.pageReps, c.pageDefs = page.RepetitionLevels(), page.DefinitionLevels()
	there := c.slots
	if c.leaf.def > 0 {
		if len(c.pageDefs) != c.slots || !atMost(c.pageDefs, c.leaf.def) {
			return errors.New("a page has wrong definition levels")
		}
		there = bytes.Count(c.pageDefs, []byte{c.leaf.def})
	}
	if c.maxRep > 0 {
		if len(c.pageReps) != c.slots || !atMost(c.pageReps, c.maxRep) || c.slots > 0 && c.pageReps[0] != 0 {
			return errors.New("a page has wrong repetition levels")
		}
	}
	return c.decode(there)
}

func atMost(levels []byte, most byte) bool {
	return areZero(levels) || slices.Max(levels) <= most
}

func areZero(levels []byte) bool { return bytes.Count(levels, []byte{0}) == len(levels) }

// decode takes the values of a page, of which so many must be there.
func (c *columnReader) decode(there int) error {
	c.plain = c.page.Data()
	d := c.page.Dictionary()
	if d != nil && d != c.dictionary {
		c.dictionary, c.words = d, make([]string, d.Len())
		for i := range c.words {
			c.words[i] = string(d.Index(int32(i)).ByteArray())
		}
	}
	got := 0
	switch {
	case d != nil:
		got = len(c.plain.Int32())
	case c.leaf.kind == reflect.String:
		_, offsets := c.plain.ByteArray()
		got = max(len(offsets), 1) - 1
	case c.leaf.kind == reflect.Bool:
		got = there
		if len(c.plain.Boolean()) != (there+7)/8 {
			got = -1
		}
	case c.leaf.kind == reflect.Int32:
		got = len(c.plain.Int32())
	case c.leaf.kind == reflect.Int64:
		got = len(c.plain.Int64())
	default:
		got = len(c.plain.Uint128())
	}
	if got != there {
		return fmt.Errorf("a page has %d values, %d by its levels", got, there)
	}
	return nil
}

// read takes the levels and values of the next rows.
func (c *columnReader) read(rows int) error {
	c.reps, c.defs = c.reps[:0], c.defs[:0]
	c.texts, c.bools, c.int32s, c.int64s, c.arrays = c.texts[:0], c.bools[:0], c.int32s[:0], c.int64s[:0], c.arrays[:0]
	for rows > 0 {
		if c.slot == c.slots {
			switch err := c.nextPage(); err {
			case nil:
				continue
			case io.EOF:
				return errors.New("it has fewer rows than its row group")
			default:
				return err
			}
		}
		slots, n := c.cut(rows)
		there := slots
		if c.leaf.def > 0 {
			defs := c.pageDefs[c.slot : c.slot+slots]
			c.defs = append(c.defs, defs...)
			there = bytes.Count(defs, []byte{c.leaf.def})
		}
		if c.maxRep > 0 {
			c.reps = append(c.reps, c.pageReps[c.slot:c.slot+slots]...)
		}
		if err := c.take(c.value, c.value+there); err != nil {
			return err
		}
		c.slot, c.value, rows = c.slot+slots, c.value+there, rows-n
	}
	c.isNone = c.maxRep > 0 && areZero(c.defs) && areZero(c.reps)
	return nil
}

// cut is how many slots of the page the next rows have, and how many of these
// rows there are.
func (c *columnReader) cut(rows int) (slots, n int) {
	n = min(rows, c.slots-c.slot)
	if c.maxRep == 0 {
		return n, n
	}
	reps := c.pageReps[c.slot:]
	if areZero(reps[:n]) && (n == len(reps) || reps[n] == 0) {
		return n, n
	}
	n = 0
	for i, rep := range reps {
		if rep == 0 {
			if n == rows {
				return i, n
			}
			n++
		}
	}
	return len(reps), n
}

// take takes values of the page.
func (c *columnReader) take(from, to int) error {
	switch {
	case from == to:
	case c.page.Dictionary() != nil:
		for _, at := range c.plain.Int32()[from:to] {
			if at < 0 || int(at) >= len(c.words) {
				return fmt.Errorf("entry %d of a dictionary of %d", at, len(c.words))
			}
			c.texts = append(c.texts, c.words[at])
		}
	case c.leaf.kind == reflect.String:
		all, offsets := c.plain.ByteArray()
		start := offsets[from]
		texts := string(all[start:offsets[to]]) // those of a batch together: a row that is kept keeps them
		for i := from; i < to; i++ {
			c.texts = append(c.texts, texts[offsets[i]-start:offsets[i+1]-start])
		}
	case c.leaf.kind == reflect.Bool:
		bits := c.plain.Boolean()
		for i := from; i < to; i++ {
			c.bools = append(c.bools, bits[i/8]>>(i%8)&1 == 1)
		}
	case c.leaf.kind == reflect.Int32:
		c.int32s = append(c.int32s, c.plain.Int32()[from:to]...)
	case c.leaf.kind == reflect.Int64:
		c.int64s = append(c.int64s, c.plain.Int64()[from:to]...)
	default:
		c.arrays = append(c.arrays, c.plain.Uint128()[from:to]...)
	}
	return nil
}
