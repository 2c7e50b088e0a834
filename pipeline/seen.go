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
		if e.Predecessor == nil {
			break
		}
		var err error
		if e, err = ReadEntry(ctx, n.Output, e.Predecessor.Entry); err != nil {
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
		return err
	}
	defer export.Close()
	found := make([]map[lateID]uint64, n.workers)
	err = each(ctx, n.workers, export.Splits(), func(ctx context.Context, worker, i int) error {
		if found[worker] == nil {
			found[worker] = map[lateID]uint64{}
		}
		return export.Read(ctx, i, func(b *readers.Batch) error { return n.matchBatch(b, late, found[worker]) })
	})
	if err != nil {
		return err
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
// come.
func (n *night) writeIDs(t *writers.Table[writers.SeenID], single []takenID, refused map[key]struct{}) error {
	late, err := n.lateTaken(single, refused)
	if err != nil {
		return err
	}
	for source := range n.sources {
		own := slices.DeleteFunc(slices.Clone(late), func(id takenID) bool { return id.source != source })
		if err := n.writeSorted(t, own); err != nil {
			return err
		}
		for p := range n.partitions {
			today, err := n.takenOf(p, single, refused, func(id takenID) bool { return id.source == source && id.day == n.day })
			if err != nil {
				return err
			}
			if err := n.writeSorted(t, today); err != nil {
				return err
			}
		}
	}
	return nil
}

// lateTaken are the ids of earlier days, which are few.
func (n *night) lateTaken(single []takenID, refused map[key]struct{}) ([]takenID, error) {
	var all []takenID
	for p := range n.partitions {
		some, err := n.takenOf(p, single, refused, func(id takenID) bool { return id.day < n.day })
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// takenOf are the ids of one partition that are wanted.
func (n *night) takenOf(p int, single []takenID, refused map[key]struct{}, wanted func(takenID) bool) ([]takenID, error) {
	var ids []takenID
	for _, id := range single {
		if wanted(id) && n.partition(hashID(id.source, id.hi, id.lo)) == p {
			ids = append(ids, id)
		}
	}
	for _, f := range n.folded {
		bytes, err := f.ids.appendTo(nil, p)
		if err != nil {
			return nil, err
		}
		for at := 0; at < len(bytes); at += takenIDSize {
			id := readID(bytes[at:])
			if _, free := refused[id.key]; !free && wanted(id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

func (n *night) writeSorted(t *writers.Table[writers.SeenID], ids []takenID) error {
	slices.SortFunc(ids, func(x, y takenID) int {
		return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(hashID(x.source, x.hi, x.lo), hashID(y.source, y.hi, y.lo)),
			cmp.Compare(x.hi, y.hi), cmp.Compare(x.lo, y.lo))
	})
	rows := make([]writers.SeenID, len(ids))
	for i, id := range ids {
		rows[i] = writers.SeenID{Source: n.sources[id.source].name, ServiceDate: int32(id.day), Digest: int64(id.content)}
		binary.BigEndian.PutUint64(rows[i].EventKey[:8], id.hi)
		binary.BigEndian.PutUint64(rows[i].EventKey[8:], id.lo)
	}
	return t.Write(rows)
}
