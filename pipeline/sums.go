package pipeline

import "encoding/binary"

// sums adds rows up by key: open addressing, nothing allocated per row. The
// table of a large night is far larger than a cache, so that a row costs the
// wait for its slot: slots are half a cache line, and rows come in numbers, of
// which those some way ahead are asked for while one is added.
type sums struct {
	slots []sum
	used  int
	full  []sum // sums that 64 bits had no more room for; their keys began anew
	sink  int64
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
	askedAhead  = 32                  // rows whose slots are asked for at once
	addedAtOnce = 4096                // rows between two looks at how many sums there are
	mostSums    = 3<<16 - addedAtOnce // a worker's, before it spills them: they fill three quarters of 8 MiB
	moreSlots   = 4                   // times as many, when a table grows
)

// pageSize is what the system maps at a time, or a part of that. Memory that it
// has just given and that is read before it is written costs two faults a page,
// of which the second stops the other processors: each page of new memory is
// written to first.
const pageSize = 4 << 10

// addAll adds rows.
func (s *sums) addAll(rows []addend) {
	var at [askedAhead]uint32
	for len(rows) > 0 {
		n := min(askedAhead, len(rows))
		if (s.used+n)*4 > len(s.slots)*3 {
			s.grow()
		}
		asked := int64(0)
		for i := range rows[:n] {
			at[i] = s.home(rows[i].key)
			asked += s.slots[at[i]].rows
		}
		s.sink = asked
		for i := range rows[:n] {
			s.add(&rows[i], at[i])
		}
		rows = rows[n:]
	}
}

// add adds a row whose key has its home there.
func (s *sums) add(a *addend, home uint32) {
	g := s.slot(a.key, home)
	if g.rows == 0 {
		*g = sum{a.key, 1, a.quantity, a.place}
		s.used++
		return
	}
	total := g.quantity + a.quantity
	if (total^g.quantity)&(total^a.quantity) < 0 { // both of one sign, the total of the other
		s.full = append(s.full, *g)
		*g = sum{a.key, 1, a.quantity, a.place}
		return
	}
	g.rows++
	g.quantity = total
	g.first = min(g.first, a.place)
}

// home is where a key's slot is, unless that is taken.
func (s *sums) home(k key) uint32 { return uint32(mix(uint64(k)) & uint64(len(s.slots)-1)) }

// slot is the slot of a key, empty if it is new.
func (s *sums) slot(k key, home uint32) *sum {
	mask := uint32(len(s.slots) - 1)
	for at := home; ; at = (at + 1) & mask {
		if g := &s.slots[at]; g.key == k && g.rows > 0 || g.rows == 0 {
			return g
		}
	}
}

func (s *sums) grow() {
	old := s.slots
	s.slots = make([]sum, max(fewestSlots, moreSlots*len(old)))
	for i := 0; i < len(s.slots); i += pageSize / 32 { // see pageSize
		s.slots[i] = sum{}
	}
	for i := range old {
		if k := old[i].key; old[i].rows > 0 {
			*s.slot(k, s.home(k)) = old[i]
		}
	}
}

// reset empties the table and keeps its memory.
func (s *sums) reset() {
	clear(s.slots)
	s.used, s.full = 0, s.full[:0]
}

// A sum takes 24 bytes in a spill if it is small, as nearly all are:
//
//	key       8
//	first     8
//	what      8  quantity 48 bits, signed | rows 16
//
// In any other, rows are 0xffff and two words more say rows and quantity.
const (
	smallSumSize = 24
	largeSumSize = 40
	manyRows     = 1<<16 - 1
)

// put appends the sum to a part of a spill.
func (g *sum) put(s *spill, part int) error {
	small := g.rows < manyRows && g.quantity<<16>>16 == g.quantity
	size := smallSumSize
	if !small {
		size = largeSumSize
	}
	b, err := s.room(part, size)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(b[0:], uint64(g.key))
	binary.LittleEndian.PutUint64(b[8:], uint64(g.first))
	if small {
		binary.LittleEndian.PutUint64(b[16:], uint64(g.quantity)<<16|uint64(g.rows))
		return nil
	}
	binary.LittleEndian.PutUint64(b[16:], manyRows)
	binary.LittleEndian.PutUint64(b[24:], uint64(g.rows))
	binary.LittleEndian.PutUint64(b[32:], uint64(g.quantity))
	return nil
}

// readSum is the first sum of what was spilled, and what follows it.
func readSum(b []byte) (g sum, rest []byte) {
	u := binary.LittleEndian.Uint64
	what := u(b[16:])
	g = sum{key: key(u(b[0:])), rows: int64(what & manyRows), quantity: int64(what) >> 16, first: place(u(b[8:]))}
	if g.rows < manyRows {
		return g, b[smallSumSize:]
	}
	g.rows, g.quantity = int64(u(b[24:])), int64(u(b[32:]))
	return g, b[largeSumSize:]
}

// sumKey is the key of the first sum of what was spilled.
func sumKey(b []byte) key { return key(binary.LittleEndian.Uint64(b)) }

// sumSize is the bytes of the first sum of what was spilled.
func sumSize(b []byte) int {
	if binary.LittleEndian.Uint16(b[16:]) == manyRows {
		return largeSumSize
	}
	return smallSumSize
}
