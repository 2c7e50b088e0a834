package pipeline

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"ratemill/rating/calendar"
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

	dict     *readers.Dict // of accounts, whose indexes are in accounts
	accounts []uint32

	local localCombinations

	sumInto *folded // where rows are summed up as they come; nil: they are spilled
}

func newUsageMapper(n *night, m *mapped, file int, s *source) *usageMapper {
	u := &usageMapper{n: n, m: m, file: file, source: s, index: n.files[file].source}
	u.local.columns = make([]localColumn, len(s.dimensions))
	for i, f := range s.schema.Fields {
		if f.Kind == readers.Text && s.required(i) {
			u.texts = append(u.texts, i)
		}
	}
	return u
}

func (u *usageMapper) batch(b *readers.Batch) error {
	n, m, s := u.n, u.m, u.source
	m.files[u.file].read += int64(b.Len)
	if err := u.learnAccounts(b.Columns[s.account].Dict); err != nil {
		return err
	}
	u.local.begin(s, b)
	clean := u.cleanColumns(b)
	ids, at, quantity, account := b.Columns[s.id].IDs[:b.Len], b.Columns[s.at].Ints[:b.Len], b.Columns[s.quantity].Ints[:b.Len], b.Columns[s.account].Index[:b.Len]
	midnight, next := n.span.billedDay()
	cut, first := n.cuts[u.index], m.usage.begin(makePlace(u.file, b.FirstRow), b.Len)
	for row := range ids {
		if !clean && u.leaves(b, row) || quantity[row] < 0 && u.refuse(b, row) {
			continue
		}
		day := n.day
		if at[row] < midnight || at[row] >= next {
			day = n.span.dayOf(at[row])
			if day != n.day && u.otherDay(b, row, day) {
				continue
			}
		}
		combination, err := u.combination(b, row)
		if err != nil {
			return err
		}
		hi, lo := idBits(ids[row])
		if day < n.day {
			m.late.add(lateID{u.index, day, hi, lo})
		}
		k := makeKey(u.accounts[account[row]], n.span.offset(day), combination)
		if u.sumInto != nil {
			u.sumInto.addends = append(u.sumInto.addends, addend{k, quantity[row], makePlace(u.file, b.FirstRow+int64(row))})
			continue
		}
		if err := m.usage.add(cut.part(hashID(u.index, hi, lo)), hi, lo, at[row], quantity[row], k, first+int64(row)); err != nil {
			return err
		}
	}
	if u.sumInto != nil {
		return n.addUp(u.sumInto)
	}
	return nil
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

// otherDay deals with a row that is not of the billing day, and tells whether
// that ends it here.
func (u *usageMapper) otherDay(b *readers.Batch, row int, day calendar.Day) bool {
	if day > u.n.day {
		return false
	}
	number := b.FirstRow + int64(row)
	f := u.n.outside(u.m, u.file, number, day)
	if f.found() && f.reason != beforeHistory {
		u.n.reject(u.m, u.file, number, textAt(&b.Columns[u.source.account], row), f)
	}
	return f.found()
}

// learnAccounts brings the indexes of a dictionary's accounts up to date.
func (u *usageMapper) learnAccounts(d *readers.Dict) error {
	if u.dict != d {
		u.dict, u.accounts = d, u.accounts[:0]
	}
	if d == nil {
		return nil
	}
	known := len(u.accounts)
	u.accounts = slices.Grow(u.accounts, len(d.Entries)-known)[:len(d.Entries)]
	if err := u.n.accounts.ofAll(u.accounts[known:], d.Entries[known:], accountHash); err != nil {
		return fmt.Errorf("%s: %w", u.n.files[u.file].Key, err)
	}
	return nil
}

// combination is the index of the row's source and dimension values.
func (u *usageMapper) combination(b *readers.Batch, row int) (uint32, error) {
	known := u.local.of(row)
	if *known > 0 {
		return *known - 1, nil
	}
	values := make([]string, len(u.source.dimensions))
	for i, field := range u.source.dimensions {
		values[i] = textAt(&b.Columns[field], row)
	}
	index, err := u.n.combinationOf(u.index, values)
	if err != nil {
		return 0, fmt.Errorf("%s: row %d: %w", u.n.files[u.file].Key, b.FirstRow+int64(row), err)
	}
	*known = index + 1
	u.local.learn(row, *known)
	return index, nil
}

// localCombinations are the combinations met in a split, by the dictionary
// indexes of their values side by side in a few bits each: a table where these
// are few, else a map.
type localCombinations struct {
	columns []localColumn
	table   []uint32 // combination + 1; 0 where it is not known yet
	wide    map[string]uint32
	code    []byte
	found   uint32 // in wide
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
		l.wide = map[string]uint32{}
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

// of is where the combination of a row is known, 0 where it is not.
func (l *localCombinations) of(row int) *uint32 {
	if l.table == nil {
		l.found = l.wide[string(l.codeOf(row))]
		return &l.found
	}
	at := 0
	for i := range l.columns {
		c := &l.columns[i]
		at |= int(c.index[row]+1) << c.shift // absent is -1
	}
	return &l.table[at]
}

// learn keeps the combination of a row, if there is no table that has it.
func (l *localCombinations) learn(row int, known uint32) {
	if l.table == nil {
		l.wide[string(l.codeOf(row))] = known
	}
}

func (l *localCombinations) codeOf(row int) []byte {
	l.code = l.code[:0]
	for i := range l.columns {
		l.code = binary.LittleEndian.AppendUint32(l.code, uint32(l.columns[i].index[row]))
	}
	return l.code
}
