package readers

import (
	"errors"
	"io"
)

// countPage makes cells of the levels of the next page: how many elements each
// row has. A row may go on in the next page, so that a page's last row becomes
// a cell with the page behind it.
func (c *columnCursor) countPage() error {
	p, err := c.pages.next(func(int, []byte) error { return nil })
	if err == io.EOF && c.open {
		c.at, c.open = 0, false
		c.page.reset(1)
		c.setCount(0)
		return nil
	}
	if err != nil {
		return err
	}
	c.at = 0
	c.page.reset(p.rows + 1)
	done := 0
	for i := range p.entries {
		level := c.leaf.defined
		if p.definitions != nil {
			level = p.definitions[i]
		}
		if p.repetitions != nil && p.repetitions[i] > 0 {
			if err := c.goOn(p.repetitions[i], level); err != nil {
				return err
			}
			continue
		}
		if c.open {
			c.setCount(done)
			done++
		}
		c.beginRow(level)
	}
	c.page.cut(done)
	return nil
}

// beginRow takes the first entry of a row, which stands for its first element
// or says that there is none.
func (c *columnCursor) beginRow(level uint8) {
	c.open = true
	switch {
	case level < c.leaf.there:
		c.elements = -1
	case level < c.leaf.element:
		c.elements = 0
	default:
		c.elements = 1
	}
}

// goOn takes another entry of a row: an element, or a part of one where it is
// a list itself.
func (c *columnCursor) goOn(repetition, level uint8) error {
	if !c.open {
		return errors.New("begins in the middle of a row")
	}
	if c.leaf.isList && (c.elements < 1 || level < c.leaf.element) {
		return errors.New("a list that is empty has elements")
	}
	if c.leaf.isList && repetition == 1 {
		c.elements++
	}
	return nil
}

func (c *columnCursor) setCount(i int) {
	if c.elements < 0 {
		c.page.miss(i)
		return
	}
	c.page.Ints[i] = c.elements
}
