package pipeline

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// Sums are exact whatever their size: what 64 bits cannot hold is put aside and
// begins anew.
func TestSumsAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round, largest := range []int64{10, math.MaxInt64, math.MaxInt64} {
		var s sums
		want, rows, first := map[key]*big.Int{}, map[key]int64{}, map[key]place{}
		var all []addend
		signed := round == 2 // corrections
		for i := range 20_000 {
			a := addend{makeKey(r.Uint32N(50), 1, r.Uint32N(60)), r.Int64N(largest), makePlace(1, int64(20_000-i))}
			if signed && r.IntN(2) == 0 {
				a.quantity = -a.quantity
			}
			all = append(all, a)
			if want[a.key] == nil {
				want[a.key] = new(big.Int)
			}
			want[a.key].Add(want[a.key], big.NewInt(a.quantity))
			rows[a.key]++
			first[a.key] = a.place // they come from the last to the first
		}
		s.addAll(all[:7001])
		s.addAll(all[7001:])
		var m merged
		m.begin(len(s.slots) + len(s.full))
		for i := range s.slots {
			if g := s.slots[i].group(); g.rows > 0 {
				m.add(&g)
			}
		}
		for i := range s.full {
			m.add(&s.full[i])
		}
		groups := 0
		for i := range m.slots {
			g := &m.slots[i]
			if g.rows == 0 {
				continue
			}
			groups++
			if got := g.sum(0).BigInt(); got.Cmp(want[g.key]) != 0 || g.rows != rows[g.key] || g.first != first[g.key] {
				t.Errorf("key %x: %d rows, %s from %d, want %d, %s from %d", g.key, g.rows, got, g.first, rows[g.key], want[g.key], first[g.key])
			}
		}
		if groups != len(want) {
			t.Errorf("%d groups, want %d", groups, len(want))
		}
	}
}

// BenchmarkSums: rows of a million groups, as a partition brings them.
func BenchmarkSums(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]addend, 1<<20)
	for i := range rows {
		rows[i] = addend{makeKey(r.Uint32N(50_000), 1, r.Uint32N(20)), 3, makePlace(1, int64(i))}
	}
	var s sums
	b.ReportAllocs()
	added := 0
	for b.Loop() {
		for at := 0; at < len(rows); at += 1 << 13 {
			s.addAll(rows[at : at+1<<13])
		}
		added += len(rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(added), "ns/row")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDedupe: a partition of records whose ids are all different.
func BenchmarkDedupe(b *testing.B) {
	n := &night{combinations: newNames[combination](10), partitionBits: 10}
	if _, err := n.combinations.of("only", func(string) combination { return combination{} }); err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]byte, 10_000*recordSize)
	for i := range 10_000 {
		(&record{hi: r.Uint64(), lo: r.Uint64()}).put(rows[i*recordSize:])
	}
	var d usageDedupe
	b.ReportAllocs()
	entered := 0
	for b.Loop() {
		d.enter(n, rows)
		entered += 10_000
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(entered), "ns/row")
	b.ReportMetric(0, "ns/op")
}
