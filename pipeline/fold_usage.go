package pipeline

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"

	"ratemill/rating/calendar"
	"ratemill/writers"
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
	keepers []usageSlot // of the slots, in the order of the hash
	losers  []int32
}

// usageSlot is a record, by its number + 1, and the bits of its hash below
// those that chose the part: other ids are seen without a look at their record.
type usageSlot struct{ tag, record uint32 }

// enterPart reads the records of a part of a source's usage and lets them
// compete for their ids. The keepers come in the order of the event_ids table if
// that is asked for, else in any.
func (n *night) enterPart(f *folded, source, part int, inOrder bool) error {
	d := &f.usage
	d.source, d.bits = source, n.cuts[source].bits
	var err error
	if d.records, err = n.records(d.records[:0], &f.buffer, part); err != nil {
		return err
	}
	d.enter(n)
	if d.keep(); inOrder {
		d.sortNearly()
	}
	return nil
}

// foldUsage removes the duplicates of a part of a source's usage and sums up
// what is left. It appends the ids of the rows that are plain to ids, if they are
// asked for, in the order of the event_ids table.
func (n *night) foldUsage(f *folded, source, part int, ids *[]writers.SeenID) error {
	if err := n.enterPart(f, source, part, ids != nil || n.trace != nil); err != nil {
		return err
	}
	d := &f.usage
	for some := range slices.Chunk(d.keepers, rowsInStep) {
		if err := n.foldKeepers(f, source, some, ids); err != nil {
			return err
		}
	}
	for _, i := range d.losers {
		n.loseUsage(f, &d.records[i])
	}
	return n.addUp(f)
}

// foldStep is records that are plain, with the hashes of their accounts, which
// lie anywhere: they are asked for together, before any is used.
type foldStep struct {
	records [rowsInStep]*record
	hashes  [rowsInStep]uint64
}

// foldKeepers is foldUsage of some records that keep their ids.
func (n *night) foldKeepers(f *folded, source int, keepers []usageSlot, ids *[]writers.SeenID) error {
	s, plain, oneByOne := &f.step, 0, n.sources[source].oneByOne()
	for i := range keepers {
		r := &f.usage.records[keepers[i].record-1]
		if oneByOne || !n.isPlain(r) {
			if err := n.settleUsage(f, r); err != nil {
				return err
			}
			continue
		}
		s.records[plain], s.hashes[plain] = r, n.accountHashes[r.key.account()]
		plain++
	}
	for _, r := range s.records[:plain] {
		f.files[r.place.file()].passed++
		f.addends = append(f.addends, addend{r.key, r.quantity, r.place})
	}
	if ids == nil {
		return nil
	}
	for i, r := range s.records[:plain] {
		content := usageContent(s.hashes[i], n.combinationHashes[r.key.combination()], r.occurred, r.quantity)
		*ids = n.appendSeen(*ids, source, n.day, r.hi, r.lo, content)
	}
	return nil
}

// idsOf appends the ids that foldUsage did, without those of groups that a rule
// refused for good.
func (n *night) idsOf(f *folded, source, part int, refused map[key]struct{}, ids *[]writers.SeenID) error {
	if n.sources[source].oneByOne() {
		return nil
	}
	if err := n.enterPart(f, source, part, true); err != nil {
		return err
	}
	for _, m := range n.mapped {
		m.usage.drop(part)
	}
	d := &f.usage
	for i := range d.keepers {
		r := &d.records[d.keepers[i].record-1]
		if _, free := refused[r.key]; !free && n.isPlain(r) {
			*ids = n.appendSeen(*ids, source, n.day, r.hi, r.lo, n.contentOf(r))
		}
	}
	return nil
}

