package pipeline

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"

	"ratemill/rating/calendar"
)

// usageDedupe finds the records of one part that keep their event id, the same
// way as dedupe does, which has a claim for every row. Here rows are many and
// nearly all of them are alone with their id: a claim is made only of two that
// meet, and of what is not plain.
//
// Slots go by the bits of the hash below those that chose the part. So the
// keepers come out nearly in the order of their hash, which is that of the
// event_ids table.
type usageDedupe struct {
	source  int
	bits    int // of the hash, which chose the part
	records []record
	slots   []usageSlot // open addressing
	losers  []int32
}

// usageSlot is a record, by its number + 1, and bits of its hash that its
// place does not tell: other ids are seen without a look at their record.
type usageSlot struct{ tag, record uint32 }

// foldUsage removes the duplicates of a part of a source's usage and sums up
// what is left.
func (n *night) foldUsage(f *folded, source, part int) error {
	d := &f.usage
	d.source, d.bits = source, n.cuts[source].bits
	var err error
	if d.records, err = n.records(d.records[:0], &f.buffer, part); err != nil {
		return err
	}
	d.enter(n)
	f.taken = f.taken[:0]
	oneByOne := n.sources[source].oneByOne()
	for i := range d.slots {
		if d.slots[i].record == 0 {
			continue
		}
		number := d.slots[i].record - 1
		r := &d.records[number]
		if !oneByOne && n.isPlain(r) {
			f.files[r.place.file()].passed++
			f.taken = binary.LittleEndian.AppendUint32(f.taken, number)
			f.addends = append(f.addends, addend{r.key, r.quantity, r.place})
		} else if err := n.settleUsage(f, r); err != nil {
			return err
		}
	}
	if err := n.addUp(f); err != nil {
		return err
	}
	for _, i := range d.losers {
		n.loseUsage(f, &d.records[i])
	}
	if len(f.taken) == 0 {
		return nil
	}
	if err := f.ids.add(part, f.taken); err != nil {
		return err
	}
	return f.ids.settle(part)
}

// isPlain tells whether a record that keeps its id is summed up for sure, as
// nearly all are: new, of the billing day, of an account that can be billed.
func (n *night) isPlain(r *record) bool {
	return n.trace == nil && r.key.day() == n.span.offset(n.day) && n.known[r.key.account()] && !r.place.held()
}

// settleUsage deals with a record that keeps its id and is not plain.
func (n *night) settleUsage(f *folded, r *record) error {
	c := n.claimOf(r)
	if content, billed := n.billed(&c); billed {
		n.loseRecord(f, r, &c, nil, c.content == content)
		return nil
	}
	n.pass(f, &c)
	return n.keepUsage(f, r, &c)
}

// enter lets all records compete for their ids.
func (d *usageDedupe) enter(n *night) {
	size := 1 << bits.Len(uint(len(d.records)*3/2|15))
	d.slots = slices.Grow(d.slots[:0], size)[:size]
	clear(d.slots)
	d.losers = d.losers[:0]
	for i := range d.records {
		r := &d.records[i]
		hash := hashID(d.source, r.hi, r.lo)
		slot := d.slot(hash, r.hi, r.lo)
		if slot.record == 0 {
			*slot = usageSlot{uint32(hash), uint32(i + 1)}
			continue
		}
		there := int(slot.record - 1)
		a, b := n.claimOf(r), n.claimOf(&d.records[there])
		if n.better(&a, &b) {
			slot.record, i = uint32(i+1), there
		}
		d.losers = append(d.losers, int32(i))
	}
}

// slot is the slot of an id, empty if it is new.
func (d *usageDedupe) slot(hash, hi, lo uint64) *usageSlot {
	mask := uint64(len(d.slots) - 1)
	for at := hash << d.bits >> (64 - bits.Len64(mask)); ; at = (at + 1) & mask {
		s := &d.slots[at]
		if s.record == 0 {
			return s
		}
		if s.tag != uint32(hash) {
			continue
		}
		if r := &d.records[s.record-1]; r.hi == hi && r.lo == lo {
			return s
		}
	}
}

