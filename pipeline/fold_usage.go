package pipeline

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"

	"ratemill/rating/calendar"
)

// usageDedupe finds the records of one partition that keep their event id, the
// same way as dedupe does, which has a claim for every row. Here rows are many
// and nearly all of them are alone with their id: a claim is made only of two
// that meet, and of what is kept.
//
// Slots go by the bits of the hash below those that chose the partition. So
// the keepers come out nearly in the order of their hash, which is that of the
// event_ids table.
type usageDedupe struct {
	slots  []usageSlot // open addressing
	losers []int32
}

// usageSlot is a record, by its number + 1, and bits of its hash that its
// place does not tell: other ids are seen without a look at their record.
type usageSlot struct{ tag, record uint32 }

func (n *night) foldUsage(f *folded, usage spills, p int) error {
	rows, err := usage.read(f.rows[:0], p)
	usage.drop(p)
	if err != nil {
		return err
	}
	f.rows = rows
	d := &f.usage
	f.addends = f.addends[:0]
	d.enter(n, rows)
	for i := range d.slots {
		if d.slots[i].record == 0 {
			continue
		}
		r := recordAt(rows, int(d.slots[i].record-1))
		if n.isPlain(&r) {
			if err := n.keepPlain(f, p, &r); err != nil {
				return err
			}
			continue
		}
		c := n.claimOf(&r)
		if content, billed := n.billed(&c); billed {
			n.loseRecord(f, &r, &c, nil, c.content == content)
			continue
		}
		n.pass(f, &c)
		if err := n.keepUsage(f, p, &r, &c); err != nil {
			return err
		}
	}
	for _, i := range d.losers {
		n.loseUsage(f, rows, int(i))
	}
	f.sums.addAll(f.addends)
	if f.sums.used < n.groupLimit {
		return nil
	}
	return n.spillGroups(f)
}

// isPlain tells whether a record that keeps its id is summed up for sure, as
// nearly all are: new, of the billing day, of an account that can be billed.
func (n *night) isPlain(r *record) bool {
	return n.trace == nil && r.key.day() == n.span.offset(n.day) && n.known[r.key.account()] && !r.place.held()
}

// keepPlain is keepUsage of a plain record, which needs no claim.
func (n *night) keepPlain(f *folded, p int, r *record) error {
	c := &n.combinations.all()[r.key.combination()]
	if n.sources[c.source].oneByOne() {
		claim := n.claimOf(r)
		n.pass(f, &claim)
		return n.passEvent(f, n.usageEvent(r, &claim))
	}
	f.files[r.place.file()].passed++
	f.addends = append(f.addends, addend{r.key, r.quantity, r.place})
	room, err := f.ids.room(n.idPart(c.source, p), takenIDSize)
	if err != nil {
		return err
	}
	id := takenID{hi: r.hi, lo: r.lo, content: usageContent(n.accountHashes[r.key.account()], c.hash, r.occurred, r.quantity), key: r.key}
	id.put(room)
	return nil
}

// enter lets all records compete for their ids.
func (d *usageDedupe) enter(n *night, rows []byte) {
	count := len(rows) / recordSize
	size := 1 << bits.Len(uint(count*3/2|15))
	d.slots = slices.Grow(d.slots[:0], size)[:size]
	clear(d.slots)
	d.losers = d.losers[:0]
	combinations := n.combinations.all()
	for i := range count {
		hi, lo, combination := idAt(rows, i)
		source := combinations[combination].source
		slot := d.slot(n, rows, source, hi, lo)
		if slot.record == 0 {
			*slot = usageSlot{uint32(hashID(source, hi, lo)), uint32(i + 1)}
			continue
		}
		there := int(slot.record - 1)
		fresh, old := recordAt(rows, i), recordAt(rows, there)
		a, b := n.claimOf(&fresh), n.claimOf(&old)
		if n.better(&a, &b) {
			slot.record, i = uint32(i+1), there
		}
		d.losers = append(d.losers, int32(i))
	}
}

// slot is the slot of an id, empty if it is new.
func (d *usageDedupe) slot(n *night, rows []byte, source int, hi, lo uint64) *usageSlot {
	mask := uint64(len(d.slots) - 1)
	hash := hashID(source, hi, lo)
	for at := hash << n.partitionBits >> (64 - bits.Len64(mask)); ; at = (at + 1) & mask {
		s := &d.slots[at]
		if s.record == 0 {
			return s
		}
		if s.tag != uint32(hash) {
			continue
		}
		h, l, combination := idAt(rows, int(s.record-1))
		if h == hi && l == lo && n.combinations.all()[combination].source == source {
			return s
		}
	}
}

