package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gocloud.dev/blob"

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