// isPlain tells whether a record that keeps its id is summed up for sure, and
// will hardly be refused, as nearly all are: new, of the billing day, of a
// steady account.
func (n *night) isPlain(r *record) bool {
	return n.trace == nil && r.key.day() == n.span.offset(n.day) && n.steady[r.key.account()] && !r.place.held()
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
		hash := d.hash(r.hi, r.lo)
		slot := d.slot(hash, r.hi, r.lo)
		if slot.record == 0 {
			*slot = usageSlot{uint32(hash >> 32), uint32(i + 1)}
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

// hash is what the hash of an id has below the bits that chose the part.
func (d *usageDedupe) hash(hi, lo uint64) uint64 { return hashID(d.source, hi, lo) << d.bits }

// slot is the slot of an id, empty if it is new.
func (d *usageDedupe) slot(hash, hi, lo uint64) *usageSlot {
	mask := uint64(len(d.slots) - 1)
	for at := hash >> (64 - bits.Len64(mask)); ; at = (at + 1) & mask {
		s := &d.slots[at]
		if s.record == 0 {
			return s
		}
		if s.tag != uint32(hash>>32) {
			continue
		}
		if r := &d.records[s.record-1]; r.hi == hi && r.lo == lo {
			return s
		}
	}
}

// keep sets keepers, which are nearly sorted: a slot is at the place of its hash
// or a few behind, but for those at the beginning that found no room at the end.
func (d *usageDedupe) keep() {
	d.keepers = d.keepers[:0]
	i := 0
	for ; d.slots[i].record != 0; i++ {
		if s := d.slots[i]; s.tag>>31 == 0 {
			d.keepers = append(d.keepers, s)
		}
	}
	atStart, kept := i, len(d.keepers)
	d.keepers = slices.Grow(d.keepers, len(d.records)+1)[:len(d.records)+1]
	for _, s := range d.slots[i:] { // without a branch, which nobody could foretell
		d.keepers[kept] = s
		if s.record != 0 {
			kept++
		}
	}
	d.keepers = d.keepers[:kept]
	for _, s := range d.slots[:atStart] {
		if s.tag>>31 != 0 {
			d.keepers = append(d.keepers, s)
		}
	}
}

// sortNearly sorts the keepers, which are nearly sorted: each is put where it
// belongs, a few places away. What needs more than a few moves an element is
// left to the library.
func (d *usageDedupe) sortNearly() {
	all := d.keepers
	moves := 16 * len(all)
	for i := 1; i < len(all); i++ {
		if all[i].tag > all[i-1].tag || !d.before(all[i], all[i-1]) { // as nearly always
			continue
		}
		moved, at := all[i], i
		for ; at > 0 && d.before(moved, all[at-1]); at-- {
			all[at] = all[at-1]
		}
		all[at] = moved
		if moves -= i - at; moves < 0 {
			slices.SortFunc(all, func(x, y usageSlot) int { return boolInt(d.before(y, x)) - boolInt(d.before(x, y)) })
			return
		}
	}
}

// before is the order of the event_ids table: that of the hash, then of the id.
func (d *usageDedupe) before(x, y usageSlot) bool {
	if x.tag != y.tag {
		return x.tag < y.tag
	}
	a, b := &d.records[x.record-1], &d.records[y.record-1]
	return cmp.Or(cmp.Compare(d.hash(a.hi, a.lo), d.hash(b.hi, b.lo)), cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo)) < 0
}

// loseUsage counts a record that does not keep its id.
func (n *night) loseUsage(f *folded, r *record) {
	c, d := n.claimOf(r), &f.usage
	keeper := n.claimOf(&d.records[d.slot(d.hash(r.hi, r.lo), r.hi, r.lo).record-1])
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
	return usageContent(n.accountHashes[r.key.account()], n.combinationHashes[r.key.combination()], r.occurred, r.quantity)
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
	for rows := range slices.Chunk(f.addends, addedAtOnce) {
		f.sums.addAll(rows)
		if f.sums.used < mostSums {
			continue
		}
		if err := n.spillSums(f); err != nil {
			return err
		}
	}
	f.addends = f.addends[:0]
	return nil
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
