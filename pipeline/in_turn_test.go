package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

// Pieces are written in the order of their numbers, whole, one at a time and
// each once, whoever makes them and however long that takes; no more wait than
// may.
func TestInTurn(t *testing.T) {
	for _, test := range []struct{ workers, pieces, most int }{{1, 5, 1}, {2, 300, 2}, {4, 500, 4}, {8, 1000, 1}, {3, 0, 3}} {
		var got []int
		var writing, made, written atomic.Int32
		turn := newInTurn(test.most, func(piece []int) error {
			if writing.Add(1) > 1 {
				t.Error("two pieces are written at once")
			}
			if piece[0]%7 == 0 {
				runtime.Gosched()
			}
			got = append(got, piece...)
			written.Add(1)
			writing.Add(-1)
			return nil
		})
		err := each(context.Background(), test.workers, test.pieces, func(_ context.Context, worker, i int) error {
			return turn.do(i, func(piece *[]int) error {
				for range rand.IntN(50) {
					runtime.Gosched()
				}
				*piece = append(*piece, 2*i, 2*i+1)
				if waiting := int(made.Add(1) - written.Load()); waiting > test.most+test.workers+1 {
					t.Errorf("%d pieces wait, at most %d may beside one a worker", waiting, test.most)
				}
				return nil
			})
		})
		if err != nil || len(got) != 2*test.pieces || !slices.IsSorted(got) {
			t.Errorf("%+v: %v, %d of %d values, in order: %v", test, err, len(got), 2*test.pieces, slices.IsSorted(got))
		}
	}
}

// A piece that cannot be made, or written, ends all of it with its error; nobody
// waits for ever, and nothing behind it is written.
func TestInTurnFails(t *testing.T) {
	broken := errors.New("broken")
	for _, inWrite := range []bool{false, true} {
		for at := range 20 {
			last := -1
			turn := newInTurn(1, func(piece []int) error {
				if inWrite && piece[0] == at {
					return broken
				}
				last = piece[0]
				return nil
			})
			err := each(context.Background(), 4, 40, func(_ context.Context, _, i int) error {
				return turn.do(i, func(piece *[]int) error {
					if !inWrite && i == at {
						return broken
					}
					*piece = append(*piece, i)
					return nil
				})
			})
			if !errors.Is(err, broken) || last >= at {
				t.Errorf("in write %v, piece %d: %v; %d was written last", inWrite, at, err, last)
			}
		}
	}
}
