package readers

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
)

// openKeys makes the columns of the keys of maps on the way.
func (c *arrowColumn) openKeys(parser *cellParser) {
	c.keys = make([]*arrowColumn, len(c.leaf.picks))
	for i, p := range c.leaf.picks {
		if p.keys == nil {
			continue
		}
		keys, words := &arrowColumn{columnCursor: columnCursor{leaf: p.keys, parser: parser}}, newInterner()
		for _, to := range []*cells{&keys.page, &keys.dense, &keys.dictionary} {
			to.of(&keyField, words)
		}
		words.intern([]byte(p.keys.key)) // as keyWord
		c.keys[i] = keys
	}
}

// pick finds which cells of a window are there, of a column in lists or maps.
func (c *arrowColumn) pick(record arrow.Record, way []arrow.Array, from, n int) error {
	if from == 0 {
		if err := c.loadKeys(record); err != nil {
			return err
		}
	}
	c.levels, c.present = resized(c.levels, n), c.present[:0]
	for i := range n {
		at, err := c.cellOf(way, from+i)
		if err != nil {
			return err
		}
		if c.levels[i] = 0; at >= 0 {
			c.levels[i] = 1
			c.present = append(c.present, at)
		}
	}
	return nil
}

// loadKeys reads the keys of all maps of a record.
func (c *arrowColumn) loadKeys(record arrow.Record) error {
	for _, keys := range c.keys {
		if keys == nil {
			continue
		}
		way := keys.find(record)
		column := way[len(way)-1]
		keys.locate(way[len(way)-1:], 0, column.Len())
		if err := keys.take(column); err != nil {
			return fmt.Errorf("%s: %w", keys.leaf.path, err)
		}
	}
	return nil
}

// cellOf is the place of a row's cell in the column that a way leads to, below
// 0 where it is absent.
func (c *arrowColumn) cellOf(way []arrow.Array, at int) (int, error) {
	lists := 0
	for i, column := range way {
		if column.IsNull(at) {
			return -1, nil
		}
		if i+1 == len(way) || c.leaf.places[i+1] != inElements {
			continue
		}
		from, end, err := extent(column.(array.ListLike), at)
		if err != nil {
			return -1, err
		}
		if at, err = c.choose(lists, from, end); at < 0 || err != nil {
			return -1, err
		}
		lists++
	}
	return at, nil
}

// choose is which of the elements of a list, or entries of a map, is picked;
// below 0 where it is none.
func (c *arrowColumn) choose(list, from, end int) (int, error) {
	keys := c.keys[list]
	if keys == nil {
		if index := c.leaf.picks[list].index; index < int64(end-from) {
			return from + int(index), nil
		}
		return -1, nil
	}
	found := -1
	for at := from; at < end; at++ {
		if keys.page.Index[at] != keyWord {
			continue
		}
		if found >= 0 {
			return -1, errKeyTwice(keys.leaf.key)
		}
		found = at
	}
	return found, nil
}
