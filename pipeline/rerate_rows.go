package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// dimensions are the dimension columns of rated_usage of all the nights that
// are compared.
func (r *rerate) dimensions(ctx context.Context) ([]string, error) {
	all := DimensionNames(r.Catalog)
	for _, of := range []struct {
		bucket  *blob.Bucket
		entries []*Entry
	}{{r.output, r.issued}, {r.shadow, r.nights}} {
		for _, e := range of.entries {
			names, err := dimensionsOf(ctx, of.bucket, e)
			if err != nil {
				return nil, err
			}
			all = append(all, names...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// dimensionsOf are the dimension columns of an entry's rated_usage.
func dimensionsOf(ctx context.Context, b *blob.Bucket, e *Entry) ([]string, error) {
	file, err := outputOf(e, writers.RatedUsageTable.Name)
	if err != nil {
		return nil, err
	}
	names, err := writers.Dimensions(&object{ctx: ctx, bucket: b, key: file.Key, size: file.Size}, file.Size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Key, err)
	}
	return names, nil
}

// openRated opens rated_usage of several entries, with the entry's columns.
func (n *rerateEntry) openRated(ctx context.Context, b *blob.Bucket, entries []*Entry) (cursors[writers.RatedUsage], error) {
	all, err := openCursors(ctx, b, entries, writers.RatedUsageTable, func(r *writers.RatedUsage) string { return r.AccountID })
	for i, c := range all {
		names, err := dimensionsOf(ctx, b, entries[i])
		if err != nil {
			all.close()
			return nil, err
		}
		c.change = func(r *writers.RatedUsage) {
			values := make([]string, len(n.dimensions))
			for d, name := range names {
				values[slices.Index(n.dimensions, name)] = r.Dimensions[d]
			}
			r.Dimensions = values
		}
	}
	return all, err
}

// ratedDifference is usage as it should have been rated less as it was. When
// it came, and so when it fell due, makes no difference.
func (n *rerateEntry) ratedDifference(was, is []writers.RatedUsage) []writers.RatedUsage {
	var all []writers.RatedUsage
	at := map[string]int{}
	add := func(r writers.RatedUsage, sign int64) {
		key := ratedKey(&r)
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, r)
			all[i].Rows, all[i].Quantity, all[i].Amount = 0, writers.Wide{}, writers.Wide{}
		}
		to := &all[i]
		to.Rows += sign * r.Rows
		to.Quantity, to.Amount = addWide(to.Quantity, r.Quantity, sign), addWide(to.Amount, r.Amount, sign)
	}
	for _, r := range is {
		add(r, 1)
	}
	for _, r := range was {
		add(r, -1)
	}
	all = slices.DeleteFunc(all, func(r writers.RatedUsage) bool {
		return r.Rows == 0 && r.Quantity == writers.Wide{} && r.Amount == writers.Wide{}
	})
	slices.SortStableFunc(all, func(x, y writers.RatedUsage) int {
		return cmp.Or(cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.ServiceDate, y.ServiceDate), slices.Compare(x.Dimensions, y.Dimensions),
			cmp.Compare(x.Description, y.Description), cmp.Compare(ratedKey(&x), ratedKey(&y)))
	})
	return all
}

func ratedKey(r *writers.RatedUsage) string {
	return fmt.Sprintf("%q %q %d %x %q %q %q %s", r.Meter, r.Source, r.ServiceDate, r.UnitPrice, r.Currency, r.Rule, r.Description, strings.Join(r.Dimensions, "\x00"))
}

// addWide is x ± y. Both have fitted their columns; so does what is left when
// one is taken from the other, and a sum of an account's days.
func addWide(x, y writers.Wide, sign int64) writers.Wide {
	sum := writers.FromWide(x)
	if sign < 0 {
		sum = sum.Sub(writers.FromWide(y))
	} else {
		sum = sum.Add(writers.FromWide(y))
	}
	return wide(sum)
}

// writeSeen registers the event ids of the days that were folded, as far back
// as duplicates are looked for: those of the shadow, and of results of payments
// those that the entries took for which this one stands.
func (n *rerateEntry) writeSeen(ctx context.Context, t *writers.Table[writers.SeenID]) error {
	r := n.rerate
	var tables []*seenTable
	defer func() {
		for _, s := range tables {
			s.close()
		}
	}()
	open := func(b *blob.Bucket, e *Entry, payments bool) error {
		s, err := n.openSeen(ctx, b, e, payments)
		if err != nil {
			return err
		}
		tables = append(tables, s)
		return s.advance()
	}
	for _, e := range r.nights {
		if err := open(r.shadow, e, false); err != nil {
			return err
		}
	}
	for e := r.head; ; {
		if err := open(r.output, e, true); err != nil {
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
	return n.mergeSeen(t, tables)
}

// mergeSeen writes several tables of ids as one, in its order.
func (n *rerateEntry) mergeSeen(t *writers.Table[writers.SeenID], tables []*seenTable) error {
	var last writers.SeenID
	for {
		var first *seenTable
		for _, s := range tables {
			if s.more && (first == nil || s.compare(first) < 0) {
				first = s
			}
		}
		if first == nil {
			return nil
		}
		if first.row != last {
			last = first.row
			if err := t.Write([]writers.SeenID{last}); err != nil {
				return err
			}
		}
		if err := first.advance(); err != nil {
			return err
		}
	}
}

// seenTable reads the ids of an entry that a rerate registers.
type seenTable struct {
	next  func() (writers.SeenID, error, bool)
	close func()
	at    func(*writers.SeenID) (source int, hash uint64)

	row    writers.SeenID
	source int
	hash   uint64
	more   bool
}

func (s *seenTable) compare(o *seenTable) int {
	return cmp.Or(cmp.Compare(s.source, o.source), cmp.Compare(s.row.ServiceDate, o.row.ServiceDate), cmp.Compare(s.hash, o.hash))
}

func (s *seenTable) advance() error {
	row, err, more := s.next()
	s.row, s.more = row, more
	if more {
		s.source, s.hash = s.at(&row)
	}
	return err
}

func (n *rerateEntry) openSeen(ctx context.Context, b *blob.Bucket, e *Entry, payments bool) (*seenTable, error) {
	file, err := outputOf(e, writers.EventIDsTable.Name)
	if err != nil {
		return nil, err
	}
	oldest := int32(n.day - calendar.Day(n.Catalog.WindowDays))
	index := map[string]int{}
	for i := range n.sources {
		index[n.sources[i].name] = i
	}
	next, stop := iter.Pull2(func(yield func(writers.SeenID, error) bool) {
		at := &object{ctx: ctx, bucket: b, key: file.Key, size: file.Size}
		err := writers.Rows(at, file.Size, func(rows []writers.SeenID) error {
			for _, row := range rows {
				_, known := index[row.Source]
				if row.ServiceDate >= oldest && known && (row.Source == paymentsSource) == payments && !yield(row, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(writers.SeenID{}, fmt.Errorf("%s: %w", file.Key, err))
		}
	})
	return &seenTable{next: next, close: stop, at: func(row *writers.SeenID) (int, uint64) {
		source := index[row.Source]
		hi, lo := idBits(&row.EventKey)
		return source, hashID(source, hi, lo)
	}}, nil
}
