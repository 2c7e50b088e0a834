package readers

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
)

// Lists of Parquet and Arrow, for fields that take a list as its JSON text:
// ["a","b"], with null for an element that is absent.

// list makes the leaf one whose cells are lists of texts. Lists of lists, of
// structs, and maps are not read.
func (n *node) list(l *leaf, field *Field) error {
	l.there, l.element, l.isList, l.listed = n.there, n.element, true, true
	of := l
	if n.elements != nil {
		of = n.elements
		of.path, l.elements = l.path, of
	}
	if l.repeated > 1 || n.leaves() > 1 {
		return fmt.Errorf("column %q cannot be read: it is a list of something else than texts", l.path)
	}
	return of.usableAs(field)
}

// leaves is how many values a column is made of.
func (n *node) leaves() int {
	if n.shape == value || len(n.children) == 0 {
		return 1
	}
	sum := 0
	for _, child := range n.children {
		sum += child.leaves()
	}
	return sum
}

// listPage makes cells of the next page of a list: as countPage does, with
// the elements.
func (c *columnCursor) listPage() error {
	p, err := c.pages.next(c.readDictionary)
	if err == io.EOF && c.open {
		c.at, c.open = 0, false
		c.page.reset(1)
		c.endList(0)
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.values(&c.dense, p); err != nil {
		return err
	}
	c.at = 0
	c.page.reset(p.rows + 1)
	done, next := 0, 0
	for i := range p.entries {
		level := c.leaf.defined
		if p.definitions != nil {
			level = p.definitions[i]
		}
		switch further := p.repetitions != nil && p.repetitions[i] > 0; {
		case further:
			if err := c.goOn(p.repetitions[i], level); err != nil {
				return err
			}
		default:
			if c.open {
				c.endList(done)
				done++
			}
			c.beginRow(level)
			c.list = c.list[:0]
		}
		if c.elements < 1 {
			continue
		}
		if level < c.leaf.defined {
			c.list = appendElement(c.list, nil, 0)
			continue
		}
		if next >= c.dense.n {
			return errors.New("has fewer values than its levels say")
		}
		c.list = appendElement(c.list, &c.dense, next)
		next++
	}
	c.page.cut(done)
	return nil
}

// endList sets cell i to the elements of the open row.
func (c *columnCursor) endList(i int) {
	if c.elements < 0 {
		c.page.miss(i)
		return
	}
	if c.elements == 0 {
		c.list = append(c.list[:0], '[')
	}
	c.page.setText(i, append(c.list, ']'), c.parser)
}

// appendElement appends an element of a list to its JSON, without the end.
func appendElement(list []byte, of *cells, at int) []byte {
	if len(list) == 0 {
		list = append(list, '[')
	} else {
		list = append(list, ',')
	}
	if of == nil {
		return append(list, "null"...)
	}
	text := []byte{}
	if _, is := of.Bad[at]; is {
		return append(list, 0xff) // not UTF-8 either: the cell becomes a bad one
	}
	if code := of.Index[at]; code != Absent {
		text = []byte(of.Dict.Entries[code])
	}
	quoted, err := jsontext.AppendQuote(list, text)
	if err != nil {
		panic(err) // cells are UTF-8
	}
	return quoted
}

// listElements sets cells to the lists of a column.
func (c *arrowColumn) listElements(to *cells, column arrow.Array) error {
	lists, ok := column.(array.ListLike)
	if !ok {
		return fmt.Errorf("an array of %T where a list is due", column)
	}
	values := lists.ListValues()
	inner := &arrowColumn{columnCursor: columnCursor{parser: c.parser, leaf: c.leaf.elements}}
	words := newInterner()
	for _, cells := range []*cells{&inner.page, &inner.dense, &inner.dictionary} {
		cells.of(c.page.field, words)
	}
	for at, i := range c.present {
		from, end := lists.ValueOffsets(i)
		if from < 0 || end < from || end > int64(values.Len()) {
			return fmt.Errorf("a list of the elements %d to %d of %d", from, end, values.Len())
		}
		list, err := inner.elementsOf(values, int(from), int(end-from))
		if err != nil {
			return err
		}
		to.setText(at, list, c.parser)
	}
	return nil
}

// elementsOf is a list's JSON.
func (c *arrowColumn) elementsOf(values arrow.Array, from, n int) ([]byte, error) {
	c.locate([]arrow.Array{values}, from, n)
	c.dense.reset(len(c.present))
	var err error
	if dictionary, ok := values.(*array.Dictionary); ok {
		err = c.lookUpEntries(&c.dense, dictionary)
	} else if c.leaf.meaning != nothing {
		err = c.convertArray(&c.dense, values)
	}
	if err != nil {
		return nil, err
	}
	list, next := []byte(nil), 0
	for i := range n {
		if c.levels[i] == 0 || c.leaf.meaning == nothing {
			list = appendElement(list, nil, 0)
			continue
		}
		list = appendElement(list, &c.dense, next)
		next++
	}
	if n == 0 {
		list = []byte{'['}
	}
	return append(list, ']'), nil
}
