package pipeline

import (
	"encoding/binary"

	"ratemill/rating/calendar"
)

// record is a usage row between map and fold. Accounts and combinations are
// indexes that hold for this run only; the day counts from the first day of the
// window. In a spill it takes 48 bytes, or 32: see recordSpill.
//
//	id        16  the event id's 128 bits
//	occurred   8  microseconds since 1970
//	quantity   8
//	key        8  account 28 bits | day 12 | combination 24
//	place      8  file 20 bits | row 44
//
// A combination is a source with one set of its dimension values.
type record struct {
	hi, lo   uint64
	occurred int64
	quantity int64
	key      key
	place    place
}

// put writes the record into recordSize bytes.
func (r *record) put(b []byte) {
	_ = b[recordSize-1]
	binary.LittleEndian.PutUint64(b[0:], r.hi)
	binary.LittleEndian.PutUint64(b[8:], r.lo)
	binary.LittleEndian.PutUint64(b[16:], uint64(r.occurred))
	binary.LittleEndian.PutUint64(b[24:], uint64(r.quantity))
	binary.LittleEndian.PutUint64(b[32:], uint64(r.key))
	binary.LittleEndian.PutUint64(b[40:], uint64(r.place))
}

func readRecord(b []byte) record {
	_ = b[recordSize-1]
	return record{
		binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:]),
		int64(binary.LittleEndian.Uint64(b[16:])), int64(binary.LittleEndian.Uint64(b[24:])),
		key(binary.LittleEndian.Uint64(b[32:])), place(binary.LittleEndian.Uint64(b[40:])),
	}
}

// key is what usage is summed up by.
type key uint64

const (
	maxAccounts     = 1 << 28
	maxCombinations = 1 << 24
	maxDayOffset    = 1<<12 - 1 // also stands for all later days
)

func makeKey(account, day, combination uint32) key {
	return key(account)<<36 | key(day)<<24 | key(combination)
}

func (k key) account() uint32     { return uint32(k >> 36) }
func (k key) day() uint32         { return uint32(k>>24) & maxDayOffset }
func (k key) combination() uint32 { return uint32(k) & (maxCombinations - 1) }

// place is where a row came from: a file of the plan, or the list of rows
// held from earlier nights, and its number there.
type place uint64

const heldFile = 1<<20 - 1

func makePlace(file int, row int64) place { return place(file)<<44 | place(row) }

func (p place) file() int  { return int(p >> 44) }
func (p place) row() int64 { return int64(p & (1<<44 - 1)) }
func (p place) held() bool { return p.file() == heldFile }

// mix spreads the bits of x over the whole word (the finalizer of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// hashID spreads event ids over partitions. Ids are never used as they are:
// version 7 UUIDs begin with the time.
func hashID(source int, hi, lo uint64) uint64 {
	return mix(hi ^ mix(lo+uint64(source)))
}

// span is the days that a night looks at: the window up to the billing day.
type span struct {
	zone      calendar.Zone
	first     calendar.Day // history starts here; earlier rows are never billed
	oldest    calendar.Day // first day of the window
	billed    calendar.Day
	midnights []int64 // of oldest, …, billed, and the day after
}

func newSpan(zone calendar.Zone, first, billed calendar.Day, window int) span {
	s := span{zone: zone, first: first, oldest: billed - calendar.Day(window), billed: billed}
	for d := s.oldest; d <= billed+1; d++ {
		s.midnights = append(s.midnights, zone.Midnight(d))
	}
	return s
}

// dayOf is the calendar day of an instant. Most rows are of the billing day.
func (s *span) dayOf(micros int64) calendar.Day {
	last := len(s.midnights) - 1
	if micros >= s.midnights[last] || micros < s.midnights[0] {
		return s.zone.DayOf(micros)
	}
	i := last - 1
	for micros < s.midnights[i] {
		i--
	}
	return s.oldest + calendar.Day(i)
}

// billedDay is when the billing day begins and ends.
func (s *span) billedDay() (midnight, next int64) {
	last := len(s.midnights) - 1
	return s.midnights[last-1], s.midnights[last]
}

// offset is a day as it stands in a key.
func (s *span) offset(d calendar.Day) uint32 { return uint32(min(d-s.oldest, maxDayOffset)) }

// day is the day of an offset, of which the largest means any later day.
func (s *span) day(offset uint32) calendar.Day { return s.oldest + calendar.Day(offset) }
