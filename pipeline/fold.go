package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// conflictingDuplicate is the reason of a row whose event id is taken by a row
// with other content.
const conflictingDuplicate = "conflicting_duplicate"

// folded is what one worker made of the partitions that it folded.
type folded struct {
	groups *spill // sums, by bucket of the account
	events *spill // rows kept whole, by bucket of the account
	late   *spill // ids of rows of earlier days that are summed up, by source

	sums     sums
	billing  billing  // in reduce
	addends  []addend // rows on their way into sums
	changed  []uint32 // accounts that an event changes tonight, other than by signing up
	files    []fileCounts
	lostHeld []int64 // rows that waited and lost their id to another, by source
	rejects  *rejectSpill
	dedupe   dedupe
	usage    usageDedupe
	step     foldStep
	buffer   []byte
}

// foldPartitions removes duplicates within each id partition and sums up what
// is left, by account, day and combination of dimension values. An event id
// lands in one partition whatever its account, so one that comes under two
// accounts is seen. The ids of rows that are summed up go to a table of event
// ids, if there is one.
func (n *night) foldPartitions(ctx context.Context, ids *writers.Table[writers.SeenID]) error {
	events := make(spills, n.workers)
	for w, m := range n.mapped {
		events[w] = m.events
	}
	n.lineHashesUp()
	err := each(ctx, n.workers, n.partitions, func(_ context.Context, worker, p int) error {
		f := n.folded[worker]
		err := n.foldEventsPart(f, events, p)
		n.watcher().Advances(1, int64(len(f.dedupe.claims)))
		return err
	})
	if err != nil {
		return err
	}
	n.findSteady()
	for source := range n.sources {
		if err := n.foldSource(ctx, source, ids); err != nil {
			return err
		}
	}
	return each(ctx, n.workers, n.workers, func(_ context.Context, _, w int) error {
		f := n.folded[w]
		err := firstOf(n.spillSums(f), f.groups.unload(), n.mapped[w].usage.unload())
		f.sums, f.usage = sums{}, usageDedupe{} // reduce has other uses for the memory
		return err
	})
}

// lineHashesUp puts the hashes of all accounts and combinations side by side:
// fold looks at one of each for every row. Map has met all of them.
func (n *night) lineHashesUp() {
	n.accountHashes, n.combinationHashes = n.accounts.all(), make([]uint64, len(n.combinations.all()))
	for i := range n.combinationHashes {
		n.combinationHashes[i] = n.combinations.all()[i].hash
	}
}

// findSteady finds the accounts whose usage of the billing day is not refused
// for what the account is: known ones that are not closed, were not suspended
// within the window, and that nothing changes tonight. It is a guess, which
// saves work where it is right.
func (n *night) findSteady() {
	n.steady = slices.Clone(n.known)
	changed := [][]uint32{n.unsteady}
	for w, f := range n.folded {
		changed = append(changed, n.mapped[w].changed, f.changed)
		n.mapped[w].changed, f.changed = nil, nil
	}
	n.unsteady = nil
	for _, i := range slices.Concat(changed...) {
		n.steady[i] = false
	}
}

// foldSource folds a source's usage, part by part.
func (n *night) foldSource(ctx context.Context, source int, ids *writers.Table[writers.SeenID]) error {
	fold := func(worker, part int, ids *[]writers.SeenID) error {
		f := n.folded[worker]
		err := n.foldUsagePart(f, source, part, ids)
		n.watcher().Advances(1, int64(len(f.usage.records)))
		return err
	}
	if ids != nil {
		return n.writePlain(ctx, source, ids, fold)
	}
	c := n.cuts[source]
	return each(ctx, n.workers, 1<<c.bits, func(_ context.Context, worker, i int) error { return fold(worker, c.first+i, nil) })
}

// foldUsagePart folds a part of a source's usage, beside what earlier nights
// billed of it.
func (n *night) foldUsagePart(f *folded, source, part int, ids *[]writers.SeenID) error {
	if err := n.beginSeen(part); err != nil {
		return err
	}
	defer n.endSeen(part)
	return firstOf(n.foldUsage(f, source, part, ids), f.rejects.err, n.waiting.failed())
}

