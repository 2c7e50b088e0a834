package pipeline

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"ratemill/readers"
)

// usageMapper turns the batches of one split of a usage export into records.
type usageMapper struct {
	n      *night
	m      *mapped
	file   int
	source *source
	index  int // of the source

	texts []int // required columns of text
	step  step

	dict     *readers.Dict // of accounts
	accounts []uint32      // by their index there + 1; absent is -1

	local localCombinations

	sumInto *folded // where rows are summed up as they come; nil: they are spilled
}

func newUsageMapper(n *night, m *mapped, file int, s *source) *usageMapper {
	u := &usageMapper{n: n, m: m, file: file, source: s, index: n.files[file].source, accounts: make([]uint32, 1)}
	u.local.columns = make([]localColumn, len(s.dimensions))
	for i, f := range s.schema.Fields {
		if f.Kind == readers.Text && s.required(i) {
			u.texts = append(u.texts, i)
		}
	}
	return u
}

// rowsInStep is how many rows of a batch are worked on together, column by
// column: so few that what is worked out of them stays in a processor's first
// cache.
const rowsInStep = 128

// step is rows of a batch that go on, side by side.
type step struct {
	rows  [rowsInStep]int32 // of the batch
	keys  [rowsInStep]key
	parts [rowsInStep]int32 // of the spill

	accounts [rowsInStep]uint32 // of all rows
	places   [rowsInStep]int32  // of all rows' combinations in the table of these
}

func (u *usageMapper) batch(b *readers.Batch) error {
	m := u.m
	m.files[u.file].read += int64(b.Len)
	if err := u.learnAccounts(b.Columns[u.source.account].Dict); err != nil {
		return err
	}
	u.local.begin(u.source, b)
	clean := u.cleanColumns(b)
	first := m.usage.begin(makePlace(u.file, b.FirstRow), b.Len)
	for from := 0; from < b.Len; from += rowsInStep {
		kept, err := u.keep(b, from, min(from+rowsInStep, b.Len), clean)
		if err != nil {
			return err
		}
		if u.sumInto != nil {
			u.addTo(u.sumInto, b, kept)
		} else if err := u.spill(b, kept, first); err != nil {
			return err
		}
	}
	if u.sumInto != nil {
		return u.n.addUp(u.sumInto)
	}
	return nil
}

// keep finds out which rows of a batch go on, and their keys. How many they are
// is what it returns.
func (u *usageMapper) keep(b *readers.Batch, from, to int, clean bool) (kept int, err error) {
	n, s := u.n, &u.step
	at, quantity, account := b.Columns[u.source.at].Ints[:to], b.Columns[u.source.quantity].Ints[:to], b.Columns[u.source.account].Index[:to]
	midnight, next := n.span.billedDay()
	today := n.span.offset(n.day)
	u.local.find(from, s.places[:to-from])
	for i, index := range account[from:] {
		s.accounts[i] = u.accounts[index+1]
	}
	for row := from; row < to; row++ {
		if !clean && u.leaves(b, row) || quantity[row] < 0 && u.refuse(b, row) {
			continue
		}
		day := today
		if at[row] < midnight || at[row] >= next {
			var ended bool
			if day, ended = u.otherDay(b, row); ended {
				continue
			}
		}
		combination := u.local.table[s.places[row-from]]
		if combination == 0 {
			if combination, err = u.learnCombination(b, row, s.places[row-from]); err != nil {
				return 0, err
			}
		}
		s.rows[kept], s.keys[kept] = int32(row), makeKey(s.accounts[row-from], day, combination-1)
		kept++
	}
	return kept, nil
}

// spill sends rows to the parts of their event ids.
func (u *usageMapper) spill(b *readers.Batch, kept int, first int64) error {
	s, cut, to := &u.step, u.n.cuts[u.index], u.m.usage
	ids, at, quantity := b.Columns[u.source.id].IDs, b.Columns[u.source.at].Ints, b.Columns[u.source.quantity].Ints
	for i, row := range s.rows[:kept] {
		hi, lo := idBits(&ids[row])
		s.parts[i] = int32(cut.part(hashID(u.index, hi, lo)))
	}
	to.short.ask(s.parts[:kept]) // nearly all are short
	for i, row := range s.rows[:kept] {
		hi, lo := idBits(&ids[row])
		if err := to.add(int(s.parts[i]), hi, lo, at[row], quantity[row], s.keys[i], first+int64(row)); err != nil {
			return err
		}
	}
	return nil
}

// addTo adds rows to those that are summed up as they come.
func (u *usageMapper) addTo(f *folded, b *readers.Batch, kept int) {
	s, quantity := &u.step, b.Columns[u.source.quantity].Ints
	for i, row := range s.rows[:kept] {
		f.addends = append(f.addends, addend{s.keys[i], quantity[row], makePlace(u.file, b.FirstRow+int64(row))})
	}
}

// cleanColumns tells whether no cell of the batch is bad, none that is
// required is missing and no row is left out, as is the case for nearly every
// batch.
func (u *usageMapper) cleanColumns(b *readers.Batch) bool {
	for i := range b.Columns {
		if b.Columns[i].Missing != nil || b.Columns[i].Bad != nil {
			return false
		}
	}
	for _, field := range u.texts {
		if slices.Contains(b.Columns[field].Index[:b.Len], readers.Absent) {
			return false
		}
	}
	return b.LeftOut == nil
}

