package pipeline

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// A row that rating cannot say anything new of waits without going there: one
// of a day to come, and usage of an account that never signed up. A day may
// consist of them, all of one account: so they stay as they were spilled, and
// become rows of the held table one by one as that is written.

// refusalOfStrangers asks rating what becomes of usage of an account that never
// signed up, once a source: it is the same for every row of it. nil: rating
// takes such rows.
func (n *night) refusalOfStrangers() []*rating.Rejection {
	all := make([]*rating.Rejection, len(n.sources))
	for i := range n.sources {
		s := &n.sources[i]
		if s.role != usageRows || s.meter == nil {
			continue
		}
		row := rating.Usage{Origin: rating.Origin{Source: s.name, Rows: 1}, Meter: s.meter.Name, ServiceDate: n.day}
		o := rating.Bill(n.Catalog, rating.Account{}, n.day, rating.Events{Usage: []rating.Usage{row}})
		if len(o.Rejections) == 1 && len(o.Unbillable) == 0 {
			all[i] = &o.Rejections[0]
		}
	}
	return all
}

// spilledEvent is what must be known of a spilled event to tell whether rating
// is asked about it.
type spilledEvent struct {
	bytes    []byte // all of it
	source   int
	hi, lo   uint64
	occurred int64
	place    place
	day      calendar.Day
	account  []byte
}

// cutEvent takes the first event off a block.
func cutEvent(b []byte) (e spilledEvent, rest []byte) {
	size := binary.LittleEndian.Uint32(b)
	u := func(i int) uint64 { return binary.LittleEndian.Uint64(b[4+i*8:]) }
	e = spilledEvent{bytes: b[:size], source: int(u(0)), hi: u(1), lo: u(2), occurred: int64(u(3)), place: place(u(4))}
	e.day = calendar.Day(binary.LittleEndian.Uint32(b[44:]))
	e.account, _ = cutBytes(b[48:])
	return e, b[size:]
}

// waitsUnasked tells whether a row waits without going to rating: refused as
// one of a stranger, or (nil) as one that is not due yet.
func (n *night) waitsUnasked(e *spilledEvent, parked map[string]bool) (refused *rating.Rejection, waits bool) {
	if e.day > n.day {
		return nil, true
	}
	if refused = n.strangers[e.source]; refused == nil || parked[string(e.account)] || n.knows(string(e.account)) {
		return nil, false
	}
	return refused, true
}

// setAsideUnasked counts a row that waits without going to rating, as settle
// does those that come from there, and keeps it.
func (n *night) setAsideUnasked(f *folded, out *tables, e *spilledEvent, refused *rating.Rejection) error {
	ends := &out.ends[e.source]
	was := waitedRow{file: uint32(e.place.file()), row: e.place.row(), firstSeen: n.day}
	if e.place.held() {
		was = n.waiting.at(e.place)
		ends.takenUp++
	}
	if refused == nil {
		if e.place.held() { // else it was counted as not due by its file
			ends.putAside++
		}
		return n.keepStranger(out, e, notYetDue)
	}
	waits, status := n.endRefused(ends, 1, was.reason != string(refused.Reason), e.day, refused)
	if status != "" {
		f.rejects.add(n, &reject{
			source: e.source, file: was.file, row: was.row, rows: 1, account: string(e.account), reason: string(refused.Reason), detail: refused.Detail,
			retryable: refused.Reason.Retryable() && status == rejectOpen, firstSeen: was.firstSeen, status: status,
		})
	}
	if !waits {
		return f.rejects.err
	}
	return n.keepStranger(out, e, string(refused.Reason))
}

// A stranger among those of a bucket: what the held table is ordered by, big-
// endian, and the event as it was spilled.
//
//	hash      8  of the account
//	source    2  its rank by name
//	occurred  8
//	id       16
//	reason    1 + its length
//	event
const strangerFixed = 8 + 2 + 8 + 16

func (n *night) keepStranger(out *tables, e *spilledEvent, reason string) error {
	if out.strangers == nil {
		out.strangers = newOrdered(n.orderedMemory(), n.TempDir, compareStrangers)
	}
	b := binary.BigEndian.AppendUint64(out.buffer[:0], accountHash(string(e.account)))
	b = binary.BigEndian.AppendUint16(b, uint16(n.sourceRanks[e.source]))
	b = binary.BigEndian.AppendUint64(b, uint64(e.occurred)^1<<63)
	b = binary.BigEndian.AppendUint64(b, e.hi)
	b = binary.BigEndian.AppendUint64(b, e.lo)
	b = append(appendText(b, reason), e.bytes...)
	out.buffer = b
	return out.strangers.add(b)
}

func compareStrangers(a, b []byte) int {
	return cmp.Or(bytes.Compare(strangerAccount(a), strangerAccount(b)), compareTails(a, b))
}

func strangerAccount(b []byte) []byte {
	_, event := cutBytes(b[strangerFixed:])
	account, _ := cutBytes(event[48:])
	return account
}

// heldStranger is a stranger as it stands in the held table.
func (n *night) heldStranger(record []byte) writers.Held {
	reason, event := cutBytes(record[strangerFixed:])
	e := readEvent(event[4:])
	it := item{source: e.source, rows: 1, event: &e, held: n.waitedHeld(&e), runDay: n.day}
	return n.holdItem(&it, string(reason), calendar.None)
}

// writeHeld writes what a bucket puts aside: the rows that come from rating,
// and the strangers, which are in the same order, merged.
func (n *night) writeHeld(t *writers.Table[writers.Held], out *tables) error {
	if out.strangers == nil {
		return t.Write(out.held)
	}
	defer out.strangers.close()
	asked := out.held
	rows := make([]writers.Held, 0, rowsAtOnce)
	add := func(h writers.Held) error {
		if rows = append(rows, h); len(rows) < cap(rows) {
			return nil
		}
		err := t.Write(rows)
		rows = rows[:0]
		return err
	}
	err := out.strangers.each(func(record []byte) error {
		h := n.heldStranger(record)
		for len(asked) > 0 && compareHeldRows(asked[0], h) < 0 {
			if err := add(asked[0]); err != nil {
				return err
			}
			asked = asked[1:]
		}
		return add(h)
	})
	if err != nil {
		return err
	}
	if err := t.Write(rows); err != nil {
		return err
	}
	return t.Write(asked)
}