// foldEventsPart is foldUsagePart of a partition of events.
func (n *night) foldEventsPart(f *folded, events spills, p int) error {
	if err := n.beginSeen(n.parts + p); err != nil {
		return err
	}
	defer n.endSeen(n.parts + p)
	return firstOf(n.foldEvents(f, events, p), f.rejects.err, n.waiting.failed())
}

// newFolded is a worker's memory for the fold phase. With map's it makes up the
// memory that rows may take before they are spilled: a quarter for records, an
// eighth each for events, groups and events again. The rest is for what few days
// have much of: rejects, late ids, rows that wait.
func (n *night) newFolded() *folded {
	share := n.memory / 8 / int64(n.workers)
	return &folded{
		groups: newSpill(n.buckets, share, n.TempDir), events: newSpill(n.buckets, share, n.TempDir),
		late: newSpill(len(n.sources), share/4, n.TempDir), rejects: n.newRejects(),
		files: make([]fileCounts, len(n.files)), lostHeld: make([]int64, len(n.sources)),
	}
}

// claim is what a row says of itself when its event id is looked at.
type claim struct {
	source   int
	hi, lo   uint64
	day      calendar.Day
	occurred int64
	content  uint64
	place    place
	known    bool // its account can be billed tonight
}

// better tells whether a keeps the id rather than b, of two rows with the same
// id: what earlier nights billed, else what can be billed tonight (so that a
// corrected row wins over one that waits for its account), else the earlier,
// else the one with the smaller content. Among identical rows what earlier
// nights put aside goes first, then the place, which decides nothing but which
// row is counted as the duplicate (never the order of files).
func (n *night) better(a, b *claim) bool {
	_, aBilled := n.billed(a)
	_, bBilled := n.billed(b)
	return cmp.Or(first(aBilled, bBilled), first(a.known, b.known), cmp.Compare(a.occurred, b.occurred), cmp.Compare(a.content, b.content),
		first(a.place.held(), b.place.held()), cmp.Compare(a.place, b.place)) < 0
}

// first puts what has a property before what has not.
func first(a, b bool) int { return cmp.Compare(boolInt(b), boolInt(a)) }

// dedupe finds the rows of one partition that keep their event id. Its memory
// is used again for the next partition.
type dedupe struct {
	claims []claim
	slots  []int32 // open addressing; index of the keeper + 1
	losers []int32
}

// keepers calls keep for each row that keeps its id, and lose for each other
// one, with the keeper's claim, or nil where an earlier night billed the id.
func (d *dedupe) keepers(n *night, f *folded, keep func(i int) error, lose func(i int, to *claim, identical bool)) error {
	size := 1 << bits.Len(uint(len(d.claims)*3/2|15))
	d.slots = slices.Grow(d.slots[:0], size)[:size]
	clear(d.slots)
	d.losers = d.losers[:0]
	for i := range d.claims {
		d.enter(n, int32(i))
	}
	for _, slot := range d.slots {
		if slot == 0 {
			continue
		}
		c := &d.claims[slot-1]
		if content, billed := n.billed(c); billed {
			lose(int(slot-1), nil, c.content == content)
			continue
		}
		n.pass(f, c)
		if err := keep(int(slot - 1)); err != nil {
			return err
		}
	}
	for _, i := range d.losers {
		c := &d.claims[i]
		keeper := &d.claims[*d.slot(c)-1]
		if content, billed := n.billed(keeper); billed {
			lose(int(i), nil, c.content == content)
			continue
		}
		lose(int(i), keeper, c.content == keeper.content)
	}
	return nil
}

// pass counts a new row that keeps its id.
func (n *night) pass(f *folded, c *claim) {
	switch {
	case c.place.held():
	case c.day > n.day:
		f.files[c.place.file()].notDue++
	default:
		f.files[c.place.file()].passed++
	}
}