// loseUsage counts a record that does not keep its id.
func (n *night) loseUsage(f *folded, rows []byte, i int) {
	r := recordAt(rows, i)
	c := n.claimOf(&r)
	winner := recordAt(rows, int(f.usage.slot(n, rows, c.source, r.hi, r.lo).record-1))
	keeper := n.claimOf(&winner)
	if content, billed := n.billed(&keeper); billed {
		n.loseRecord(f, &r, &c, nil, c.content == content)
		return
	}
	n.loseRecord(f, &r, &c, &keeper, c.content == keeper.content)
}

func (n *night) loseRecord(f *folded, r *record, c, to *claim, identical bool) {
	if n.trace != nil {
		n.trace.lost(n, n.usageEvent(r, c), to)
	}
	n.lose(f, c, n.accounts.all()[r.key.account()].id, to, identical)
}

// claimOf is a usage row's claim to its id. Its content is the account, the
// dimensions, the time and the quantity.
func (n *night) claimOf(r *record) claim {
	c := &n.combinations.all()[r.key.combination()]
	content := usageContent(n.accountHashes[r.key.account()], c.hash, r.occurred, r.quantity)
	return claim{c.source, r.hi, r.lo, n.span.day(r.key.day()), r.occurred, content, r.place, n.known[r.key.account()]}
}

// usageContent is 64 bits of what a usage row says, to tell an identical
// repeat from a conflict.
func usageContent(account, combination uint64, occurred, quantity int64) uint64 {
	return mix(mix(mix(account^combination)+uint64(occurred)) + uint64(quantity))
}

// keepUsage sums up a new row of a known account that is due; others are kept
// whole, since they may have to wait, or have waited, or are rated one by one.
func (n *night) keepUsage(f *folded, p int, r *record, c *claim) error {
	if n.trace != nil || c.day > n.day || !n.known[r.key.account()] || c.place.held() || n.sources[c.source].oneByOne() {
		return n.passEvent(f, n.usageEvent(r, c))
	}
	f.addends = append(f.addends, addend{r.key, r.quantity, r.place})
	return n.keepID(f, p, takenID{c.source, c.day, r.hi, r.lo, c.content, r.key, true})
}

// keepID keeps a row's event id for the event_ids table.
func (n *night) keepID(f *folded, p int, id takenID) error {
	if id.day < n.day {
		f.lateIDs = append(f.lateIDs, id)
		return nil
	}
	room, err := f.ids.room(n.idPart(id.source, p), takenIDSize)
	if err == nil {
		id.put(room)
	}
	return err
}

// spillGroups sends a worker's sums to the buckets of their accounts.
func (n *night) spillGroups(f *folded) error {
	for i := range f.sums.slots { // any order: reduce puts them together
		if s := &f.sums.slots[i]; s.rows > 0 {
			if err := n.spillGroup(f, s.group()); err != nil {
				return err
			}
		}
	}
	for _, g := range f.sums.full {
		if err := n.spillGroup(f, g); err != nil {
			return err
		}
	}
	f.sums.reset()
	return nil
}

func (n *night) spillGroup(f *folded, g group) error {
	room, err := f.groups.room(n.bucket(n.accountHashes[g.key.account()]), groupSize)
	if err == nil {
		g.put(room)
	}
	return err
}

// usageEvent is a usage row kept whole.
func (n *night) usageEvent(r *record, c *claim) *event {
	s := &n.sources[c.source]
	e := &event{source: c.source, hi: r.hi, lo: r.lo, account: n.accounts.all()[r.key.account()].id, occurred: r.occurred, day: c.day, place: r.place}
	if r.key.day() == maxDayOffset {
		e.day = n.span.dayOf(r.occurred)
	}
	e.cells = make([]string, len(s.schema.Fields))
	e.cells[s.account] = e.account
	e.cells[s.at] = strconv.FormatInt(r.occurred, 10)
	e.cells[s.quantity] = scaledText(r.quantity, s.decimals())
	for i, field := range s.dimensions {
		e.cells[field] = n.combinations.all()[r.key.combination()].values[i]
	}
	return e
}

// takenID is an event id that this night bills, with the key of the group
// that its row went into, if it did.
type takenID struct {
	source  int
	day     calendar.Day
	hi, lo  uint64
	content uint64
	key     key
	grouped bool
}

// takenIDSize is what an id of the billing day takes in a spill: its source
// stands in the key.
const takenIDSize = 32

// put writes the id into takenIDSize bytes.
func (t *takenID) put(b []byte) {
	_ = b[takenIDSize-1]
	binary.LittleEndian.PutUint64(b[0:], t.hi)
	binary.LittleEndian.PutUint64(b[8:], t.lo)
	binary.LittleEndian.PutUint64(b[16:], t.content)
	binary.LittleEndian.PutUint64(b[24:], uint64(t.key))
}

// readID is an id of a part of the id spills.
func (n *night) readID(source int, b []byte) takenID {
	u := binary.LittleEndian.Uint64
	return takenID{source, n.day, u(b[0:]), u(b[8:]), u(b[16:]), key(u(b[24:])), true}
}
