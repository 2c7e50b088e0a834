package pricing

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"

	"ratemill/rating/money"
)

// Event is one row of usage, for meters that look at rows one by one.
type Event struct {
	At    int64 // microseconds since 1970-01-01T00:00:00Z
	ID    string
	Value decimal.Decimal
	Key   string // what a unique count or a level counts: a user, a device
}

// Sorted is events in their total order: by time, and by id where two happened
// at once. All folds below take them so; the order of files decides nothing.
func Sorted(events []Event) []Event {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b Event) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	return sorted
}

// Sum adds the values up.
func Sum(events []Event) decimal.Decimal {
	sum := decimal.Decimal{}
	for _, e := range events {
		sum = sum.Add(e.Value)
	}
	return sum
}

// Unique is the number of different keys. An absent key counts nothing.
func Unique(events []Event) int64 {
	seen := map[string]bool{"": true}
	for _, e := range events {
		seen[e.Key] = true
	}
	return int64(len(seen) - 1)
}

// Max is the highest value, false where there is none.
func Max(events []Event) (highest decimal.Decimal, found bool) {
	for _, e := range events {
		if !found || e.Value.GreaterThan(highest) {
			highest, found = e.Value, true
		}
	}
	return highest, found
}

// Latest is the value of the last event, false where there is none.
func Latest(sorted []Event) (decimal.Decimal, bool) {
	if len(sorted) == 0 {
		return decimal.Decimal{}, false
	}
	return sorted[len(sorted)-1].Value, true
}

// Weighted is a level's mean over a period: each event changes the level by
// its value, and the level counts for the time that it held.
//
//	(initial × t0 + Σ level after the event × time to the next) / length
//
// Times are microseconds, the period's end is not part of it. The quotient is
// kept exact. Events from before the period belong into initial; engines that
// begin every period at zero forget what runs on.
func Weighted(sorted []Event, initial decimal.Decimal, from, to int64) money.Ratio {
	level, at, weighted := initial, from, decimal.Decimal{}
	for _, e := range sorted {
		weighted = weighted.Add(level.Mul(decimal.NewFromInt(e.At - at)))
		level, at = level.Add(e.Value), e.At
	}
	weighted = weighted.Add(level.Mul(decimal.NewFromInt(to - at)))
	return money.Over(weighted, decimal.NewFromInt(to-from))
}

// Active is how many keys are on after the events: a value above zero turns a
// key on, any other turns it off. Turning on what is on changes nothing.
func Active(sorted []Event, before []string) []string {
	on := map[string]bool{}
	for _, key := range before {
		on[key] = true
	}
	for _, e := range sorted {
		if e.Value.IsPositive() {
			on[e.Key] = true
		} else {
			delete(on, e.Key)
		}
	}
	keys := make([]string, 0, len(on))
	for key := range on {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
