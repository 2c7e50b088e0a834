package readers

import "io"

// countPage makes cells of the levels of the next page: how many elements each
// row has, or, with the page's values, what they are. A row may go on in the
// next page, so that a page's last row becomes a cell with the page behind it.
func (c *columnCursor) countPage() error {
	p, err := c.pages.next(c.elementDictionary)
	if err == io.EOF && c.walk.open {
		c.at, c.walk.open = 0, false
		c.page.reset(1)
		c.endCounted(0)
		return c.walk.rowEnds()
	}
	if err != nil {
		return err
	}
	if c.leaf.elements != nil {
		if err := c.values(&c.dense, p); err != nil {
			return err
		}
	}
	c.at = 0
	c.page.reset(p.rows + 1)
	return c.countEntries(p)
}

// elementDictionary keeps a dictionary where values are wanted.
func (c *columnCursor) elementDictionary(entries int, plain []byte) error {
	if c.leaf.elements == nil {
		return nil
	}
	return c.readDictionary(entries, plain)
}

// countEntries sets the cells of the rows that end in a page.
func (c *columnCursor) countEntries(p *page) error {
	done, value := 0, 0
	for i := range p.entries {
		repetition, level := p.levelsOf(i, c.leaf)
		if repetition == 0 && c.walk.open {
			c.endCounted(done)
			done++
		}
		if repetition == 0 {
			c.elements, c.list = -1, c.list[:0]
		}
		chosen, err := c.walk.next(c.leaf, repetition, level)
		if err != nil {
			return err
		}
		if chosen {
			c.countEntry(repetition, level)
		}
		if chosen && c.leaf.elements != nil && c.elements > 0 {
			c.listEntry(level, value)
		}
		if level == c.leaf.defined {
			value++
		}
	}
	c.page.cut(done)
	return nil
}

// countEntry takes an entry of the list that is counted. The first stands for
// its first element or says that there is none; another is an element, or a
// part of one where it is a list itself.
func (c *columnCursor) countEntry(repetition, level uint8) {
	around := uint8(len(c.leaf.picks))
	switch {
	case repetition > around:
		if c.leaf.isList && repetition == around+1 {
			c.elements++
		}
	case level < c.leaf.there:
		c.elements = -1
	case level < c.leaf.element:
		c.elements = 0
	default:
		c.elements = 1
	}
}

// endCounted sets cell i to what was found of the open row.
func (c *columnCursor) endCounted(i int) {
	switch {
	case c.elements < 0:
		c.page.miss(i)
	case c.leaf.elements != nil:
		c.page.setText(i, closeList(c.list), c.parser)
	default:
		c.page.Ints[i] = c.elements
	}
}
