package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// writeSeen registers the event ids of the days that were folded, as far back
// as duplicates are looked for: those of the shadow, and of results of payments
// those that the entries took for which this one stands. Each stands once, by
// source, service day and the hash of the id.
func (n *rerateEntry) writeSeen(ctx context.Context, t *writers.Table[writers.SeenID]) error {
	o := newOrdered(n.memory/8, n.TempDir, compareTails)
	defer o.close()
	r := n.rerate
	for _, e := range r.nights {
		if err := n.gatherSeen(ctx, r.shadow, e, false, o); err != nil {
			return err
		}
	}
	for e := r.head; ; {
		if err := n.gatherSeen(ctx, r.output, e, true, o); err != nil {
			return err
		}
		after := e.standsAfter()
		if r.base == nil && after == 0 || r.base != nil && after <= r.base.Entry {
			break
		}
		var err error
		if e, err = ReadEntry(ctx, r.output, after); err != nil {
			return err
		}
	}
	if err := o.settle(); err != nil {
		return err
	}
	return n.writeOrdered(t, o)
}

// gatherSeen adds the ids that an entry registered within the window: those of
// results of payments, or all others.
func (n *rerateEntry) gatherSeen(ctx context.Context, b *blob.Bucket, e *Entry, payments bool, to *ordered) error {
	oldest := n.day - calendar.Day(n.Catalog.WindowDays)
	index := map[string]int{}
	for i := range n.sources {
		index[n.sources[i].name] = i
	}
	record := make([]byte, orderedIDSize)
	return eachSeen(ctx, b, e, func(k seenKey, digest uint64) error {
		source, known := index[k.source]
		if k.day < oldest || !known || (k.source == paymentsSource) != payments {
			return nil
		}
		hash := hashID(source, k.hi, k.lo)
		binary.BigEndian.PutUint16(record[0:], uint16(source))
		binary.BigEndian.PutUint32(record[2:], uint32(k.day)^1<<31)
		binary.BigEndian.PutUint16(record[6:], uint16(hash>>48))
		binary.BigEndian.PutUint64(record[8:], hash)
		binary.BigEndian.PutUint64(record[16:], k.hi)
		binary.BigEndian.PutUint64(record[24:], k.lo)
		binary.BigEndian.PutUint64(record[32:], digest)
		return to.add(record)
	})
}

// orderedIDSize is what an id takes on its way into the order of the event_ids
// table: source, service day, hash, id, digest, all big-endian.
const orderedIDSize = 40

// writeOrdered writes ids that are in order, each once.
func (n *rerateEntry) writeOrdered(t *writers.Table[writers.SeenID], o *ordered) error {
	var last []byte
	ids := make([]writers.SeenID, 0, rowsAtOnce)
	err := o.each(func(record []byte) error {
		if bytes.Equal(record, last) {
			return nil
		}
		last = append(last[:0], record...)
		u := func(i int) uint64 { return binary.BigEndian.Uint64(record[i:]) }
		source, day := int(binary.BigEndian.Uint16(record)), calendar.Day(int32(binary.BigEndian.Uint32(record[2:])^1<<31))
		if ids = n.appendSeen(ids, source, day, u(16), u(24), u(32)); len(ids) < cap(ids) {
			return nil
		}
		err := t.Write(ids)
		ids = ids[:0]
		return err
	})
	if err != nil {
		return err
	}
	return t.Write(ids)
}
