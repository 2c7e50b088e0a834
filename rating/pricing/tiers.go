package pricing

import (
	"fmt"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Tier is a stretch of quantities with a price. It ends at its bound: with
// up_to, the bound itself still belongs to it (the default of all engines that
// write up_to or last_unit); with below, the bound is the first quantity of
// the next tier (engines that write first_unit). The last tier has neither and
// never ends, so that no usage is without a price.
//
// With of, units are sold in blocks of so many, and each is the price of a
// block: a block that is begun counts whole.
type Tier struct {
	UpTo  decimal.Decimal `key:"up_to,optional,above0" doc:"last quantity of the tier"`
	Below decimal.Decimal `key:"below,optional,above0" doc:"first quantity after the tier"`
	Each  decimal.Decimal `key:"each,some,money" doc:"price of a unit, or of a block"`
	Of    decimal.Decimal `key:"of,optional,above0" doc:"units in a block; without it, units are priced one by one"`
	Flat  decimal.Decimal `key:"flat,some,money" doc:"fee of the tier, once it is reached"`
}

// bound is where the tier ends, false for the last one.
func (t Tier) bound() (decimal.Decimal, bool) { return boundOf(t.UpTo, t.Below) }

// boundOf is the bound that is set, false where neither is.
func boundOf(upTo, below decimal.Decimal) (decimal.Decimal, bool) {
	switch {
	case !upTo.IsZero():
		return upTo, true
	case !below.IsZero():
		return below, true
	}
	return decimal.Decimal{}, false
}

// holds tells whether a quantity is not past a bound.
func holds(upTo, below decimal.Decimal, q money.Ratio) bool {
	switch {
	case !upTo.IsZero():
		return q.Cmp(money.Exactly(upTo)) <= 0
	case !below.IsZero():
		return q.Cmp(money.Exactly(below)) < 0
	}
	return true
}

func (t Tier) holds(q money.Ratio) bool { return holds(t.UpTo, t.Below, q) }

// parts is what so many units of the tier cost, with its fee.
func (t Tier) parts(what string, units money.Ratio) []Part {
	var parts []Part
	if !t.Each.IsZero() || t.Flat.IsZero() {
		parts = append(parts, Part{what, t.blocks(units), money.Exactly(t.Each)})
	}
	if !t.Flat.IsZero() {
		parts = append(parts, flat(t.Flat))
	}
	return parts
}

// blocks is the units, or the blocks that they begin.
func (t Tier) blocks(units money.Ratio) money.Ratio {
	if t.Of.IsZero() {
		return units
	}
	return money.Exactly(units.By(t.Of).Rounded(0, money.Up))
}

// AtZero is what a price with fees costs without any usage. Engines differ:
// Lago, OpenMeter and Stripe charge the first tier's fee, FlexPrice and
// Meteroid nothing. The default is nothing.
type AtZero string

const (
	NothingAtZero AtZero = "nothing"
	FlatAtZero    AtZero = "first_flat"
)

// stretch names a tier's quantities: "above 10 to 20".
func stretch(lower, upper decimal.Decimal, above, bounded bool) string {
	switch {
	case !above && !bounded:
		return "all"
	case !above:
		return fmt.Sprintf("to %s", upper)
	case !bounded:
		return fmt.Sprintf("above %s", lower)
	}
	return fmt.Sprintf("above %s to %s", lower, upper)
}

// checkBounds finds tiers that no quantity reaches, tiers without an end
// before the last, and a last one that ends.
func checkBounds(n int, of func(i int) (upTo, below decimal.Decimal)) []Problem {
	var found []Problem
	lower, lowerBelow := decimal.Decimal{}, false
	for i := range n {
		upTo, below := of(i)
		bound, bounded := boundOf(upTo, below)
		key, isBelow := "up_to", !below.IsZero()
		if isBelow {
			key = "below"
		}
		switch {
		case !upTo.IsZero() && isBelow:
			found = append(found, Problem{i, "below", fmt.Sprintf("tier %d has both up_to and below: it ends at one of them", i+1)})
		case !bounded && i < n-1:
			found = append(found, Problem{i, "", fmt.Sprintf("tier %d has no up_to: the tiers after it would never be reached", i+1)})
			return found
		case bounded && i == n-1:
			found = append(found, Problem{i, key, fmt.Sprintf("the last tier ends at %s: usage above it would have no price; leave %s out", bound, key)})
		}
		// up_to 10 after below 10 holds 10 itself; after up_to 10 it holds nothing.
		if same := bound.Equal(lower) && lowerBelow && !isBelow; bounded && i > 0 && !bound.GreaterThan(lower) && !same {
			found = append(found, Problem{i, key, fmt.Sprintf("tier %d ends at %s, not above the tier before it (%s): no quantity would reach it", i+1, bound, lower)})
		}
		lower, lowerBelow = bound, isBelow
	}
	return found
}

// checkTiers checks bounds, and that blocks have a price.
func checkTiers(tiers []Tier) []Problem {
	found := checkBounds(len(tiers), func(i int) (decimal.Decimal, decimal.Decimal) { return tiers[i].UpTo, tiers[i].Below })
	for i, t := range tiers {
		if !t.Of.IsZero() && t.Each.IsZero() {
			found = append(found, Problem{i, "of", fmt.Sprintf("tier %d has blocks without a price: say what each costs", i+1)})
		}
	}
	return found
}

// reached is the tier that holds a quantity. Check made sure that the last
// holds all.
func reached(tiers []Tier, q money.Ratio) int {
	for i, t := range tiers {
		if t.holds(q) {
			return i
		}
	}
	return len(tiers) - 1
}
