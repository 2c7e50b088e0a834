package pipeline

import (
	"context"
	"encoding/binary"

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
	n.seen[p] = ids
	return err
}

// endSeen forgets them.
func (n *night) endSeen(p int) {
	if n.seen != nil {
		n.seen[p] = nil
	}
}

// The event_ids table has two stretches, each in order: the ids of rows that
// fold summed up, by source and the hash of the id, which it writes as it goes;
// then those of all other rows, by source, service day and hash. Ids of groups
// that a rule refused for good stay free, so that corrected rows can come: a
// night that has such groups writes the first stretch again.

// writePlain writes the ids of each part of a source, in the order of the parts,
// while those of others are found out.
func (n *night) writePlain(ctx context.Context, source int, to *writers.Table[writers.SeenID], idsOf func(worker, part int, ids *[]writers.SeenID) error) error {
	c, turn := n.cuts[source], newInTurn(4*n.workers, to.Write)
	return each(ctx, n.workers, 1<<c.bits, func(_ context.Context, worker, i int) error {
		return turn.do(i, func(ids *[]writers.SeenID) error { return idsOf(worker, c.first+i, ids) })
	})
}

// finishIDs registers the ids that are known only after rating.
func (n *night) finishIDs(ctx context.Context, s *stage) error {
	if len(s.refused) > 0 {
		if err := n.writeAgain(ctx, s); err != nil {
			return err
		}
	}
	for source := range n.sources {
		if err := n.writeOthers(s, source); err != nil {
			return err
		}
	}
	return nil
}

// writeAgain begins the table anew, without the ids of groups that a rule
// refused for good.
func (n *night) writeAgain(ctx context.Context, s *stage) error {
	if err := n.restageIDs(ctx, s); err != nil {
		return err
	}
	for source := range n.sources {
		err := n.writePlain(ctx, source, s.ids, func(worker, part int, ids *[]writers.SeenID) error {
			if err := n.beginSeen(part); err != nil {
				return err
			}
			defer n.endSeen(part)
			return n.idsOf(n.folded[worker], source, part, s.refused, ids)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// appendSeen appends a row of the event_ids table. It is put together where it
// stays: see recordSpill.add.
func (n *night) appendSeen(ids []writers.SeenID, source int, day calendar.Day, hi, lo, content uint64) []writers.SeenID {
	ids = append(ids, writers.SeenID{})
	id := &ids[len(ids)-1]
	id.Source, id.ServiceDate, id.Digest = n.sources[source].name, int32(day), int64(content)
	binary.BigEndian.PutUint64(id.EventKey[:8], hi)
	binary.BigEndian.PutUint64(id.EventKey[8:], lo)
	return ids
}
