package readers

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
)

// Lists of Parquet and Arrow, for fields that take a list as its JSON text:
// ["a","b"], with null for an element that is absent. They are found as the
// elements that paths name are, and Parquet's gone through as they are counted.

// listOf makes the leaf one whose cells are lists of texts. Lists of lists, of
// structs, and maps are not read.
func (f *found) listOf(l *leaf, field *Field) error {
	if f.item == nil || f.item.shape != value {
		return fmt.Errorf("column %q cannot be read: it is a list of something else than texts", l.path)
	}
	l.there, l.element, l.isList = f.there, f.element, true
	of := *f.item.leaf
	of.path, l.elements = l.path, &of
	return of.usableAs(field)
}

// listEntry takes an element of the open row's list into its JSON: the page's
// value at a place, where its level says that there is one.
func (c *columnCursor) listEntry(level uint8, at int) {
	if level < c.leaf.defined {
		c.list = appendElement(c.list, nil, 0)
		return
	}
	c.list = appendElement(c.list, &c.dense, at)
}

// appendElement appends an element of a list to its JSON, without the end. Nil
// cells have none.
func appendElement(list []byte, of *cells, at int) []byte {
	if len(list) == 0 {
		list = append(list, '[')
	} else {
		list = append(list, ',')
	}
	if of == nil {
		return append(list, "null"...)
	}
	if _, is := of.Bad[at]; is {
		return append(list, 0xff) // not UTF-8 either: the cell becomes a bad one
	}
	text := ""
	if code := of.Index[at]; code != Absent { // which an empty text is
		text = of.Dict.Entries[code]
	}
	quoted, err := jsontext.AppendQuote(list, text)
	if err != nil {
		panic(err) // cells are UTF-8
	}
	return quoted
}

func closeList(list []byte) []byte {
	if len(list) == 0 {
		list = append(list, '[')
	}
	return append(list, ']')
}

// openElements makes the column of the elements of lists that are read as JSON.
func (c *arrowColumn) openElements(words *interner) {
	if c.leaf.elements == nil || c.leaf.countOnly {
		return
	}
	c.inner = &arrowColumn{columnCursor: columnCursor{parser: c.parser, leaf: c.leaf.elements}}
	for _, cells := range []*cells{&c.inner.page, &c.inner.dense, &c.inner.dictionary} {
		cells.of(c.page.field, words)
	}
}

// listElements sets cells to the lists of a column.
func (c *arrowColumn) listElements(to *cells, lists array.ListLike) error {
	for at, i := range c.present {
		from, end, err := extent(lists, i)
		if err != nil {
			return err
		}
		if err := c.inner.readElements(lists.ListValues(), from, end-from); err != nil {
			return err
		}
		to.setText(at, closeList(c.inner.list), c.parser)
	}
	return nil
}

// readElements sets c.list to n elements of a list.
func (c *arrowColumn) readElements(values arrow.Array, from, n int) error {
	c.locate([]arrow.Array{values}, from, n)
	if err := c.take(values); err != nil {
		return err
	}
	c.list = c.list[:0]
	of := &c.page
	if c.leaf.meaning == nothing {
		of = nil
	}
	for i, there := range c.levels {
		if there == 0 {
			c.list = appendElement(c.list, nil, 0)
			continue
		}
		c.list = appendElement(c.list, of, i)
	}
	return nil
}