// loseUsage counts a record that does not keep its id.
func (n *night) loseUsage(f *folded, r *record) {
	c, d := n.claimOf(r), &f.usage
	keeper := n.claimOf(&d.records[d.slot(hashID(d.source, r.hi, r.lo), r.hi, r.lo).record-1])
	if content, billed := n.billed(&keeper); billed {
		n.loseRecord(f, r, &c, nil, c.content == content)
		return
	}
	n.loseRecord(f, r, &c, &keeper, c.content == keeper.content)
}

func (n *night) loseRecord(f *folded, r *record, c, to *claim, identical bool) {
	if n.trace != nil {
		n.trace.lost(n, n.usageEvent(r, c), to)
	}
	n.lose(f, c, n.accounts.name(r.key.account()), to, identical)
}

// claimOf is a usage row's claim to its id.
func (n *night) claimOf(r *record) claim {
	source := n.combinations.all()[r.key.combination()].source
	return claim{source, r.hi, r.lo, n.span.day(r.key.day()), r.occurred, n.contentOf(r), r.place, n.known[r.key.account()]}
}

// contentOf is what a usage row says: the account, the dimensions, the time and
// the quantity.
func (n *night) contentOf(r *record) uint64 {
	return usageContent(n.accountHashes[r.key.account()], n.combinations.all()[r.key.combination()].hash, r.occurred, r.quantity)
}

// usageContent is 64 bits of what a usage row says, to tell an identical
// repeat from a conflict.
func usageContent(account, combination uint64, occurred, quantity int64) uint64 {
	return mix(mix(mix(account^combination)+uint64(occurred)) + uint64(quantity))
}

// keepUsage sums up a new row of a known account that is due; others are kept
// whole, since they may have to wait, or have waited, or are rated one by one.
func (n *night) keepUsage(f *folded, r *record, c *claim) error {
	if n.trace != nil || c.day > n.day || !n.known[r.key.account()] || c.place.held() || n.sources[c.source].oneByOne() {
		return n.passEvent(f, n.usageEvent(r, c))
	}
	f.addends = append(f.addends, addend{r.key, r.quantity, r.place})
	id := takenID{c.source, c.day, r.hi, r.lo, c.content, r.key}
	return id.put(f.late, c.source)
}

// addUp adds rows to the sums, which are spilled where they become too many.
func (n *night) addUp(f *folded) error {
	f.sums.addAll(f.addends)
	f.addends = f.addends[:0]
	if f.sums.used < mostSums {
		return nil
	}
	return n.spillSums(f)
}

// spillSums sends a worker's sums to the buckets of their accounts.
func (n *night) spillSums(f *folded) error {
	for i := range f.sums.slots { // any order: reduce puts them together
		if g := &f.sums.slots[i]; g.rows > 0 {
			if err := n.spillSum(f, g); err != nil {
				return err
			}
		}
	}
	for i := range f.sums.full {
		if err := n.spillSum(f, &f.sums.full[i]); err != nil {
			return err
		}
	}
	f.sums.reset()
	return nil
}

func (n *night) spillSum(f *folded, g *sum) error {
	hash := mix(uint64(g.key.account()))
	if !n.sumAtOnce { // there, accounts are still being learnt
		hash = n.accountHashes[g.key.account()]
	}
	return g.put(f.groups, n.bucket(hash))
}

// usageEvent is a usage row kept whole.
func (n *night) usageEvent(r *record, c *claim) *event {
	s := &n.sources[c.source]
	e := &event{source: c.source, hi: r.hi, lo: r.lo, account: n.accounts.name(r.key.account()), occurred: r.occurred, day: c.day, place: r.place}
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
// that its row went into.
type takenID struct {
	source  int
	day     calendar.Day
	hi, lo  uint64
	content uint64
	key     key // noGroup: of none
}

// noGroup is the key of no group: no sum is of such a day.
const noGroup = ^key(0)
