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
		var rows []record
		for i, q := range c.rows {
			rows = append(rows, record{key: 7, quantity: q, place: place(i)})
		}
		groups := summed(t, rows)
		if len(groups) != 1 || groups[0].sum(2).String() != c.want || groups[0].rows != int64(len(c.rows)) {
			t.Errorf("%v: %+v, want %s", c.rows, groups, c.want)
		}
	}
}
