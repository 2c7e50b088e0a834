package readers

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// walk is a way through the entries of a column with lists in it: it tells the
// entries apart that are in the elements that a path leads to.
type walk struct {
	open    bool    // a row has begun; it may go on in the next page
	level   uint8   // definition level of the last entry
	at      []int64 // by level of repetition: the element that the last entry is of, or in
	picked  []int64 // by pick: the element that is meant in this row
	lengths []int64 // by pick: how many elements its list has so far

	// By pick of a map, nil of a list: who finds the entry with the key, and how
	// many entries there must be.
	keys    []*columnCursor
	entries []int64

	isKeys bool    // these are a map's keys
	closed []int64 // how many entries the rows of the page have then
}

// wanted is a value of a page that is a row's, or an entry's key.
type wanted struct {
	row   int
	place int64 // of the entry
}

// openPages begins to read a column, and the keys of the maps that it is in.
func (c *columnCursor) openPages(s *section, from *chunk, rows int64, u *unpacker) {
	c.pages = newPageReader(s, *from, c.leaf, rows, u, c.chunk)
	w, picks := &c.walk, c.leaf.picks
	w.at = make([]int64, len(c.leaf.lists))
	w.picked, w.lengths, w.entries = make([]int64, len(picks)), make([]int64, len(picks)), make([]int64, len(picks))
	w.keys = make([]*columnCursor, len(picks))
	for i, p := range picks {
		if w.picked[i] = p.index; p.keys == nil {
			continue
		}
		keys, words := &columnCursor{leaf: p.keys, parser: c.parser}, newInterner()
		for _, to := range []*cells{&keys.dense, &keys.dictionary} {
			to.of(&keyField, words)
		}
		for _, to := range []*cells{&keys.page, &keys.held} {
			to.of(&placeField, words)
		}
		words.intern([]byte(p.keys.key)) // as keyWord
		keys.walk.isKeys = true
		keys.openPages(s, &from.keys[i], rows, u)
		w.keys[i] = keys
	}
}

// Fields for a map's keys: what they are read as, and what is made of them.
var (
	keyField   = Field{Name: "key", Kind: Text}
	placeField = Field{Name: "place", Kind: Integer}
)

// keyWord is the index of the key that is wanted among the texts of the keys.
const keyWord = 0

// levelsOf is the levels of an entry.
func (p *page) levelsOf(i int, l *leaf) (repetition, level uint8) {
	level = l.defined
	if p.definitions != nil {
		level = p.definitions[i]
	}
	if p.repetitions != nil {
		repetition = p.repetitions[i]
	}
	return repetition, level
}

// next takes the next entry. It is chosen if it is of, or in, the elements that
// the path leads to, or says that the last of these is not there.
func (w *walk) next(l *leaf, repetition, level uint8) (chosen bool, err error) {
	if repetition == 0 {
		if err := w.nextRow(); err != nil {
			return false, err
		}
	} else {
		if !w.open {
			return false, errors.New("begins in the middle of a row")
		}
		if has := l.lists[repetition-1]; w.level < has || level < has {
			return false, errors.New("a list that is empty has elements")
		}
		w.at[repetition-1]++
		clear(w.at[repetition:])
	}
	w.level = level
	for i, picked := range w.picked {
		if int(repetition) <= i+1 && level >= l.lists[i] {
			w.lengths[i]++
		}
		if w.at[i] != picked && picked != anyElement {
			return false, nil
		}
	}
	return true, nil
}

// nextRow begins a row.
func (w *walk) nextRow() error {
	if w.open {
		if err := w.rowEnds(); err != nil {
			return err
		}
	}
	w.open = true
	clear(w.at)
	clear(w.lengths)
	for i, keys := range w.keys {
		if keys == nil {
			continue
		}
		var err error
		if w.picked[i], w.entries[i], err = keys.nextPlace(); err != nil {
			return fmt.Errorf("%s: %w", keys.leaf.path, err)
		}
	}
	return nil
}

// rowEnds makes sure that the maps have as many values as keys.
func (w *walk) rowEnds() error {
	for i, keys := range w.keys {
		if keys != nil && w.lengths[i] != w.entries[i] {
			return fmt.Errorf("a map of %d keys has %d values", w.entries[i], w.lengths[i])
		}
	}
	if w.isKeys {
		w.closed = append(w.closed, w.lengths[len(w.lengths)-1])
	}
	return nil
}

// nextPlace is, of a map's keys, where the next row has the one that is wanted,
// and how many it has.
func (c *columnCursor) nextPlace() (place, entries int64, err error) {
	for c.at == c.page.n {
		if err := c.nextPage(); err != nil {
			return 0, 0, noEOF(err)
		}
	}
	place, entries = c.page.Ints[c.at], c.walk.closed[c.at]
	if c.page.Missing != nil && c.page.Missing[c.at] {
		place = noElement
	}
	c.at++
	return place, entries, nil
}

