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
	late, oldest := n.lateIDs()
	if len(late) == 0 || n.plan.before == nil {
		return nil
	}
	for e := n.plan.before; e.Day >= oldest; {
		if err := n.matchSeen(ctx, e, late); err != nil {
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

// lateIDs are the ids of all rows of earlier days, and the oldest day.
func (n *night) lateIDs() (late map[lateID]struct{}, oldest calendar.Day) {
	late, oldest = n.mapped[0].late, n.day
	for _, m := range n.mapped[1:] {
		for id := range m.late {
			late[id] = struct{}{}
		}
	}
	for id := range late {
		oldest = min(oldest, id.day)
	}
	return late, oldest
}

// matchSeen looks the late ids up among those that an entry registered.
func (n *night) matchSeen(ctx context.Context, e *Entry, late map[lateID]struct{}) error {
	file, err := outputOf(e, writers.EventIDsTable.Name)
	if err != nil {
		return err
	}
	export, err := readers.Open(ctx, n.Output, file.Key, file.Size, &seenSchema, n.Catalog.Zone)
	if err != nil {
		return ofHistory(err)
	}
	defer export.Close()
	found := make([]map[lateID]uint64, n.workers)
	err = each(ctx, n.workers, export.Splits(), func(ctx context.Context, worker, i int) error {
		if found[worker] == nil {
			found[worker] = map[lateID]uint64{}
		}
		if i+n.workers < export.Splits() {
			export.ReadAhead(ctx, i+n.workers)
		}
		return export.Read(ctx, i, func(b *readers.Batch) error { return n.matchBatch(b, late, found[worker]) })
	})
	if err != nil {
		return ofHistory(err)
	}
	for _, f := range found {
		for id, content := range f {
			n.seen[id] = content
		}
	}
	return nil
}

func (n *night) matchBatch(b *readers.Batch, late map[lateID]struct{}, found map[lateID]uint64) error {
	sources := make([]int, len(b.Columns[0].Dict.Entries))
	for i, name := range b.Columns[0].Dict.Entries {
		var err error
		if sources[i], err = n.sourceOf(name); err != nil {
			return err
		}
	}
	for row := range b.Len {
		id := lateID{source: sources[b.Columns[0].Index[row]], day: calendar.Day(b.Columns[1].Ints[row])}
		id.hi, id.lo = idBits(b.Columns[2].IDs[row])
		if _, wanted := late[id]; wanted {
			found[id] = uint64(b.Columns[3].Ints[row])
		}
	}
	return nil
}

// writeIDs registers the ids that the night billed: by source and service
// day, then by the hash of the id, which is the order of the partitions. Ids
// of groups that a rule refused for good stay free, so that corrected rows can
// come. single are those of rows that rating took one by one. While a wave of
// parts is put in order, the one before is written.
func (n *night) writeIDs(ctx context.Context, t *writers.Table[writers.SeenID], single []takenID, refused map[key]struct{}) error {
	late, today := n.sortTaken(single)
	for source, c := range n.cuts {
		if err := t.Write(n.seenRows(late[source], refused)); err != nil {
			return err
		}
		var ordered [][]writers.SeenID
		for from := 0; from < 1<<c.bits+n.wave(); from += n.wave() { // once more, to write the last wave
			wave := make([][]writers.SeenID, max(0, min(n.wave(), 1<<c.bits-from)))
			err := each(ctx, n.workers, 1+len(wave), func(_ context.Context, worker, i int) error {
				if i == 0 {
					return writeAll(t, ordered)
				}
				part := c.first + from + i - 1
				ids, err := n.takenOf(n.folded[worker], source, part, today[part])
				wave[i-1] = n.seenRows(ids, refused)
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

// takenOf adds the ids of a part's records that were summed up to others. f is
// the worker's memory.
func (n *night) takenOf(f *folded, source, part int, ids []takenID) ([]takenID, error) {
	records := &f.usage.records
	var err error
	if *records, err = n.records((*records)[:0], &f.buffer, part); err != nil {
		return nil, err
	}
	for _, m := range n.mapped {
		m.usage.drop(part)
	}
	for _, by := range n.folded { // one of them
		f.taken, err = by.ids.appendTo(f.taken[:0], part)
		if err != nil {
			return nil, err
		}
		by.ids.drop(part)
		ids = slices.Grow(ids, len(f.taken)/4)
		for at := 0; at < len(f.taken); at += 4 {
			r := &(*records)[binary.LittleEndian.Uint32(f.taken[at:])]
			ids = append(ids, takenID{source, n.day, r.hi, r.lo, n.contentOf(r), r.key, true})
		}
	}
	return ids, nil
}

// sortTaken brings the ids that are in memory together: the late ones, which
// are few, by source, and those of single rows by part.
func (n *night) sortTaken(single []takenID) (late [][]takenID, today map[int][]takenID) {
	late, today = make([][]takenID, len(n.sources)), map[int][]takenID{}
	for _, id := range single {
		if id.day < n.day {
			late[id.source] = append(late[id.source], id)
			continue
		}
		part := n.cuts[id.source].part(hashID(id.source, id.hi, id.lo))
		today[part] = append(today[part], id)
	}
	for _, f := range n.folded {
		for _, id := range f.lateIDs {
			late[id.source] = append(late[id.source], id)
		}
	}
	return late, today
}

// seenRows are ids in the order of the table, but for those of groups that a
// rule refused for good.
func (n *night) seenRows(ids []takenID, refused map[key]struct{}) []writers.SeenID {
	sorted := make([]orderedID, 0, len(ids))
	for i := range ids {
		id := &ids[i]
		if len(refused) > 0 && id.grouped {
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
