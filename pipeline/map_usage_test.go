package pipeline

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"ratemill/rating/calendar"
	"ratemill/readers"
)

// usageBatches is a night of a part for each 10,000 of 20 M rows, and batches
// of a source with two dimensions: 50,000 accounts, 20 combinations, one row in
// 200 late.
func usageBatches(t testing.TB, batches int) (*night, []readers.Batch) {
	t.Helper()
	zone, err := calendar.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	day, err := calendar.Parse("2024-05-02")
	if err != nil {
		t.Fatal(err)
	}
	n := &night{
		Settings: &Settings{TempDir: t.TempDir()}, day: day, span: newSpan(zone, 0, day, 40), workers: 2, memory: defaultMemory,
		sources: []source{usageSource("calls", "seconds", "kind", "country")}, files: make([]input, 1),
		parts: 2048, cuts: []cut{{0, 11}}, partitions: 1, buckets: 1,
		accounts: newNames[uint64](maxAccounts), combinations: newNames[combination](maxCombinations),
	}
	var accounts, kinds, countries readers.Dict
	for i := range 50_000 {
		accounts.Entries = append(accounts.Entries, fmt.Sprintf("AC%032x", i))
	}
	for i := range 5 {
		kinds.Entries, countries.Entries = append(kinds.Entries, fmt.Sprint("kind ", i)), append(countries.Entries, fmt.Sprint("country ", i))
	}
	midnight, next := n.span.billedDay()
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]readers.Batch, batches)
	for i := range all {
		const rows = 8192
		ids, at, quantity := make([][16]byte, rows), make([]int64, rows), make([]int64, rows)
		account, kind, country := make([]int32, rows), make([]int32, rows), make([]int32, rows)
		for row := range rows {
			binary.LittleEndian.PutUint64(ids[row][:], r.Uint64())
			binary.LittleEndian.PutUint64(ids[row][8:], r.Uint64())
			at[row], quantity[row] = midnight+r.Int64N(next-midnight), r.Int64N(5)
			if r.IntN(200) == 0 {
				at[row] -= 24 * 3600 * 1e6
			}
			account[row], kind[row], country[row] = r.Int32N(50_000), r.Int32N(5), r.Int32N(4)
			if r.IntN(2) == 0 {
				account[row] %= 1000
			}
		}
		all[i] = readers.Batch{FirstRow: int64(1 + i*rows), Len: rows, Columns: []readers.Column{
			{IDs: ids}, {Dict: &accounts, Index: account}, {Ints: at}, {Ints: quantity},
			{Dict: &kinds, Index: kind}, {Dict: &countries, Index: country},
		}}
	}
	return n, all
}

// BenchmarkMapUsage: batches on their way into the parts of a spill, and its
// file, or into sums.
func BenchmarkMapUsage(b *testing.B) {
	for _, name := range []string{"records", "sums"} {
		b.Run(name, func(b *testing.B) {
			n, batches := usageBatches(b, 64)
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
