package readers

import "io"

// countPage makes cells of the levels of the next page: how many elements each
// row has. A row may go on in the next page, so that a page's last row becomes
// a cell with the page behind it.
func (c *columnCursor) countPage() error {
	p, err := c.pages.next(func(int, []byte) error { return nil })
	if err == io.EOF && c.walk.open {
		c.at, c.walk.open = 0, false
		c.page.reset(1)
		c.setCount(0)
		return c.walk.rowEnds()
	}
	if err != nil {
		return err
	}
	c.at = 0
	c.page.reset(p.rows + 1)
	done := 0
	for i := range p.entries {
		repetition, level := p.levelsOf(i, c.leaf)
		if repetition == 0 && c.walk.open {
			c.setCount(done)
			done++
		}
		if repetition == 0 {
			c.elements = -1
		}
		chosen, err := c.walk.next(c.leaf, repetition, level)
		if err != nil {
			return err
		}
		if chosen {
			c.countEntry(repetition, level)
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

func (c *columnCursor) setCount(i int) {
	if c.elements < 0 {
		c.page.miss(i)
		return
	}
	c.page.Ints[i] = c.elements
}
