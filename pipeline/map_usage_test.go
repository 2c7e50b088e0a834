package pipeline

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/readers"
)

// mapNight is a night of one source with two dimensions, and of as many parts as
// a day of 20 M rows has.
func mapNight(t testing.TB) *night {
	t.Helper()
	zone, err := calendar.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	day, err := calendar.Parse("2024-05-02")
	if err != nil {
		t.Fatal(err)
	}
	return &night{
		Settings: &Settings{TempDir: t.TempDir(), Catalog: &catalog.Catalog{WindowDays: 40}}, day: day, span: newSpan(zone, 0, day, 40), workers: 2, memory: defaultMemory,
		sources: []source{usageSource("calls", "seconds", "kind", "country")}, files: make([]input, 1),
		parts: 1024, cuts: []cut{{0, 10}}, partitions: 1, buckets: 1,
		accounts: newNames[uint64](maxAccounts), combinations: newNames[combination](maxCombinations),
	}
}

// usageBatches are batches of so many accounts and values of each dimension;
// one row in 200 is late, and half of them are of a fiftieth of the accounts.
func usageBatches(n *night, batches, accounts, values int) []readers.Batch {
	dict := func(prefix string, size int) *readers.Dict {
		d := &readers.Dict{}
		for i := range size {
			d.Entries = append(d.Entries, fmt.Sprintf("%s%032x", prefix, i))
		}
		return d
	}
	who, kinds, countries := dict("AC", accounts), dict("kind ", values), dict("country ", values)
	midnight, next := n.span.billedDay()
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]readers.Batch, batches)
	for i := range all {
		const rows = 8190
		ids, at, quantity := make([][16]byte, rows), make([]int64, rows), make([]int64, rows)
		account, kind, country := make([]int32, rows), make([]int32, rows), make([]int32, rows)
		for row := range rows {
			binary.LittleEndian.PutUint64(ids[row][:], r.Uint64())
			binary.LittleEndian.PutUint64(ids[row][8:], r.Uint64())
			at[row], quantity[row] = midnight+r.Int64N(next-midnight), r.Int64N(5)
			if r.IntN(200) == 0 {
				at[row] -= 24 * 3600 * 1e6
			}
			account[row], kind[row], country[row] = r.Int32N(int32(accounts)), r.Int32N(int32(values)), r.Int32N(int32(values))
			if r.IntN(2) == 0 {
				account[row] %= int32(accounts / 50)
			}
		}
		all[i] = readers.Batch{FirstRow: int64(1 + i*rows), Len: rows, Columns: []readers.Column{
			{IDs: ids}, {Dict: who, Index: account}, {Ints: at}, {Ints: quantity}, {Dict: kinds, Index: kind}, {Dict: countries, Index: country},
		}}
	}
	return all
}

// What goes through map comes out as it was in the columns, whether there are so
// few values that their combinations stand in a table, or so many that they do
// not; rows without an account, with a quantity below zero or of a day before
// the window do not come out.
func TestMapUsage(t *testing.T) {
	for _, values := range []int{4, 5_000} {
		t.Run(fmt.Sprint(values, " values"), func(t *testing.T) {
			n := mapNight(t)
			batches := usageBatches(n, 3, 1000, values)
			m := n.newMapped()
			n.mapped = []*mapped{m}
			defer m.usage.close()
			batches[1].Columns[1].Index[7] = readers.Absent
			batches[1].Columns[5].Index[130] = readers.Absent // as a price may want it, or not: here it is required
			batches[2].Columns[3].Ints[8189] = -1
			batches[2].Columns[2].Ints[128] -= 60 * 24 * 3600 * 1e6
			gone := map[int64]bool{8190 + 1 + 7: true, 8190 + 1 + 130: true, 2*8190 + 1 + 8189: true, 2*8190 + 1 + 128: true}
			u := newUsageMapper(n, m, 0, &n.sources[0])
			for i := range batches {
				if err := u.batch(&batches[i]); err != nil {
					t.Fatal(err)
				}
			}
			if (u.local.wide != nil) != (values > 1000) {
				t.Errorf("the places of combinations are in a map: %t", u.local.wide != nil)
			}
			found := 0
			var buffer []byte
			for part := range n.parts {
				records, err := n.records(nil, &buffer, part)
				if err != nil {
					t.Fatal(err)
				}
				for i := range records {
					checkMapped(t, n, batches, gone, part, &records[i])
					found++
				}
			}
			if want := 3*8190 - len(gone); found != want {
				t.Errorf("%d records, want %d", found, want)
			}
			if c := m.files[0]; c.read != 3*8190 || c.rejected != int64(len(gone)) {
				t.Errorf("%d rows read and %d rejected", c.read, c.rejected)
			}
		})
	}
}

// checkMapped holds a record against the row that it says it is.
func checkMapped(t *testing.T, n *night, batches []readers.Batch, gone map[int64]bool, part int, r *record) {
	t.Helper()
	number := r.place.row()
	b, row := &batches[(number-1)/8190], int((number-1)%8190)
	hi, lo := idBits(&b.Columns[0].IDs[row])
	c := n.combinations.all()[r.key.combination()]
	same := r.hi == hi && r.lo == lo && part == n.cuts[0].part(hashID(0, hi, lo)) &&
		n.accounts.name(r.key.account()) == textAt(&b.Columns[1], row) &&
		r.occurred == b.Columns[2].Ints[row] && n.span.day(r.key.day()) == n.span.dayOf(r.occurred) && r.quantity == b.Columns[3].Ints[row] &&
		c.values[0] == textAt(&b.Columns[4], row) && c.values[1] == textAt(&b.Columns[5], row)
	if !same || gone[number] {
		t.Fatalf("row %d became %+v of %q", number, *r, c.values)
	}
	if late := (lateID{0, n.span.dayOf(r.occurred), hi, lo}); late.day < n.day && !n.mapped[0].late.has(late) {
		t.Fatalf("row %d is late, which the filter does not know", number)
	}
}

// BenchmarkMapUsage: batches on their way into the parts of a spill, and its
// file, or into sums.
func BenchmarkMapUsage(b *testing.B) {
	for _, name := range []string{"records", "sums"} {
		b.Run(name, func(b *testing.B) {
			n := mapNight(b)
			batches := usageBatches(n, 64, 50_000, 4)
			m, f := n.newMapped(), n.newFolded()
			defer m.usage.close()
			u := newUsageMapper(n, m, 0, &n.sources[0])
			if name == "sums" {
				u.sumInto = f
			}
			rows, spilled := 0, 0
			for b.Loop() {
				for i := range batches {
					if err := u.batch(&batches[i]); err != nil {
						b.Fatal(err)
					}
					rows += batches[i].Len
				}
				if rows-spilled >= 20<<20 { // no more than a day has
					b.StopTimer()
					m.usage.close()
					m.usage = n.newRecordSpill(n.memory / 4 / int64(n.workers))
					spilled = rows
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
			b.ReportMetric(0, "ns/op")
		})
	}
}
