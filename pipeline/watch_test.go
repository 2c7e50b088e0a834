package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"ratemill/rating/calendar"
)

// told is what a watcher was told of a night, phase by phase.
type told struct {
	testing.TB
	phases        []string
	step          Step
	parts, things atomic.Int64
}

func (w *told) Begins(s Step) {
	if w.step.Phase != "" {
		w.Errorf("%s begins within %s", s.Phase, w.step.Phase)
	}
	w.step = s
	w.parts.Store(0)
	w.things.Store(0)
}

func (w *told) Advances(parts, things int64) {
	w.parts.Add(parts)
	w.things.Add(things)
}

func (w *told) Ends(s Step, err error) {
	if s.Phase != w.step.Phase || s.Night != w.step.Night || s.RunID == "" || err != nil {
		w.Errorf("%+v ends, %+v began: %v", s, w.step, err)
	}
	if w.parts.Load() != s.Parts {
		w.Errorf("%s: %d parts of %d", s.Phase, w.parts.Load(), s.Parts)
	}
	w.phases = append(w.phases, fmt.Sprintf("%s %d", s.Phase, w.things.Load()))
	w.step = Step{}
}

// A watcher is told of every phase in order, and of all that it does, also of
// what was read ahead.
func TestWatcher(t *testing.T) {
	for _, ahead := range []int{0, NightsAhead} {
		c := newCompany(t, month())
		s := c.settings("2024-05-01")
		w := &told{TB: t}
		s.Watch = w
		last := day(t, "2024-05-04")
		b, err := NewBackfill(context.Background(), s, last, ahead)
		if err != nil {
			t.Fatal(err)
		}
		for d := s.Day; d <= last; d++ {
			w.phases = nil
			r, err := b.Night(context.Background(), d)
			if err != nil {
				t.Fatal(err)
			}
			read, fold := int64(0), int64(0)
			for _, f := range r.Entry.Totals.Files {
				read += f.Read
				fold += f.Passed + f.NotDue + f.Duplicate
			}
			want := []string{"plan 0", fmt.Sprintf("map %d", read), "", "", fmt.Sprintf("commit %d", len(r.Entry.Outputs))}
			want[2], want[3] = w.phases[2], w.phases[3] // rows and accounts: counted below
			if !slices.Equal(w.phases, want) {
				t.Errorf("%s, %d ahead: %v, want %v", calendar.Day(d), ahead, w.phases, want)
			}
			var folded, accounts int64
			if _, err := fmt.Sscanf(w.phases[2]+" "+w.phases[3], "fold %d reduce %d", &folded, &accounts); err != nil || folded < fold || accounts == 0 {
				t.Errorf("%s: %v, and at least %d rows were folded", calendar.Day(d), w.phases, fold)
			}
			if r.Measures == nil || len(r.Entry.Totals.Money) > 0 && len(r.Measures.Lines) == 0 {
				t.Errorf("%s: measures %+v", calendar.Day(d), r.Measures)
			}
		}
		b.Close()
	}
}

// TestMeasures: what lines add up to by kind is what they add up to.
func TestMeasures(t *testing.T) {
	c := newCompany(t, month())
	r, err := Run(context.Background(), c.settings("2024-05-01"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Entry.Totals.Money {
		sum := m.Lines
		for _, l := range r.Measures.Lines {
			if l.Currency == m.Currency {
				sum = sum.Sub(l.Amount)
			}
		}
		if !sum.IsZero() {
			t.Errorf("%s: kinds add up to %s less than lines", m.Currency, sum)
		}
	}
}

// TestBeyond: a stop waits for the grace period, and no longer.
func TestBeyond(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	longer, end := beyond(ctx, 30*time.Millisecond)
	short, endShort := beyond(ctx, 0)
	defer endShort()
	why := errors.New("a signal")
	stop(why)
	if longer.Err() != nil {
		t.Error("ended with the stop")
	}
	<-short.Done()
	<-longer.Done()
	if context.Cause(longer) != why || !errors.Is(longer.Err(), context.Canceled) {
		t.Errorf("ended by %v", context.Cause(longer))
	}
	end()
}
