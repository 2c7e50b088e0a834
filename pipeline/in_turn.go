package pipeline

import "sync"

// inTurn writes what several workers make, piece by piece, in the order of the
// pieces' numbers from 0 on. Whoever has made the piece that is next writes it,
// and those behind it that are made meanwhile, so that nobody waits for another
// but where most pieces wait to be written.
type inTurn[T any] struct {
	write func(piece []T) error
	most  int // pieces that may wait

	mu      sync.Mutex
	moved   sync.Cond // of mu: a piece was written, or something failed
	made    map[int][]T
	next    int
	writing bool
	failed  bool
	free    [][]T // memory of pieces that were written
}

func newInTurn[T any](most int, write func([]T) error) *inTurn[T] {
	t := &inTurn[T]{write: write, most: most, made: map[int][]T{}}
	t.moved.L = &t.mu
	return t
}

// do makes a piece with fill, in memory of an earlier one, and has it written.
// Numbers must be begun in their order, each once. A failure, which is told to
// whom it happened, ends the others' waiting.
func (t *inTurn[T]) do(number int, fill func(piece *[]T) error) error {
	piece := t.room()
	err := fill(&piece)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.made[number] = piece
		err = t.writeMade()
	}
	if err != nil {
		t.failed = true
		t.moved.Broadcast()
	}
	for len(t.made) > t.most && !t.failed {
		t.moved.Wait()
	}
	return err
}

func (t *inTurn[T]) room() (piece []T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.free) - 1; last >= 0 {
		piece, t.free = t.free[last], t.free[:last]
	}
	return piece
}

// writeMade writes the pieces whose turn it is, unless another does. mu is
// locked, but not while a piece is written.
func (t *inTurn[T]) writeMade() error {
	for !t.writing && !t.failed {
		piece, made := t.made[t.next]
		if !made {
			return nil
		}
		t.writing = true
		t.mu.Unlock()
		err := t.write(piece)
		t.mu.Lock()
		t.writing = false
		delete(t.made, t.next)
		t.next++
		t.free = append(t.free, piece[:0])
		t.moved.Broadcast()
		if err != nil {
			return err
		}
	}
	return nil
}
