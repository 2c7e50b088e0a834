package readers

import (
	"encoding/binary"
	"math"
	"strconv"

	"ratemill/rating/calendar"
)

// transform makes the batches of one split of what is read of the file. For
// one goroutine.
type transform struct {
	plan   *plan
	sieve  *sieve
	makers []maker // one a field
	out    Batch
	kept   bool // a row was not left out
}

// maker makes the column of one field of the raw columns of a batch. Of rows
// that are left out nothing need be right.
type maker interface {
	column(raw *Batch, leftOut []uint8) Column
}

// newTransform takes the cells that every row of the file shares, by field, and
// the marks of numbers by raw field, nil where there are none.
func newTransform(p *plan, zone calendar.Zone, fixed []cell, marks []numberMarks) *transform {
	t := &transform{plan: p, sieve: newSieve(p.filters)}
	parser := newCellParser(zone)
	for i := range p.recipes {
		t.makers = append(t.makers, newMaker(&p.recipes[i], parser, &fixed[i], marks))
	}
	t.out.Columns = make([]Column, len(t.makers))
	return t
}

func newMaker(r *recipe, parser *cellParser, fixed *cell, marks []numberMarks) maker {
	made := made{recipe: r}
	made.out.of(&r.field, newInterner())
	switch r.way {
	case merged:
		return &mergedColumn{made}
	case viaText:
		return newTextColumn(made, parser, marks)
	case constant:
		return &constantColumn{made: made, fixed: fixed}
	case joinedIDs:
		return &joinedColumn{made: made, parts: binary.BigEndian.AppendUint64(nil, uint64(len(r.join)))}
	}
	return rawColumn(r.from[0])
}

func (t *transform) batch(raw *Batch) *Batch {
	leftOut := t.sieve.rows(raw)
	t.out.FirstRow, t.out.Len, t.out.LeftOut = raw.FirstRow, raw.Len, leftOut
	for i, m := range t.makers {
		t.out.Columns[i] = m.column(raw, leftOut)
	}
	t.kept = t.kept || keepsAny(leftOut)
	return &t.out
}

func keepsAny(leftOut []uint8) bool {
	for _, filter := range leftOut {
		if filter == 0 {
			return true
		}
	}
	return leftOut == nil
}

// rawColumn hands a raw column through.
type rawColumn int

func (r rawColumn) column(raw *Batch, _ []uint8) Column { return raw.Columns[r] }

// made is a column that is being made, and how.
type made struct {
	*recipe
	out cells
}

// each sets the cells of the rows that are not left out.
func (m *made) each(raw *Batch, leftOut []uint8, set func(row int)) Column {
	m.out.reset(raw.Len)
	for row := range raw.Len {
		if leftOut != nil && leftOut[row] != 0 {
			m.out.put(row, &cell{state: cellThere}, Absent) // not absent, which would mark the batch
			continue
		}
		set(row)
	}
	return m.out.Column
}

// put sets cell i to a value, whose place in the column's Dict is code.
func (c *cells) put(i int, v *cell, code int32) {
	switch {
	case v.state == cellAbsent:
		c.miss(i)
	case v.state == cellBad:
		c.reject(i, v.bad)
	case c.kind == Text:
		c.Index[i] = code
	case c.kind == EventID:
		c.setID(i, v.id, []byte(v.text))
	default:
		c.Ints[i] = v.number
	}
}

// mergedColumn is the first of several columns, all of the field's Kind.
type mergedColumn struct{ made }

func (m *mergedColumn) column(raw *Batch, leftOut []uint8) Column {
	if first := &raw.Columns[m.from[0]]; first.Missing == nil && !m.absolute && m.times == 1 {
		return *first
	}
	return m.each(raw, leftOut, func(row int) { m.set(raw, row) })
}

func (m *mergedColumn) set(raw *Batch, row int) {
	for _, at := range m.from {
		column := &raw.Columns[at]
		switch bad, isBad := column.Bad[row]; {
		case isBad:
			m.out.reject(row, bad)
		case column.Missing != nil && column.Missing[row]:
			continue
		case m.out.kind == EventID:
			m.out.copyCell(row, &cells{Column: *column}, row)
		default:
			m.setNumber(row, column.Ints[row])
		}
		return
	}
	m.out.put(row, &m.fallback, Absent)
}

func (m *mergedColumn) setNumber(row int, written int64) {
	v, why := written, fine
	if m.absolute {
		v, why = withoutMinus(v)
	}
	if v > math.MaxInt64/m.times || v < math.MinInt64/m.times {
		why = Overflow
	}
	if why != fine {
		m.out.reject(row, badCell(strconv.AppendInt(nil, written, 10), why))
		return
	}
	m.out.Ints[row] = v * m.times
}

// textColumn works on texts, once for each entry of their Dicts.
type textColumn struct {
	made
	parser *cellParser
	memos  []memo // one a raw column
	absent int32  // code of an absent cell

	// A code from 0 is the place in out's Dict of Text, and in numbers or ids of
	// the other kinds. Absent is an absent cell; those below it are bad.
	numbers []int64
	ids     [][16]byte
	idTexts []string // as written, one for each of ids
	bad     []BadCell
}

