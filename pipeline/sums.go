package pipeline

// sums adds quantities up by key: open addressing, a group a slot, nothing
// allocated per row. A slot without rows is empty.
type sums struct {
	slots []group
	used  int
}

const fewestSlots = 1 << 10

// add adds one row.
func (s *sums) add(k key, quantity int64, at place) {
	if s.used*5 >= len(s.slots)*3 {
		s.grow()
	}
	g := s.slot(k)
	if g.rows == 0 {
		g.key = k
		s.used++
	}
	g.add(group{rows: 1, hi: uint64(quantity >> 63), lo: uint64(quantity), first: at})
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
