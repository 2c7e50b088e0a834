package pipeline

import (
	"encoding/binary"
	"slices"
)

// recordSpill is one worker's records, cut into parts by source and by the hash
// of their event ids. A record takes 32 bytes if its row is as nearly all are,
// new, of the billing day and with a quantity below 4,096:
//
//	id       16
//	what      8  account 28 bits | combination 24 | quantity 12
//	when      8  microseconds since midnight 37 bits | rows since the last such record of the part 27
//
// Any other takes 48: see put. Rows are numbered as the worker reads them, and
// stretches of rows that follow one another in a file are kept beside, so that
// a row's place can be told from its number.
type recordSpill struct {
	short, long *spill
	last        []int64   // number of a part's last short record
	stretches   []stretch // in the order of their numbers
	next        int64     // number of the row that is read next
	today       uint32    // the billing day in a key
	midnight    int64     // when it begins
}

// stretch is rows of a file from a place on, numbered from there on.
type stretch struct {
	number int64
	place  place
}

const (
	recordSize      = 48
	shortRecordSize = 32

	quantityBits = 12
	sinceBits    = 27 // rows between two records of a part
)

func (n *night) newRecordSpill(budget int64) *recordSpill {
	midnight, _ := n.span.billedDay()
	return &recordSpill{
		short: newSpill(n.parts, budget*3/4, n.TempDir), long: newSpill(n.parts, budget/4, n.TempDir),
		last: make([]int64, n.parts), today: n.span.offset(n.day), midnight: midnight,
	}
}

// begin tells that rows from a place on are read, and how many.
func (s *recordSpill) begin(at place, rows int) (first int64) {
	first = s.next
	s.next += int64(rows)
	if last := len(s.stretches) - 1; last < 0 || s.stretches[last].place+place(first-s.stretches[last].number) != at {
		s.stretches = append(s.stretches, stretch{first, at})
	}
	return first
}

// add adds the record of the row of that number, which is one of those that
// began last. It takes values, not a record: what has just been put together in
// memory word by word is slow to copy.
func (s *recordSpill) add(part int, hi, lo uint64, occurred, quantity int64, k key, number int64) error {
	since := number - s.last[part]
	if k.day() != s.today || uint64(quantity)>>quantityBits != 0 || uint64(since)>>sinceBits != 0 {
		last := &s.stretches[len(s.stretches)-1]
		return s.addLong(part, &record{hi, lo, occurred, quantity, k, last.place + place(number-last.number)})
	}
	b, err := s.short.room(part, shortRecordSize)
	if err != nil {
		return err
	}
	s.last[part] = number
	_ = b[shortRecordSize-1]
	binary.LittleEndian.PutUint64(b[0:], hi)
	binary.LittleEndian.PutUint64(b[8:], lo)
	binary.LittleEndian.PutUint64(b[16:], uint64(k)>>36<<36|uint64(k.combination())<<quantityBits|uint64(quantity))
	binary.LittleEndian.PutUint64(b[24:], uint64(occurred-s.midnight)<<sinceBits|uint64(since))
	return nil
}

// addLong adds a record that tells its place itself.
func (s *recordSpill) addLong(part int, r *record) error {
	b, err := s.long.room(part, recordSize)
	if err == nil {
		r.put(b)
	}
	return err
}

// appendTo appends a part's records, always in the same order.
func (s *recordSpill) appendTo(records []record, buffer *[]byte, part int) ([]record, error) {
	var err error
	if *buffer, err = s.short.appendTo((*buffer)[:0], part); err != nil {
		return nil, err
	}
	records = s.appendShort(records, *buffer)
	if *buffer, err = s.long.appendTo((*buffer)[:0], part); err != nil {
		return nil, err
	}
	for b := *buffer; len(b) > 0; b = b[recordSize:] {
		records = append(records, readRecord(b))
	}
	return records, nil
}

func (s *recordSpill) appendShort(records []record, b []byte) []record {
	from, count := len(records), len(b)/shortRecordSize
	records = slices.Grow(records, count)[:from+count]
	number, at := int64(0), 0
	for i := range records[from:] {
		r, b := &records[from+i], b[i*shortRecordSize:][:shortRecordSize]
		what, when := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		number += int64(when & (1<<sinceBits - 1))
		for at+1 < len(s.stretches) && s.stretches[at+1].number <= number {
			at++
		}
		r.hi, r.lo = binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:]) // word by word: see add
		r.occurred = s.midnight + int64(when>>sinceBits)
		r.quantity = int64(what & (1<<quantityBits - 1))
		r.key = key(what>>36<<36|uint64(s.today)<<24) | key(what>>quantityBits&(maxCombinations-1))
		r.place = s.stretches[at].place + place(number-s.stretches[at].number)
	}
	return records
}

// unload makes room in memory for others: records are read again, at the end of
// the night, only where the table of event ids has to be written again.
func (s *recordSpill) unload() error { return firstOf(s.short.unload(), s.long.unload()) }

func (s *recordSpill) drop(part int) {
	s.short.drop(part)
	s.long.drop(part)
}

func (s *recordSpill) close() {
	s.short.close()
	s.long.close()
}

// records appends a part's records of all workers to records, always in the
// same order: their numbers there stand for them.
func (n *night) records(records []record, buffer *[]byte, part int) ([]record, error) {
	for _, m := range n.mapped {
		var err error
		if records, err = m.usage.appendTo(records, buffer, part); err != nil {
			return nil, err
		}
	}
	return records, nil
}
