package pricing

import (
	"cmp"
	"slices"

	"ratemill/rating/decimal"
)

// Grant is prepaid units or money that later usage draws.
//
// Grants are drawn by priority, 1 first and those without one (0) last; of the
// same priority the one that expires earlier, those that never expire last;
// then the one granted earlier; then the name; then as listed. A grant
// is good from its first day up to and including its last.
type Grant struct {
	Name      string
	Left      decimal.Decimal
	Priority  int
	GrantedOn int32
	FirstDay  int32 // 0: any day up to the last
	LastDay   int32 // 0: never expires
}

// Draw takes an amount from grants on a day. It is what was taken from each,
// in the order in which they were given, and what they do not cover.
func Draw(grants []Grant, amount decimal.Decimal, day int32) (taken []decimal.Decimal, short decimal.Decimal) {
	taken = make([]decimal.Decimal, len(grants))
	for _, i := range InOrder(grants) {
		if g := &grants[i]; day >= g.FirstDay && (g.LastDay == 0 || day <= g.LastDay) {
			taken[i] = decimal.Min(amount, g.Left)
			amount = amount.Sub(taken[i])
		}
	}
	return taken, amount
}

// InOrder is the places of grants in the order in which they are drawn.
func InOrder(grants []Grant) []int {
	order := make([]int, len(grants))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareGrants(&grants[a], &grants[b]) })
	return order
}

func compareGrants(a, b *Grant) int {
	return cmp.Or(
		cmp.Compare(orLast(a.Priority), orLast(b.Priority)), cmp.Compare(orLast(int(a.LastDay)), orLast(int(b.LastDay))),
		cmp.Compare(a.GrantedOn, b.GrantedOn), cmp.Compare(a.Name, b.Name))
}

// orLast puts zero, which is "none", behind all others.
func orLast(n int) int {
	if n == 0 {
		return int(^uint(0) >> 1)
	}
	return n
}

// Rollover is how much of what a period left is carried into the next one: at
// least low, at most high. A high of zero carries nothing.
func Rollover(left, low, high decimal.Decimal) decimal.Decimal {
	return decimal.Min(high, decimal.Max(low, left))
}
