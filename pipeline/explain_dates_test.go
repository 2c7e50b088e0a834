package pipeline

import "testing"

// TestAround: of a long history the entries around the one that was asked for
// are looked at, as many as there may be.
func TestAround(t *testing.T) {
	for _, c := range []struct{ asked, head, first, last int64 }{
		{1, 1, 1, 1}, {3, 400, 1, 400}, {286, 935, 86, 485}, {10, 935, 1, 400}, {935, 935, 536, 935}, {800, 935, 536, 935}, {250, 401, 2, 401},
	} {
		if first, last := around(c.asked, c.head); first != c.first || last != c.last {
			t.Errorf("entry %d of %d: %d to %d, want %d to %d", c.asked, c.head, first, last, c.first, c.last)
		}
	}
}