// noElement is an index that no element has.
const noElement = -2

// pickPage makes cells of the elements that the rows of the next page have
// where the path leads. A page's last row becomes a cell with the page behind
// it, in which it may go on.
func (c *columnCursor) pickPage() error {
	wasOpen := c.walk.open
	p, err := c.pages.next(c.readDictionary)
	c.walk.closed = c.walk.closed[:0]
	if err == io.EOF && wasOpen {
		c.at, c.walk.open = 0, false
		c.page.reset(1)
		c.page.copyCell(0, &c.held, 0)
		return c.walk.rowEnds()
	}
	if err != nil {
		return err
	}
	c.at = 0
	rows := p.rows
	if wasOpen {
		rows++
	}
	if rows == 0 {
		c.page.reset(0)
		return nil
	}
	if err := c.findWanted(p, rows); err != nil {
		return err
	}
	if err := c.decodePlaces(p); err != nil {
		return err
	}
	if err := c.setWanted(rows, wasOpen); err != nil {
		return err
	}
	c.held.reset(1)
	c.held.copyCell(0, &c.page, rows-1)
	c.page.cut(rows - 1)
	return nil
}

// findWanted finds the values of a page that are wanted, and their rows.
func (c *columnCursor) findWanted(p *page, rows int) error {
	c.wanted, c.places = c.wanted[:0], c.places[:0]
	row, value, last := rows-p.rows-1, int32(0), len(c.leaf.picks)-1
	for i := range p.entries {
		repetition, level := p.levelsOf(i, c.leaf)
		if repetition == 0 {
			row++
		}
		chosen, err := c.walk.next(c.leaf, repetition, level)
		if err != nil {
			return err
		}
		if level < c.leaf.defined {
			continue
		}
		if chosen {
			c.wanted = append(c.wanted, wanted{row, c.walk.at[last]})
			c.places = append(c.places, value)
		}
		value++
	}
	return nil
}

// decodePlaces sets c.dense to the values that are wanted.
func (c *columnCursor) decodePlaces(p *page) error {
	c.dense.reset(len(c.places))
	if isDictionary(p.encoding) {
		var err error
		if c.indexes, err = c.readIndexes(c.indexes, p); err != nil {
			return err
		}
		if !allBelow(c.indexes, c.dictionary.n) {
			return c.beyondDictionary()
		}
		c.indexes = kept(c.indexes, c.places)
		c.dense.gather(&c.dictionary, c.indexes)
		return nil
	}
	if err := c.raw.decode(c.leaf, p.encoding, p.present, p.values); err != nil {
		return err
	}
	c.raw.keep(c.leaf, c.places)
	c.convert(&c.dense)
	return nil
}

// keep drops all values but those at some places.
func (v *rawValues) keep(l *leaf, places []int32) {
	switch l.physical {
	case format.Boolean:
		v.bools = kept(v.bools, places)
	case format.ByteArray:
		v.spans = kept(v.spans, places)
	case format.Int96, format.FixedLenByteArray:
		width := l.valueWidth()
		for to, at := range places {
			copy(v.fixed[to*width:(to+1)*width], v.fixed[int(at)*width:])
		}
		v.fixed = v.fixed[:len(places)*width]
	default:
		v.ints = kept(v.ints, places)
	}
}

// kept is the elements at some places, in the room of all of them.
func kept[T any](all []T, places []int32) []T {
	for to, at := range places {
		all[to] = all[at]
	}
	return all[:len(places)]
}

// setWanted sets the cells of rows, of which the first may have begun in the
// page before: to the values that are wanted, or of a map's keys to the places
// of those that are the key.
func (c *columnCursor) setWanted(rows int, wasOpen bool) error {
	isKeys := c.walk.isKeys
	c.levels = resized(c.levels, rows)
	clear(c.levels)
	c.page.reset(rows)
	for i, w := range c.wanted {
		switch {
		case !isKeys:
			c.page.copyCell(w.row, &c.dense, i)
		case c.dense.Index[i] != keyWord:
			continue
		case c.levels[w.row] > 0, wasOpen && w.row == 0 && c.held.Missing == nil:
			return errKeyTwice(c.leaf.key)
		default:
			c.page.Ints[w.row] = w.place
		}
		c.levels[w.row] = 1
	}
	for row, level := range c.levels {
		switch {
		case level > 0:
		case wasOpen && row == 0:
			c.page.copyCell(0, &c.held, 0)
		default:
			c.page.miss(row)
		}
	}
	return nil
}

// errKeyTwice: which of its values counts is a guess, as in JSON.
func errKeyTwice(key string) error { return fmt.Errorf("a map has the key %q twice", key) }
