package pipeline

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// summed is what sums and merging come to, by way of a spill of so little
// memory that most of it goes to a file.
func summed(t testing.TB, rows []record) []group {
	t.Helper()
	spill := newSpill(1, 1, t.TempDir())
	defer spill.close()
	n := &night{accountHashes: make([]uint64, 1<<17), bucketBits: 0}
	f := &folded{groups: spill}
	for _, r := range rows {
		f.addends = append(f.addends, addend{r.key, r.quantity, r.place})
		if len(f.addends) == 1000 {
			if err := n.addUp(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(n.addUp(f), n.spillSums(f)); err != nil {
		t.Fatal(err)
	}
	b, err := spills{spill}.read(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	places := map[uint32]int{}
	orders := make(groupOrders, 1<<12)
	for i := range orders {
		orders[i] = uint64(i)
	}
	var m merging
	m.merge(b, orders, 0, func(account uint32) int {
		at, met := places[account]
		if !met {
			at = len(places)
			places[account] = at
		}
		return at
	})
	return m.groups
}

// Sums are exact whatever their size and sign, and however often a worker has
// spilled its sums.
func TestSumsAreExact(t *testing.T) {
	for _, c := range []struct {
		name         string
		accounts     uint32
		combinations uint32
		largest      int64
		signed       bool
	}{
		{"few groups", 3_000, 4, 10, false},
		{"many groups", 100_000, 4, 10, false},
		{"many groups of few accounts", 30, 4_000, 10, false},
		{"some groups of few accounts", 30, 40, math.MaxInt64, true},
		{"beyond 48 bits", 100_000, 4, 1 << 50, true},
		{"beyond 64 bits", 3_000, 4, math.MaxInt64, false},
		{"of both signs", 3_000, 4, math.MaxInt64, true},
		{"more rows than 16 bits count", 2, 4, 5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			want, rows, first := map[key]*big.Int{}, map[key]int64{}, map[key]place{}
			all := make([]record, 600_000)
			for i := range all {
				a := &all[i]
				*a = record{key: makeKey(r.Uint32N(c.accounts), 1, r.Uint32N(c.combinations)), quantity: r.Int64N(c.largest), place: makePlace(1, int64(600_000-i))}
				if c.signed && r.IntN(2) == 0 {
					a.quantity = -a.quantity
				}
				if want[a.key] == nil {
					want[a.key] = new(big.Int)
				}
				want[a.key].Add(want[a.key], big.NewInt(a.quantity))
				rows[a.key]++
				first[a.key] = a.place // they come from the last to the first
			}
			groups := summed(t, all)
			for i := range groups {
				g := &groups[i]
				if i > 0 && g.key.account() == groups[i-1].key.account() && g.key <= groups[i-1].key {
					t.Fatalf("key %x comes behind %x", g.key, groups[i-1].key)
				}
				if got := g.sum(0).BigInt(); got.Cmp(want[g.key]) != 0 || g.rows != rows[g.key] || g.first != first[g.key] {
					t.Fatalf("key %x: %d rows, %s from %d, want %d, %s from %d", g.key, g.rows, got, g.first, rows[g.key], want[g.key], first[g.key])
				}
			}
			if len(groups) != len(want) {
				t.Errorf("%d groups, want %d", len(groups), len(want))
			}
		})
	}
}

// BenchmarkSums: rows of a million groups, half of them in a fiftieth of these.
func BenchmarkSums(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]addend, 1<<20)
	for i := range rows {
		accounts := uint32(50_000)
		if i%2 == 0 {
			accounts = 1_000
		}
		rows[i] = addend{makeKey(r.Uint32N(accounts), 1, r.Uint32N(20)), 3, makePlace(1, int64(i))}
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

// BenchmarkDedupe: a part of records whose ids are all different.
func BenchmarkDedupe(b *testing.B) {
	n := &night{}
	r := rand.New(rand.NewPCG(1, 2))
	d := usageDedupe{bits: 10, records: make([]record, 10_000)}
	for i := range d.records {
		d.records[i] = record{hi: r.Uint64(), lo: r.Uint64()}
	}
	b.ReportAllocs()
	entered := 0
	for b.Loop() {
		d.enter(n)
		entered += len(d.records)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(entered), "ns/row")
	b.ReportMetric(0, "ns/op")
}
