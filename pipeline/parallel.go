package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// All concurrency of the job stands in this file, and in names.go and
// waiting.go, which all workers share. Everywhere else a worker has its own
// memory, and what workers made is put together afterwards in an order that the
// data gives, never the order in which they finished.

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

// beyond is a context that outlives ctx by a grace period: what has begun to be
// published is finished after a stop, if it takes no longer than that. end lets
// go of it.
func beyond(ctx context.Context, grace time.Duration) (longer context.Context, end func()) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	detach := context.AfterFunc(ctx, func() {
		over := time.NewTimer(grace)
		defer over.Stop()
		select {
		case <-over.C:
			cancel(context.Cause(ctx))
		case <-longer.Done():
		}
	})
	return longer, func() {
		detach()
		cancel(nil)
	}
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
