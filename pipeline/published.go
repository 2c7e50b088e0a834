package pipeline

import (
	"context"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// published answers a run of a day that is published already.
func published(ctx context.Context, s *Settings, head *Entry) (*Result, error) {
	first, err := calendar.Parse(head.FirstNight)
	if err != nil {
		return nil, err
	}
	if s.Day < first {
		return nil, &UsageError{What: fmt.Sprintf("%s is before the first night, %s", s.Day, head.FirstNight)}
	}
	e, err := entryOfDay(ctx, s.Output, head, s.Day)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("no entry of the chain billed %s", s.Day)
	}
	return compareWithNow(ctx, s, e, head)
}

// compareWithNow proves that a published night was made from what lies there
// now, but for files that later entries have consumed. A night that a rerate
// folded again was.
func compareWithNow(ctx context.Context, s *Settings, e, head *Entry) (*Result, error) {
	var before *Entry
	var later []writers.InputFile
	var err error
	if e.Predecessor != nil {
		if before, err = ReadEntry(ctx, s.Output, e.Predecessor.Entry); err != nil {
			return nil, err
		}
	}
	mine, overwritten := map[inputKey]bool{}, map[inputKey]bool{}
	for _, f := range slices.Concat(e.Inputs, e.Manifests) {
		mine[keyOf(f)] = true
	}
	corrected := int64(0)
	for n := e.Entry + 1; n <= head.Entry; n++ {
		after, err := s.readBy(ctx, n)
		if err != nil {
			return nil, err
		}
		if after.Rerate != nil && after.Rerate.From <= e.BillingDate {
			corrected = n
		}
		for _, f := range after.Inputs {
			if !mine[keyOf(f)] {
				later = append(later, f)
			} else if f.Date == "" { // what this night read of it is there no more
				later = append(later, f)
				overwritten[keyOf(f)] = true
			}
		}
		for _, f := range after.Manifests {
			later = append(later, f)
			overwritten[keyOf(f)] = true
		}
	}
	if corrected > 0 { // what lay there meanwhile is the rerate's matter
		return &Result{Status: Already, Entry: e, Corrected: corrected}, nil
	}
	again := *s
	again.First, again.taken = before == nil, &e.Decisions
	plan, err := planAfter(ctx, &again, before, later)
	if err != nil {
		return nil, err
	}
	if d := plan.differences(e, overwritten); len(d) > 0 {
		return nil, &OtherInputsError{Day: s.Day, Entry: e.Entry, Differences: d}
	}
	return &Result{Status: Already, Entry: e}, nil
}
