package pipeline

import (
	"encoding/binary"
	"math/bits"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// lateID is an event id that may have been billed by an earlier night.
type lateID struct {
	source int
	day    calendar.Day
	hi, lo uint64
}

// lateFilter tells whether an id may be one of the night's late rows: always
// of one that is, seldom of another (a Bloom filter). Of what it lets through
// fold looks at the ids themselves.
type lateFilter struct {
	size   int // of bits, in words: a power of two
	bits   []uint64
	oldest calendar.Day // of the late rows; without one the night's own
}

// lateFilterSize is the size of a worker's filter, all of which become one: a
// 32nd of the memory together.
func (n *night) lateFilterSize() int {
	return 1 << (bits.Len64(uint64(max(n.memory/32/int64(n.workers)/8, 64))) - 1)
}

func (l *lateFilter) add(id lateID) {
	if l.bits == nil {
		l.bits = make([]uint64, l.size)
	}
	l.oldest = min(l.oldest, id.day)
	h := id.hash()
	l.bits[h>>38&uint64(l.size-1)] |= 1<<(h&63) | 1<<(h>>6&63)
}

func (l *lateFilter) has(id lateID) bool {
	h := id.hash()
	want := uint64(1<<(h&63) | 1<<(h>>6&63))
	return l.bits[h>>38&uint64(l.size-1)]&want == want
}

// hash is not that of the partitions: both are to spread.
func (id lateID) hash() uint64 { return mix(hashID(id.source, id.hi, id.lo) ^ uint64(uint32(id.day))) }

// merge adds what another filter of the same size has.
func (l *lateFilter) merge(o *lateFilter) {
	l.oldest = min(l.oldest, o.oldest)
	switch {
	case o.bits == nil:
	case l.bits == nil:
		l.bits = o.bits
	default:
		for i := range l.bits {
			l.bits[i] |= o.bits[i]
		}
	}
}

// An id that is billed tonight and was not written by fold, since its row is
// late or was rated by itself, is 48 bytes in a spill, in the order of the
// event_ids table of its source: day, hash, id, all big-endian; then its content
// and key.
const takenIDSize = 48

// put spills the id.
func (t *takenID) put(to *spill, partition int) error {
	b, err := to.room(partition, takenIDSize)
	if err != nil {
		return err
	}
	hash := hashID(t.source, t.hi, t.lo)
	binary.BigEndian.PutUint32(b[0:], uint32(t.day)^1<<31)
	binary.BigEndian.PutUint32(b[4:], uint32(hash>>32))
	binary.BigEndian.PutUint64(b[8:], hash)
	binary.BigEndian.PutUint64(b[16:], t.hi)
	binary.BigEndian.PutUint64(b[24:], t.lo)
	binary.BigEndian.PutUint64(b[32:], t.content)
	binary.BigEndian.PutUint64(b[40:], uint64(t.key))
	return nil
}

// readTaken reads the first id of a block.
func readTaken(source int, b []byte) takenID {
	u := func(i int) uint64 { return binary.BigEndian.Uint64(b[i:]) }
	return takenID{source, calendar.Day(int32(binary.BigEndian.Uint32(b) ^ 1<<31)), u(16), u(24), u(32), key(u(40))}
}

// orderOthers puts the ids of a source that fold has not written in order.
func (n *night) orderOthers(s *stage, source int) (*ordered, error) {
	all := spills{s.single}
	for _, f := range n.folded {
		all = append(all, f.late)
	}
	o := newOrdered(n.memory/8, n.TempDir, compareTails)
	err := all.chunks(source, func(b []byte) error {
		for ; len(b) > 0; b = b[takenIDSize:] {
			if err := o.add(b[:takenIDSize]); err != nil {
				return err
			}
		}
		return nil
	})
	all.drop(source)
	if err == nil {
		err = o.settle()
	}
	return o, err
}

// writeOthers registers the ids of a source that fold has not written.
func (n *night) writeOthers(s *stage, source int) error {
	o, err := n.orderOthers(s, source)
	defer o.close()
	if err != nil {
		return err
	}
	ids := make([]writers.SeenID, 0, rowsAtOnce)
	err = o.each(func(record []byte) error {
		id := readTaken(source, record)
		if _, free := s.refused[id.key]; free {
			return nil
		}
		if ids = n.appendSeen(ids, source, id.day, id.hi, id.lo, id.content); len(ids) < cap(ids) {
			return nil
		}
		err := s.ids.Write(ids)
		ids = ids[:0]
		return err
	})
	if err != nil {
		return err
	}
	return s.ids.Write(ids)
}
