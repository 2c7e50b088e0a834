package pipeline

import (
	"math/bits"
	"slices"
)

// sums adds quantities up by key: open addressing, a group a slot, nothing
// allocated per row. A slot without rows is empty.
type sums struct {
	slots []group
	used  int
}

const fewestSlots = 1 << 10

// add adds one row. The quantity is not negative.
func (s *sums) add(k key, quantity int64, at place) {
	s.addGroup(&group{k, 1, 0, uint64(quantity), at})
}

// addGroup adds a sum of rows.
func (s *sums) addGroup(o *group) {
	if s.used*5 >= len(s.slots)*3 {
		s.grow()
	}
	g := s.slot(o.key)
	if g.rows == 0 {
		*g = *o
		s.used++
		return
	}
	g.rows += o.rows
	var carry uint64
	g.lo, carry = bits.Add64(g.lo, o.lo, 0)
	g.hi += o.hi + carry
	g.first = min(g.first, o.first)
}

// slot is the slot of a key, empty if it is new.
func (s *sums) slot(k key) *group {
	mask := uint64(len(s.slots) - 1)
	for at := mix(uint64(k)) & mask; ; at = (at + 1) & mask {
		if g := &s.slots[at]; g.rows == 0 || g.key == k {
			return g
		}
	}
}

func (s *sums) grow() {
	old := s.slots
	s.slots = make([]group, max(fewestSlots, 2*len(old)))
	for i := range old {
		if old[i].rows > 0 {
			*s.slot(old[i].key) = old[i]
		}
	}
}

// reset empties the table and keeps its memory.
func (s *sums) reset() {
	clear(s.slots)
	s.used = 0
}

// begin empties the table and makes it fit for so many groups.
func (s *sums) begin(groups int) {
	size := max(fewestSlots, 1<<bits.Len(uint(groups*5/3)))
	s.slots, s.used = slices.Grow(s.slots[:0], size)[:size], 0
	clear(s.slots)
}
