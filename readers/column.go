package readers

import "slices"

// cells is a Column that is being filled, with the buffers behind it: of a
// batch, of a Parquet page or of a Parquet dictionary.
type cells struct {
	Column
	field   *Field // what the cells are read as
	kind    Kind   // of the field
	n       int
	missing []bool    // behind Column.Missing
	words   *interner // Text
	later   laterTexts
}

// laterTexts are the texts of rows that are to be looked up together.
type laterTexts struct {
	rows  []int32
	codes []int32
	spans []span
	bytes []byte
}

// setTextLater is setText of a cell of Kind Text that nothing else sets. setLater
// ends it.
func (c *cells) setTextLater(i int, text []byte) {
	l := &c.later
	from := len(l.bytes)
	l.bytes = append(l.bytes, text...)
	l.rows, l.spans = append(l.rows, int32(i)), append(l.spans, span{uint32(from), uint32(len(l.bytes))})
	if len(l.rows) == textsAtOnce {
		c.setLater()
	}
}

// setLater sets the cells that were put off.
func (c *cells) setLater() {
	l := &c.later
	l.codes = resized(l.codes, len(l.rows))
	all := len(l.rows) == 0 || c.words.internAll(l.codes, l.spans, l.bytes)
	for k, row := range l.rows {
		if c.Index[row] = l.codes[k]; !all {
			c.rejectUnread(int(row), l.bytes[l.spans[k].from:l.spans[k].to])
		}
	}
	l.rows, l.spans, l.bytes = l.rows[:0], l.spans[:0], l.bytes[:0]
}

// rejectUnread rejects cell i if its text has no place, though there is one.
func (c *cells) rejectUnread(i int, text []byte) {
	if c.Index[i] == Absent && len(text) > 0 {
		c.reject(i, badCell(text, NotText))
	}
}

// setTexts sets all cells, of Kind Text, to texts.
func (c *cells) setTexts(texts []span, bytes []byte) {
	if c.words.internAll(c.Index[:len(texts)], texts, bytes) {
		return
	}
	for i, s := range texts {
		c.rejectUnread(i, bytes[s.from:s.to])
	}
}

// of makes the column one of a field.
func (c *cells) of(field *Field, words *interner) {
	c.field, c.kind, c.words = field, field.Kind, words
}

// reset makes room for n cells, which are all still to be set.
func (c *cells) reset(n int) {
	c.n = n
	switch c.kind {
	case Text:
		c.Dict = c.words.dict
		c.Index = resized(c.Index, n)
	case EventID:
		c.IDs = resized(c.IDs, n)
		if c.field.Texts {
			c.IDTexts = resized(c.IDTexts, n)
		}
	default:
		c.Ints = resized(c.Ints, n)
	}
	c.Missing, c.Bad = nil, nil
}

// cut keeps the first n cells.
func (c *cells) cut(n int) {
	c.n = n
	switch c.kind {
	case Text:
		c.Index = c.Index[:n]
	case EventID:
		c.IDs = c.IDs[:n]
		if c.field.Texts {
			c.IDTexts = c.IDTexts[:n]
		}
	default:
		c.Ints = c.Ints[:n]
	}
	if c.Missing != nil {
		c.Missing = c.Missing[:n]
	}
}

// miss sets cell i absent.
func (c *cells) miss(i int) {
	switch c.kind {
	case Text:
		c.Index[i] = Absent
		return
	case EventID:
		c.setID(i, [16]byte{}, nil)
	default:
		c.Ints[i] = 0
	}
	if c.Missing == nil {
		c.missing = resized(c.missing, c.n)
		clear(c.missing)
		c.Missing = c.missing
	}
	c.Missing[i] = true
}

// missAll sets all cells absent: the file has no such column.
func (c *cells) missAll() {
	for i := range c.n {
		c.miss(i)
	}
}

// reject sets cell i absent and bad.
func (c *cells) reject(i int, bad BadCell) {
	c.miss(i)
	if c.Bad == nil {
		c.Bad = map[int]BadCell{}
	}
	c.Bad[i] = bad
}