// leaves tells whether a row of a batch that is not clean ends here: a filter
// leaves it out, or it is refused.
func (u *usageMapper) leaves(b *readers.Batch, row int) bool {
	return b.LeftOut != nil && b.LeftOut[row] != 0 || u.refuse(b, row)
}

// refuse rejects a row if it has a fault.
func (u *usageMapper) refuse(b *readers.Batch, row int) bool {
	f := firstFault(u.source, b, row)
	if f.found() {
		u.n.reject(u.m, u.file, b.FirstRow+int64(row), textAt(&b.Columns[u.source.account], row), f)
	}
	return f.found()
}

// otherDay deals with a row that is not of the billing day: it returns the
// offset of its day, and whether the row ends here.
func (u *usageMapper) otherDay(b *readers.Batch, row int) (offset uint32, ended bool) {
	n := u.n
	day := n.span.dayOf(b.Columns[u.source.at].Ints[row])
	if day < n.day {
		number := b.FirstRow + int64(row)
		f := n.outside(u.m, u.file, number, day)
		if f.found() && f.reason != beforeHistory {
			n.reject(u.m, u.file, number, textAt(&b.Columns[u.source.account], row), f)
		}
		if f.found() {
			return 0, true
		}
		hi, lo := idBits(&b.Columns[u.source.id].IDs[row])
		u.m.late.add(lateID{u.index, day, hi, lo})
	}
	return n.span.offset(day), false
}

// learnAccounts brings the indexes of a dictionary's accounts up to date.
func (u *usageMapper) learnAccounts(d *readers.Dict) error {
	if u.dict != d {
		u.dict, u.accounts = d, u.accounts[:1]
	}
	if d == nil {
		return nil
	}
	known := len(u.accounts) - 1
	u.accounts = slices.Grow(u.accounts, len(d.Entries)-known)[:1+len(d.Entries)]
	if err := u.n.accounts.ofAll(u.accounts[1+known:], d.Entries[known:], accountHash); err != nil {
		return fmt.Errorf("%s: %w", u.n.files[u.file].Key, err)
	}
	return nil
}

// learnCombination finds the combination of a row's source and dimension
// values, which is not known in the split yet: its index + 1.
func (u *usageMapper) learnCombination(b *readers.Batch, row int, place int32) (uint32, error) {
	values := make([]string, len(u.source.dimensions))
	for i, field := range u.source.dimensions {
		values[i] = textAt(&b.Columns[field], row)
	}
	index, err := u.n.combinationOf(u.index, values)
	if err != nil {
		return 0, fmt.Errorf("%s: row %d: %w", u.n.files[u.file].Key, b.FirstRow+int64(row), err)
	}
	u.local.table[place] = index + 1
	return index + 1, nil
}

// localCombinations are the combinations met in a split, in a table. The place
// there is the dictionary indexes of their values side by side, in a few bits
// each, where these are few, else what a map says.
type localCombinations struct {
	columns []localColumn
	table   []uint32         // combination + 1; 0 where it is not known yet
	wide    map[string]int32 // places by the indexes, 4 bytes each; nil: they are the place
	code    []byte
}

type localColumn struct {
	dict  *readers.Dict
	index []int32 // of the batch
	shift uint
	room  int // for so many values, one of them absent
}

// mostLocal is the most entries of the table: 2 MiB of it.
const mostLocal = 1 << 19

// begin takes a batch. Where a dictionary is new or has outgrown its bits, what
// was known is forgotten and learnt again, once a combination.
func (l *localCombinations) begin(s *source, b *readers.Batch) {
	same := true
	for i, field := range s.dimensions {
		c := &b.Columns[field]
		l.columns[i].index = c.Index
		same = same && l.columns[i].dict == c.Dict && entries(c.Dict) < l.columns[i].room
	}
	if same && (l.table != nil || l.wide != nil) {
		return
	}
	shift := uint(0)
	for i, field := range s.dimensions {
		c, dict := &l.columns[i], b.Columns[field].Dict
		bits := uint(bits.Len(uint(entries(dict)))) + 1 // twice what is needed now
		*c = localColumn{dict, c.index, shift, 1 << bits}
		shift += bits
	}
	l.table, l.wide = nil, nil
	if shift > uint(bits.Len(mostLocal-1)) {
		l.wide = map[string]int32{}
		return
	}
	l.table = make([]uint32, 1<<shift)
}

func entries(d *readers.Dict) int {
	if d == nil {
		return 0
	}
	return len(d.Entries)
}

// find sets places to those of the combinations of rows, from a row on.
func (l *localCombinations) find(from int, places []int32) {
	if l.wide != nil {
		for i := range places {
			places[i] = l.widePlace(from + i)
		}
		return
	}
	clear(places)
	for c := range l.columns {
		index, shift := l.columns[c].index[from:][:len(places)], l.columns[c].shift&31
		for i := range places {
			places[i] |= (index[i] + 1) << shift // absent is -1
		}
	}
}

// widePlace is the place of the combination of a row by the map.
func (l *localCombinations) widePlace(row int) int32 {
	l.code = l.code[:0]
	for i := range l.columns {
		l.code = binary.LittleEndian.AppendUint32(l.code, uint32(l.columns[i].index[row]))
	}
	place, known := l.wide[string(l.code)]
	if !known {
		place = int32(len(l.table))
		l.wide[string(l.code)], l.table = place, append(l.table, 0)
	}
	return place
}
