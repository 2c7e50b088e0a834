package readers

import (
	"context"
	"fmt"
	"io"
)

// readParquet reads one row group. The pages of its columns end at different
// rows, so each column has a cursor of its own and fills batch after batch.
func (e *Export) readParquet(ctx context.Context, split int, yield func(*Batch) error) (err error) {
	group := &e.footer.groups[split]
	s, end := e.splitSection(ctx, split)
	defer end()
	room := rooms.Get().(*splitRoom)
	columns := e.openColumns(s, group, room)
	defer func() {
		if err == nil { // else decompressors may be in the middle of something
			room.takeBack(columns)
		}
	}()
	batch := &Batch{FirstRow: group.firstRow, Columns: make([]Column, len(columns))}
	for done := int64(0); done < group.rows; done += int64(batch.Len) {
		batch.FirstRow = group.firstRow + done
		batch.Len = int(min(group.rows-done, BatchRows))
		for i, c := range columns {
			if err := c.fill(&batch.Columns[i], batch.Len); err != nil {
				return e.columnError(err, i, split, batch.FirstRow-1)
			}
		}
		if err := yield(batch); err != nil {
			return err
		}
	}
	for i, c := range columns {
		if err := c.end(); err != nil {
			return e.columnError(err, i, split, group.firstRow-1+group.rows)
		}
	}
	return nil
}

func (e *Export) columnError(err error, field, split int, goodRow int64) error {
	what := fmt.Sprintf("column %q of row group %d", e.schema.Fields[field].path().Text, split)
	return e.fail(goodRow, what, err)
}

func (e *Export) openColumns(s *section, group *rowGroup, room *splitRoom) []*columnCursor {
	shared := newCellParser(e.zone)
	columns := make([]*columnCursor, len(e.schema.Fields))
	for i := range e.schema.Fields {
		c := e.cursor(i, e.footer.columns[i], shared)
		c.columnRoom = room.column(i)
		words := newInterner()
		for _, to := range []*cells{&c.batch, &c.page, &c.dense, &c.dictionary, &c.held} {
			to.of(&e.schema.Fields[i], words)
		}
		if c.leaf != nil && !c.leaf.unread {
			c.openPages(s, &group.chunks[i], group.rows, &room.unpacker)
		}
		columns[i] = &c
	}
	return columns
}

// cursor is what a field's cells are made with. A field with a zone of its own
// has a parser of its own.
func (e *Export) cursor(at int, l *leaf, shared *cellParser) columnCursor {
	field := &e.schema.Fields[at]
	c := columnCursor{leaf: l, parser: shared}
	if field.Zone != nil {
		c.parser = newCellParser(*field.Zone)
	}
	if l == nil || !l.isText() || l.elements != nil { // as in JSON, the elements of a list are what they are
		return c
	}
	if len(l.rest) > 0 {
		c.wants = &jsonWants{}
		c.wants.add(l.rest, 0)
	}
	if c.wants != nil || field.Count || len(e.layout.Absent) > 0 {
		c.texts = newObjectReader(e.schema.Fields[at:at+1], nil, e.layout.Absent)
		c.texts.seen = e.seen[at : at+1]
		note(&e.anyRow)
	}
	return c
}

// columnCursor reads one column of one row group, in order.
type columnCursor struct {
	leaf   *leaf // nil where the file has no such column
	pages  *pageReader
	parser *cellParser
	texts  *objectReader // for texts that are more than themselves; nil where none are
	wants  *jsonWants    // of the JSON in them

	columnRoom
	at int // rows of page that are in batches already

	hasDictionary bool
	adopted       bool // the dictionary's texts are the entries of the Dict
	wide          wideNumber

	// Where a row may have several entries, or is only counted, or is a list.
	walk     walk
	elements int64  // counted of the open row; below 0 where the list is absent
	list     []byte // as JSON: what the open row has of it
	wanted   []wanted
}

// fill sets a column to the next n rows. Where they are of one page, they stay
// where they are in it.
func (c *columnCursor) fill(to *Column, n int) (err error) {
	defer recovered(&err)
	if c.leaf == nil {
		c.batch.reset(n)
		c.batch.missAll()
		*to = c.batch.part(0, n)
		return nil
	}
	if c.leaf.unread {
		*to = Column{IDs: noIDs[:n]}
		return nil
	}
	if err := c.atRow(); err != nil {
		return err
	}
	if c.page.n-c.at >= n {
		*to = c.page.part(c.at, n)
		c.at += n
		return nil
	}
	c.batch.reset(n)
	for have := 0; ; {
		k := min(n-have, c.page.n-c.at)
		c.batch.copyFrom(have, &c.page, c.at, k)
		if have, c.at = have+k, c.at+k; have == n {
			*to = c.batch.part(0, n)
			return nil
		}
		if err := c.atRow(); err != nil {
			return err
		}
	}
}