// setText sets cell i to what its text says. Empty text is an absent cell.
func (c *cells) setText(i int, text []byte, p *cellParser) {
	if len(text) == 0 {
		c.miss(i)
		return
	}
	switch c.kind {
	case Text:
		code, ok := c.words.intern(text)
		if !ok {
			c.reject(i, badCell(text, NotText))
			return
		}
		c.Index[i] = code
	case EventID:
		c.setID(i, Key(text), text)
	default:
		c.setNumber(i, p, text)
	}
}

// setID sets cell i to an id, and to its text where that is wanted; without one
// the id is a binary UUID.
func (c *cells) setID(i int, id [16]byte, text []byte) {
	c.IDs[i] = id
	if c.field.Texts {
		c.IDTexts[i] = idText(id, text)
	}
}

func (c *cells) setNumber(i int, p *cellParser, text []byte) {
	v, why := p.number(c.field, text)
	if why != fine {
		c.reject(i, badCell(text, why))
		return
	}
	c.Ints[i] = v
}

// part is n cells from i on, where they are.
func (c *cells) part(i, n int) Column {
	to := i + n
	column := Column{Dict: c.Dict}
	switch c.kind {
	case Text:
		column.Index = c.Index[i:to:to]
	case EventID:
		column.IDs = c.IDs[i:to:to]
		if c.field.Texts {
			column.IDTexts = c.IDTexts[i:to:to]
		}
	default:
		column.Ints = c.Ints[i:to:to]
	}
	if c.Missing != nil && slices.Contains(c.Missing[i:to], true) {
		column.Missing = c.Missing[i:to:to]
	}
	for at, bad := range c.Bad {
		if at >= i && at < to {
			if column.Bad == nil {
				column.Bad = map[int]BadCell{}
			}
			column.Bad[at-i] = bad
		}
	}
	return column
}

// copyFrom sets n cells from i on to those of another column from j on.
func (c *cells) copyFrom(i int, from *cells, j, n int) {
	switch c.kind {
	case Text:
		copy(c.Index[i:i+n], from.Index[j:])
	case EventID:
		copy(c.IDs[i:i+n], from.IDs[j:])
		if c.field.Texts {
			copy(c.IDTexts[i:i+n], from.IDTexts[j:])
		}
	default:
		copy(c.Ints[i:i+n], from.Ints[j:])
	}
	if from.Missing != nil {
		for k, missing := range from.Missing[j : j+n] {
			if missing {
				c.miss(i + k)
			}
		}
	}
	for k, bad := range from.Bad {
		if k >= j && k < j+n {
			c.reject(i+k-j, bad)
		}
	}
}

// copyCell sets cell i to cell j of another column.
func (c *cells) copyCell(i int, from *cells, j int) {
	switch c.kind {
	case Text:
		c.Index[i] = from.Index[j]
	case EventID:
		c.IDs[i] = from.IDs[j]
		if c.field.Texts {
			c.IDTexts[i] = from.IDTexts[j]
		}
	default:
		c.Ints[i] = from.Ints[j]
	}
	if from.Missing != nil && from.Missing[j] {
		c.miss(i)
	}
	if from.Bad != nil {
		if bad, is := from.Bad[j]; is {
			c.reject(i, bad)
		}
	}
}

// gather sets all cells to those of a dictionary that the indexes name. It is
// false, with the cells half set, if an index is beyond the dictionary.
func (c *cells) gather(dict *cells, indexes []int32) bool {
	switch {
	case dict.Missing != nil || dict.Bad != nil:
		for i, at := range indexes {
			if uint(at) >= uint(dict.n) {
				return false
			}
			c.copyCell(i, dict, int(at))
		}
		return true
	case c.kind == Text:
		return gather(c.Index, dict.Index, indexes)
	case c.kind == EventID:
		return (!c.field.Texts || gather(c.IDTexts, dict.IDTexts, indexes)) && gather(c.IDs, dict.IDs, indexes)
	default:
		return gather(c.Ints, dict.Ints, indexes)
	}
}

func gather[T any](to, dict []T, indexes []int32) bool {
	to = to[:len(indexes)]
	for i, at := range indexes {
		if uint(at) >= uint(len(dict)) {
			return false
		}
		to[i] = dict[at]
	}
	return true
}

// resized is a buffer of length n, with whatever was in it.
func resized[T any](buffer []T, n int) []T {
	if cap(buffer) < n {
		return make([]T, n)
	}
	return buffer[:n]
}
