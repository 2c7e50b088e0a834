package pipeline

import (
	"slices"
	"testing"
)

// TestSumsBelowZero: rows of corrections are summed up with their sign, across
// groups and at the ends of 64 bits.
func TestSumsBelowZero(t *testing.T) {
	for _, c := range []struct {
		rows []int64
		want string
	}{
		{[]int64{1, -3}, "-0.02"},
		{[]int64{-3, 3}, "0"},
		{[]int64{-1 << 63, -1 << 63, -1}, "-184467440737095516.17"},
		{[]int64{1<<63 - 1, 1<<63 - 1, -1}, "184467440737095516.13"},
	} {
		var s sums
		var one, all merged
		all.begin(len(c.rows))
		for i, q := range c.rows {
			s.addAll([]addend{{7, q, place(i)}})
			all.add(&group{7, 1, uint64(q >> 63), uint64(q), place(i)})
		}
		one.begin(len(c.rows))
		for _, g := range append(s.full, s.slot(7).group()) {
			one.add(&g)
		}
		for _, m := range []merged{one, all} {
			g := m.slots[slices.IndexFunc(m.slots, func(g group) bool { return g.rows > 0 })]
			if got := g.sum(2).String(); got != c.want || g.rows != int64(len(c.rows)) {
				t.Errorf("%v: %s in %d rows, want %s", c.rows, got, g.rows, c.want)
			}
		}
	}
}