// enter lets a claim compete for its id.
func (d *dedupe) enter(n *night, i int32) {
	c := &d.claims[i]
	slot := d.slot(c)
	switch {
	case *slot == 0:
		*slot = i + 1
	case n.better(c, &d.claims[*slot-1]):
		d.losers = append(d.losers, *slot-1)
		*slot = i + 1
	default:
		d.losers = append(d.losers, i)
	}
}

// slot is the slot of a claim's id, empty if it is new.
func (d *dedupe) slot(c *claim) *int32 {
	mask := uint64(len(d.slots) - 1)
	for at := hashID(c.source, c.hi, c.lo) & mask; ; at = (at + 1) & mask {
		s := &d.slots[at]
		if *s == 0 {
			return s
		}
		if o := &d.claims[*s-1]; o.lo == c.lo && o.hi == c.hi && o.source == c.source {
			return s
		}
	}
}

// billed is the content under which an earlier night billed the claim's id.
// Only ids of earlier days can have been; what was put aside was not.
func (n *night) billed(c *claim) (content uint64, billed bool) {
	if n.seen == nil || c.day >= n.day || c.place.held() {
		return 0, false
	}
	content, billed = n.seen[n.seenPart(c.source, c.hi, c.lo)][lateID{c.source, c.day, c.hi, c.lo}]
	return content, billed
}

// lose counts a row that does not keep its id.
func (n *night) lose(f *folded, c *claim, account string, to *claim, identical bool) {
	if identical && !c.place.held() {
		f.files[c.place.file()].duplicate++
		return
	}
	r := reject{source: c.source, rows: 1, account: account, reason: conflictingDuplicate, firstSeen: n.day, status: rejectOpen, taken: true}
	if to != nil {
		r.takenBy = to.place
	} else {
		r.taken, r.detail = false, "the event id was billed by an earlier night with other content"
	}
	if c.place.held() { // it waited, and is now known to be wrong
		w := n.waiting.at(c.place)
		r.file, r.row, r.firstSeen, r.status = w.file, w.row, w.firstSeen, writtenOff
		f.lostHeld[c.source]++
	} else {
		r.file, r.row = uint32(c.place.file()), c.place.row()
		f.files[c.place.file()].rejected++
	}
	f.rejects.add(n, &r)
}

// where names a place for people.
func (n *night) where(p place) string {
	if p.held() {
		w := n.waiting.at(p)
		return fmt.Sprintf("%s row %d", n.names.list[w.file], w.row)
	}
	return fmt.Sprintf("%s row %d", n.files[p.file()].Key, p.row())
}

func (n *night) passEvent(f *folded, e *event) error {
	if n.trace != nil {
		return n.trace.kept(n, e)
	}
	f.buffer = e.append(f.buffer[:0])
	return f.events.add(n.bucket(accountHash(e.account)), f.buffer)
}

func (n *night) foldEvents(f *folded, spilled spills, p int) error {
	rows, err := spilled.read(nil, p)
	spilled.drop(p)
	if err != nil {
		return err
	}
	events := readEvents(rows)
	d := &f.dedupe
	d.claims = d.claims[:0]
	for i := range events {
		e := &events[i]
		d.claims = append(d.claims, claim{e.source, e.hi, e.lo, e.day, e.occurred, e.content(), e.place, n.knows(e.account)})
	}
	return d.keepers(n, f,
		func(i int) error {
			n.noteChange(f, &events[i])
			return n.passEvent(f, &events[i])
		},
		func(i int, to *claim, identical bool) {
			if n.trace != nil {
				n.trace.lost(n, &events[i], to)
			}
			n.lose(f, &d.claims[i], events[i].account, to, identical)
		})
}

// noteChange keeps whose account an event changes tonight.
func (n *night) noteChange(f *folded, e *event) {
	if n.sources[e.source].role != accountRows || n.signsUp(e) || e.day > n.day {
		return
	}
	if i, found := n.accounts.find(e.account); found {
		f.changed = append(f.changed, i)
	}
}