// noIDs are what nobody looks at.
var noIDs [BatchRows][16]byte

// atRow brings the cursor to the page of the next row; pages may be empty.
func (c *columnCursor) atRow() error {
	for c.at == c.page.n {
		if err := c.nextPage(); err != nil {
			return err
		}
	}
	return nil
}

// end makes sure that there is nothing behind the last row.
func (c *columnCursor) end() (err error) {
	defer recovered(&err)
	for _, keys := range c.walk.keys {
		if keys == nil {
			continue
		}
		if err := keys.end(); err != nil {
			return fmt.Errorf("%s: %w", keys.leaf.path, err)
		}
	}
	for c.leaf != nil && !c.leaf.unread {
		if c.at < c.page.n {
			return fmt.Errorf("goes on behind the last row")
		}
		if err := c.nextPage(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// nextPage decodes the next page into c.page, or is io.EOF.
func (c *columnCursor) nextPage() error {
	if c.leaf.countOnly || c.leaf.elements != nil {
		return c.countPage()
	}
	if len(c.leaf.picks) > 0 {
		return c.pickPage()
	}
	p, err := c.pages.next(c.readDictionary)
	if err != nil {
		return err
	}
	values := &c.page
	if p.levels != nil {
		values = &c.dense
	}
	if err := c.values(values, p); err != nil {
		return err
	}
	if p.levels != nil {
		spread(&c.page, values, p.levels)
	}
	c.at = 0
	return nil
}

// values sets cells to the values of a page.
func (c *columnCursor) values(to *cells, p *page) (err error) {
	to.reset(p.present)
	if isDictionary(p.encoding) {
		return c.lookUp(to, p)
	}
	if err = c.raw.decode(c.leaf, p.encoding, p.present, p.values); err == nil {
		c.convert(to)
	}
	return err
}

func (c *columnCursor) readDictionary(entries int, plain []byte) error {
	if c.hasDictionary {
		return fmt.Errorf("has two dictionaries")
	}
	if err := c.raw.decodePlain(c.leaf, entries, plain); err != nil {
		return fmt.Errorf("dictionary: %w", err)
	}
	c.hasDictionary = true
	if c.adopted = c.canAdopt() && c.dictionary.words.adopt(c.raw.spans, c.raw.bytes); c.adopted {
		c.dictionary.n = entries
		c.raw.leaveLarge()
		return nil
	}
	c.dictionary.reset(entries)
	c.convert(&c.dictionary)
	return nil
}

// canAdopt tells whether the column's texts are what its cells are to be.
func (c *columnCursor) canAdopt() bool {
	return c.dictionary.kind == Text && c.leaf.isText() && c.texts == nil && !c.leaf.byLevels()
}

func (c *columnCursor) lookUp(to *cells, p *page) (err error) {
	if !c.adopted {
		if c.indexes, err = c.readIndexes(c.indexes, p); err == nil && !to.gather(&c.dictionary, c.indexes) {
			err = c.beyondDictionary()
		}
		return err
	}
	if to.Index, err = c.readIndexes(to.Index, p); err == nil && !allBelow(to.Index, c.dictionary.n) {
		err = c.beyondDictionary()
	}
	return err
}

func (c *columnCursor) readIndexes(to []int32, p *page) ([]int32, error) {
	if !c.hasDictionary {
		return to, fmt.Errorf("has no dictionary where a page needs one")
	}
	return decodeIndexes(to, p.present, p.values)
}

// allBelow tells whether all indexes are from 0 and below n.
func allBelow(indexes []int32, n int) bool {
	if len(indexes) == 0 {
		return true
	}
	var a, b, c, d uint32 // the highest so far, of four that do not wait for each other; one below 0 is a high one
	for ; len(indexes) >= 4; indexes = indexes[4:] {
		a, b, c, d = max(a, uint32(indexes[0])), max(b, uint32(indexes[1])), max(c, uint32(indexes[2])), max(d, uint32(indexes[3]))
	}
	for _, at := range indexes {
		a = max(a, uint32(at))
	}
	return uint64(max(a, b, c, d)) < uint64(n)
}

func (c *columnCursor) beyondDictionary() error {
	return fmt.Errorf("a page names an entry beyond the dictionary's %d", c.dictionary.n)
}
