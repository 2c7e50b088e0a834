package pipeline

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever the order, nearly sorted or not, ids come out sorted.
func TestSortNearly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, swaps := range []int{0, 1, 10, 1000, 100_000} {
		ids := make([]takenID, 3000)
		all := make([]orderedID, len(ids))
		for i := range all {
			ids[i] = takenID{lo: uint64(i % 7), day: 5}
			all[i] = orderedID{uint64(i / 3), &ids[i]}
		}
		for range swaps {
			i, j := r.IntN(len(all)), r.IntN(len(all))
			all[i], all[j] = all[j], all[i]
		}
		sortNearly(all)
		if !slices.IsSortedFunc(all, func(x, y orderedID) int { return boolInt(y.before(&x)) - boolInt(x.before(&y)) }) {
			t.Errorf("after %d swaps they are not sorted", swaps)
		}
	}
}