// unknown is a code that is still to be worked out.
const unknown int32 = math.MinInt32

func newTextColumn(m made, parser *cellParser, marks []numberMarks) *textColumn {
	t := &textColumn{made: m, parser: parser, memos: make([]memo, len(m.from))}
	for k, at := range m.from {
		if marks != nil {
			t.memos[k].marks = marks[at]
		}
	}
	t.absent = t.keep(&t.fallback)
	return t
}

// keep is the code of a cell.
func (t *textColumn) keep(c *cell) int32 {
	switch {
	case c.state == cellAbsent:
		return Absent
	case c.state == cellBad:
		t.bad = append(t.bad, c.bad)
		return Absent - int32(len(t.bad))
	case t.out.kind == Text:
		code, ok := t.out.words.intern([]byte(c.text))
		if !ok {
			return t.keep(&cell{state: cellBad, bad: badCell([]byte(c.text), NotText)})
		}
		return code
	case t.out.kind == EventID:
		t.ids, t.idTexts = append(t.ids, c.id), append(t.idTexts, c.text)
		return int32(len(t.ids) - 1)
	}
	t.numbers = append(t.numbers, c.number)
	return int32(len(t.numbers) - 1)
}

func (t *textColumn) column(raw *Batch, leftOut []uint8) Column {
	for k, at := range t.from {
		t.memos[k].of(raw.Columns[at].Dict)
	}
	return t.each(raw, leftOut, func(row int) { t.set(raw, row) })
}

func (t *textColumn) set(raw *Batch, row int) {
	code := t.absent
	for k, at := range t.from {
		column := &raw.Columns[at]
		if entry := column.Index[row]; entry != Absent {
			code = t.code(&t.memos[k], entry)
			break
		}
		if bad, isBad := column.Bad[row]; isBad {
			t.out.reject(row, bad)
			return
		}
	}
	switch {
	case code < Absent:
		t.out.reject(row, t.bad[Absent-code-1])
	case code == Absent:
		t.out.miss(row)
	case t.out.kind == Text:
		t.out.Index[row] = code
	case t.out.kind == EventID:
		t.out.setID(row, t.ids[code], []byte(t.idTexts[code]))
	default:
		t.out.Ints[row] = t.numbers[code]
	}
}

func (t *textColumn) code(m *memo, entry int32) int32 {
	code := &m.codes[entry]
	if *code == unknown {
		c := t.read(m.dict.Entries[entry], t.parser, m.marks)
		*code = t.keep(&c)
	}
	return *code
}

// memo has a code for each entry of a Dict.
type memo struct {
	dict  *Dict
	codes []int32
	marks numberMarks // of the numbers among the entries
}

// of makes it the memo of a Dict, which may have grown, or be another.
func (m *memo) of(d *Dict) {
	if m.dict != d {
		m.dict, m.codes = d, m.codes[:0]
	}
	if d == nil {
		return
	}
	for range d.Entries[len(m.codes):] {
		m.codes = append(m.codes, unknown)
	}
}

// constantColumn is the same cell in every row.
type constantColumn struct {
	made
	fixed *cell
}

func (c *constantColumn) column(raw *Batch, _ []uint8) Column {
	if c.out.n == raw.Len { // set already
		return c.out.Column
	}
	c.out.reset(raw.Len)
	code := Absent
	if c.out.kind == Text && c.fixed.state == cellThere {
		code, _ = c.out.words.intern([]byte(c.fixed.text))
	}
	for row := range raw.Len {
		c.out.put(row, c.fixed, code)
	}
	return c.out.Column
}

// joinedColumn is the id of several ids together: of their number, of each its
// 16 bytes, so that text cannot move from one part to the next, and then of the
// places of those that are absent, which no other row is as long with.
type joinedColumn struct {
	made
	parts  []byte // the number, and room for the ids
	absent []byte // places of absent parts
	text   []byte // of the id, where that is wanted
}

func (j *joinedColumn) column(raw *Batch, leftOut []uint8) Column {
	return j.each(raw, leftOut, func(row int) { j.set(raw, row) })
}

func (j *joinedColumn) set(raw *Batch, row int) {
	j.parts, j.absent, j.text = j.parts[:8], j.absent[:0], j.text[:0]
	for i := range j.join {
		part := &j.join[i]
		if part.from < 0 {
			j.parts = append(j.parts, part.id[:]...)
			j.addText(part.text)
			continue
		}
		column := &raw.Columns[part.from]
		if bad, isBad := column.Bad[row]; isBad {
			j.out.reject(row, bad)
			return
		}
		if column.Missing != nil && column.Missing[row] {
			if !part.optional {
				j.out.miss(row)
				return
			}
			j.absent = binary.BigEndian.AppendUint64(j.absent, uint64(i))
		}
		j.parts = append(j.parts, column.IDs[row][:]...) // zeros where absent
		if j.out.field.Texts {
			j.addText(column.IDTexts[row])
		}
	}
	j.parts = append(j.parts, j.absent...)
	j.out.setID(row, Key(j.parts), j.text)
}

// addText adds the text of a part to that of the id.
func (j *joinedColumn) addText(text string) {
	if len(j.text) > 0 {
		j.text = append(j.text, ' ')
	}
	j.text = append(j.text, text...)
}
