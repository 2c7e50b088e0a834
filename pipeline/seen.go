package pipeline

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// seenSchema reads the event_ids table with the readers of exports, column by
// column.
var seenSchema = readers.Schema{Source: "event_ids", Fields: []readers.Field{
	{Name: "source", Kind: readers.Text}, {Name: "service_date", Kind: readers.Date},
	{Name: "event_key", Kind: readers.EventID}, {Name: "digest", Kind: readers.Integer},
}}

// loadSeen finds out which of the night's late rows have an id that an earlier
// night billed. Only rows of earlier days can: an id is registered under its
// row's day by the night that billed it, which was not before that day. So a
// night without late rows reads nothing.
func (n *night) loadSeen(ctx context.Context) error {
	late := lateFilter{size: n.lateFilterSize(), oldest: n.day}
	for _, m := range n.mapped {
		late.merge(&m.late)
		m.late.bits = nil
	}
	if late.bits == nil || n.plan.before == nil {
		return nil
	}
	for range n.workers {
		n.seenIDs = append(n.seenIDs, newSpill(n.parts+n.partitions, n.memory/32/int64(n.workers), n.TempDir))
	}
	n.seen = make([]map[lateID]uint64, n.parts+n.partitions)
	for e := n.plan.before; e.Day >= late.oldest; {
		if err := n.matchSeen(ctx, e, &late); err != nil {
			return err
		}
		after := e.standsAfter() // a rerate registered what those that it stands for should have
		if after == 0 {
			break
		}
		var err error
		if e, err = ReadEntry(ctx, n.Output, after); err != nil {
			return err
		}
	}
	return nil
}

// matchSeen keeps of the ids that an entry registered those that the filter
// lets through, among them those of all late rows that were billed.
func (n *night) matchSeen(ctx context.Context, e *Entry, late *lateFilter) error {
	file, err := outputOf(e, writers.EventIDsTable.Name)
	if err != nil {
		return err
	}
	export, err := readers.Open(ctx, n.Output, file.Key, file.Size, &seenSchema, n.Catalog.Zone)
	if err != nil {
		return ofHistory(err)
	}
	defer export.Close()
	err = each(ctx, n.workers, export.Splits(), func(ctx context.Context, worker, i int) error {
		if i+n.workers < export.Splits() {
			export.ReadAhead(ctx, i+n.workers)
		}
		return export.Read(ctx, i, func(b *readers.Batch) error { return n.matchBatch(b, late, n.seenIDs[worker]) })
	})
	return ofHistory(err)
}

func (n *night) matchBatch(b *readers.Batch, late *lateFilter, to *spill) error {
	sources := make([]int, len(b.Columns[0].Dict.Entries))
	for i, name := range b.Columns[0].Dict.Entries {
		var err error
		if sources[i], err = n.sourceOf(name); err != nil {
			return err
		}
	}
	for row := range b.Len {
		id := lateID{source: sources[b.Columns[0].Index[row]], day: calendar.Day(b.Columns[1].Ints[row])}
		id.hi, id.lo = idBits(&b.Columns[2].IDs[row])
		if id.day < late.oldest || !late.has(id) {
			continue
		}
		room, err := to.room(n.seenPart(id.source, id.hi, id.lo), seenIDSize)
		if err != nil {
			return err
		}
		id.put(room, uint64(b.Columns[3].Ints[row]))
	}
	return nil
}

// seenIDSize is what an id that an earlier night billed takes in a spill.
const seenIDSize = 32

// put writes the id with its content into seenIDSize bytes.
func (id *lateID) put(b []byte, content uint64) {
	_ = b[seenIDSize-1]
	binary.LittleEndian.PutUint64(b[0:], id.hi)
	binary.LittleEndian.PutUint64(b[8:], id.lo)
	binary.LittleEndian.PutUint64(b[16:], content)
	binary.LittleEndian.PutUint32(b[24:], uint32(id.source))
	binary.LittleEndian.PutUint32(b[28:], uint32(id.day))
}

// seenPart is the part of an id among those that earlier nights billed: that of
// its record, or behind those the partition of its event.
func (n *night) seenPart(source int, hi, lo uint64) int {
	hash := hashID(source, hi, lo)
	if n.sources[source].hasRecords() {
		return n.cuts[source].part(hash)
	}
	return n.parts + n.partition(hash)
}

// beginSeen makes the ids of a part that earlier nights billed known while it is
// folded. A worker has a part to itself.
func (n *night) beginSeen(p int) error {
	if n.seen == nil {
		return nil
	}
	ids := map[lateID]uint64{}
	err := n.seenIDs.chunks(p, func(b []byte) error {
		for ; len(b) > 0; b = b[seenIDSize:] {
			u := binary.LittleEndian.Uint64
			w := binary.LittleEndian.Uint32
			ids[lateID{int(w(b[24:])), calendar.Day(w(b[28:])), u(b[0:]), u(b[8:])}] = u(b[16:])
		}
		return nil
	})
	n.seenIDs.drop(p)
	n.seen[p] = ids
	return err
}

// endSeen forgets them.
func (n *night) endSeen(p int) {
	if n.seen != nil {
		n.seen[p] = nil
	}
}

