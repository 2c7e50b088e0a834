package pipeline

import (
	"math/bits"
	"slices"
)

// sums adds rows up by key: open addressing, nothing allocated per row. The
// table of a large night is far larger than a cache, so that a row costs the
// wait for its slot: slots are half a cache line, and rows come in numbers, of
// which those some way ahead are asked for while one is added.
type sums struct {
	slots []sum
	used  int
	full  []group // sums that 64 bits had no more room for; their keys began anew
	sink  uint64
}

// sum is a slot. One without rows is empty.
type sum struct {
	key      key
	rows     int64
	quantity int64
	first    place // of the rows
}

// addend is a row to be added.
type addend struct {
	key      key
	quantity int64
	place    place
}

const (
	fewestSlots = 1 << 10
	askedAhead  = 32 // rows whose slots are asked for at once
)

// addAll adds rows.
func (s *sums) addAll(rows []addend) {
	for len(rows) > 0 {
		n := min(askedAhead, len(rows))
		if (s.used+n)*5 >= len(s.slots)*3 {
			s.grow()
		}
		mask := uint64(len(s.slots) - 1)
		for i := range rows[:n] {
			s.sink += uint64(s.slots[mix(uint64(rows[i].key))&mask].rows)
		}
		for i := range rows[:n] {
			s.add(&rows[i])
		}
		rows = rows[n:]
	}
}

func (s *sums) add(a *addend) {
	g := s.slot(a.key)
	if g.rows == 0 {
		*g = sum{a.key, 1, a.quantity, a.place}
		s.used++
		return
	}
	total := g.quantity + a.quantity
	if (total^g.quantity)&(total^a.quantity) < 0 { // both of one sign, the total of the other
		s.full = append(s.full, g.group())
		*g = sum{a.key, 1, a.quantity, a.place}
		return
	}
	g.rows++
	g.quantity = total
	g.first = min(g.first, a.place)
}

// group is the slot as it is spilled.
func (g *sum) group() group {
	return group{g.key, g.rows, uint64(g.quantity >> 63), uint64(g.quantity), g.first}
}

// slot is the slot of a key, empty if it is new.
func (s *sums) slot(k key) *sum {
	mask := uint64(len(s.slots) - 1)
	for at := mix(uint64(k)) & mask; ; at = (at + 1) & mask {
		if g := &s.slots[at]; g.key == k && g.rows > 0 || g.rows == 0 {
			return g
		}
	}
}

func (s *sums) grow() {
	old := s.slots
	s.slots = make([]sum, max(fewestSlots, 2*len(old)))
	for i := range old {
		if old[i].rows > 0 {
			*s.slot(old[i].key) = old[i]
		}
	}
}

// reset empties the table and keeps its memory.
func (s *sums) reset() {
	clear(s.slots)
	s.used, s.full = 0, s.full[:0]
}

// merged puts groups of the same key together, exact to 128 bits: the sums of
// all workers, of one bucket.
type merged struct {
	slots []group
}

// begin empties the table and makes it fit for so many groups.
func (m *merged) begin(groups int) {
	size := max(fewestSlots, 1<<bits.Len(uint(groups*5/3)))
	m.slots = slices.Grow(m.slots[:0], size)[:size]
	clear(m.slots)
}

func (m *merged) add(o *group) {
	mask := uint64(len(m.slots) - 1)
	at := mix(uint64(o.key)) & mask
	for m.slots[at].rows > 0 && m.slots[at].key != o.key {
		at = (at + 1) & mask
	}
	g := &m.slots[at]
	if g.rows == 0 {
		*g = *o
		return
	}
	g.rows += o.rows
	var carry uint64
	g.lo, carry = bits.Add64(g.lo, o.lo, 0)
	g.hi += o.hi + carry
	g.first = min(g.first, o.first)
}
