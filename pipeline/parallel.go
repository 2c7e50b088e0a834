package pipeline

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// All concurrency of the job stands in this file. Everywhere else a worker
// has its own memory, and what workers made is put together afterwards in an
// order that the data gives, never the order in which they finished.

// each calls do for i = 0 … n-1 on so many workers, and tells do which worker
// (0 … workers-1) it runs on, so that it can use that worker's own memory.
// After a failure no further i is begun; of several failures the one of the
// smallest i is returned, so that a run fails the same way every time.
func each(ctx context.Context, workers, n int, do func(ctx context.Context, worker, i int) error) error {
	var next atomic.Int64
	failures := make([]error, n)
	var failed atomic.Bool
	group, working := errgroup.WithContext(ctx)
	for w := range min(workers, n) {
		group.Go(func() error {
			for !failed.Load() && working.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(working, w, i); err != nil {
					failures[i] = err
					failed.Store(true)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, err := range failures {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(ctx.Err(), errors.Join(failures...))
}

// ahead makes things for i = 0 … n-1 while those before are in use: at once, and
// at most limit more than were asked for. next waits for the next one in order,
// and is false behind the last. end stops the making; what was begun can still
// be had from next.
func ahead[T any](ctx context.Context, limit, n int, do func(ctx context.Context, i int) T) (next func() (T, bool), end func()) {
	working, stop := context.WithCancel(ctx)
	begun := make(chan chan T, limit)
	room := make(chan struct{}, limit)
	go func() {
		defer close(begun)
		for i := range n {
			select {
			case room <- struct{}{}:
			case <-working.Done():
				return
			}
			if working.Err() != nil {
				return
			}
			made := make(chan T, 1)
			begun <- made
			go func() { made <- do(working, i) }()
		}
	}()
	next = func() (thing T, more bool) {
		made, more := <-begun
		if more {
			thing = <-made
			<-room
		}
		return thing, more
	}
	return next, stop
}

// names is a growing list of distinct names with what is known of each, found
// by its index. It is shared by all workers, who ask it once per dictionary
// entry, not per row. Indexes depend on who asked first: nothing published may
// depend on them.
type names[T any] struct {
	mu    sync.RWMutex
	index map[string]uint32
	list  []T
	limit int // most entries that fit the key of a record
}

func newNames[T any](limit int) *names[T] {
	return &names[T]{index: map[string]uint32{}, limit: limit}
}

// of is the index of a name; what is known of a new one is asked of describe.
func (n *names[T]) of(name string, describe func() T) (uint32, error) {
	n.mu.RLock()
	i, found := n.index[name]
	n.mu.RUnlock()
	if found {
		return i, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, found = n.index[name]; found {
		return i, nil
	}
	if len(n.list) >= n.limit {
		return 0, errTooManyNames
	}
	i = uint32(len(n.list))
	n.index[name] = i
	n.list = append(n.list, describe())
	return i, nil
}

// find is the index of a name that may not be there.
func (n *names[T]) find(name string) (uint32, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	i, found := n.index[name]
	return i, found
}

// all is the list by index, once no worker adds to it any more.
func (n *names[T]) all() []T { return n.list }

var errTooManyNames = errors.New("more accounts or dimension values than one run can hold")