// writeIDs registers the ids that the night billed: by source and service
// day, then by the hash of the id, which is the order of the partitions. Ids
// of groups that a rule refused for good stay free, so that corrected rows can
// come. While a wave of parts is put in order, the one before is written.
func (n *night) writeIDs(ctx context.Context, s *stage) error {
	for source, c := range n.cuts {
		if err := n.writeLate(s, source); err != nil {
			return err
		}
		var ordered [][]writers.SeenID
		for from := 0; from < 1<<c.bits+n.wave(); from += n.wave() { // once more, to write the last wave
			wave := make([][]writers.SeenID, max(0, min(n.wave(), 1<<c.bits-from)))
			err := each(ctx, n.workers, 1+len(wave), func(_ context.Context, worker, i int) error {
				if i == 0 {
					return writeAll(s.ids, ordered)
				}
				part := c.first + from + i - 1
				ids, err := n.takenOf(n.folded[worker], s, source, part)
				wave[i-1] = n.seenRows(ids, s.refused)
				return err
			})
			if err != nil {
				return err
			}
			ordered = wave
		}
	}
	return nil
}

func writeAll(t *writers.Table[writers.SeenID], wave [][]writers.SeenID) error {
	for _, rows := range wave {
		if err := t.Write(rows); err != nil {
			return err
		}
	}
	return nil
}

// takenOf are the ids of a part: of its records that were summed up, and of
// single rows. f is the worker's memory.
func (n *night) takenOf(f *folded, s *stage, source, part int) ([]takenID, error) {
	records := &f.usage.records
	var err error
	if *records, err = n.records((*records)[:0], &f.buffer, part); err != nil {
		return nil, err
	}
	for _, m := range n.mapped {
		m.usage.drop(part)
	}
	var ids []takenID
	for _, by := range n.folded { // one of them
		f.taken, err = by.ids.appendTo(f.taken[:0], part)
		if err != nil {
			return nil, err
		}
		by.ids.drop(part)
		ids = slices.Grow(ids, len(f.taken)/4)
		for at := 0; at < len(f.taken); at += 4 {
			r := &(*records)[binary.LittleEndian.Uint32(f.taken[at:])]
			ids = append(ids, takenID{source, n.day, r.hi, r.lo, n.contentOf(r), r.key})
		}
	}
	err = s.single.chunks(part, func(b []byte) error {
		for ; len(b) > 0; b = b[takenIDSize:] {
			ids = append(ids, readTaken(source, b))
		}
		return nil
	})
	s.single.drop(part)
	return ids, err
}

// keepSingle keeps the id of a row that rating took by itself: beside those of
// records, or where there are none, with the late ones.
func (n *night) keepSingle(s *stage, id *takenID) error {
	if id.day < n.day || !n.sources[id.source].hasRecords() {
		return id.put(s.late, id.source)
	}
	return id.put(s.single, n.cuts[id.source].part(hashID(id.source, id.hi, id.lo)))
}

// seenRows are ids in the order of the table, but for those of groups that a
// rule refused for good.
func (n *night) seenRows(ids []takenID, refused map[key]struct{}) []writers.SeenID {
	sorted := make([]orderedID, 0, len(ids))
	for i := range ids {
		id := &ids[i]
		if len(refused) > 0 {
			if _, free := refused[id.key]; free {
				continue
			}
		}
		sorted = append(sorted, orderedID{hashID(id.source, id.hi, id.lo), id})
	}
	sortNearly(sorted)
	rows := make([]writers.SeenID, len(sorted))
	for i := range sorted {
		id := sorted[i].takenID
		rows[i] = writers.SeenID{Source: n.sources[id.source].name, ServiceDate: int32(id.day), Digest: int64(id.content)}
		binary.BigEndian.PutUint64(rows[i].EventKey[:8], id.hi)
		binary.BigEndian.PutUint64(rows[i].EventKey[8:], id.lo)
	}
	return rows
}

// orderedID is an id with the hash that says where it stands in the table.
type orderedID struct {
	hash uint64
	*takenID
}

func (x *orderedID) before(y *orderedID) bool {
	if x.day == y.day && x.hash != y.hash { // as nearly always
		return x.hash < y.hash
	}
	return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(x.hash, y.hash), cmp.Compare(x.hi, y.hi), cmp.Compare(x.lo, y.lo)) < 0
}

// sortNearly sorts what is nearly sorted, as fold leaves the ids of a
// partition: each is put where it belongs, a few places away. What needs more
// than a few moves an element is left to the library.
func sortNearly(all []orderedID) {
	moves := 16 * len(all)
	for i := 1; i < len(all); i++ {
		if !all[i].before(&all[i-1]) {
			continue
		}
		moved, at := all[i], i
		for ; at > 0 && moved.before(&all[at-1]); at-- {
			all[at] = all[at-1]
		}
		all[at] = moved
		if moves -= i - at; moves < 0 {
			slices.SortFunc(all, func(x, y orderedID) int { return boolInt(y.before(&x)) - boolInt(x.before(&y)) })
			return
		}
	}
}
