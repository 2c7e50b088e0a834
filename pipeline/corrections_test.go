package pipeline

import "testing"

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
		var all group
		for i, q := range c.rows {
			s.add(7, q, place(i))
			all.add(group{rows: 1, hi: uint64(q >> 63), lo: uint64(q), first: place(i)})
		}
		for _, g := range []group{*s.slot(7), all} {
			if got := g.sum(2).String(); got != c.want || g.rows != int64(len(c.rows)) {
				t.Errorf("%v: %s in %d rows, want %s", c.rows, got, g.rows, c.want)
			}
		}
	}
}
