package pricing

import "ratemill/rating/money"

// What a charge or an invoice comes to can have a least and a most.
//
// Minimum: what is missing is charged beside the usage as a true-up, once, when
// the period closes: minimum × part − what was charged, never below zero. What
// was charged is rounded first: lines are what the customer sees.
//
// Maximum: what is above is given back as a discount line, so that usage lines
// keep their own prices. Over several charges of one period, all that was
// charged before counts.

// TrueUp is what is missing to a minimum, of which part is in force.
func TrueUp(minimum, part money.Ratio, charged money.Amount, mode money.Rounding) money.Amount {
	c := charged.Currency()
	missing := minimum.Mul(part).In(c, mode).Sub(charged)
	return money.Max(money.Zero(c), missing)
}

// Above is what a charge takes more than a maximum allows after what was
// charged before it.
func Above(maximum, before, charge money.Amount) money.Amount {
	zero := money.Zero(charge.Currency())
	room := money.Max(zero, maximum.Sub(before))
	return money.Max(zero, charge.Sub(room))
}
