package pricing

import (
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Discount is what a price is lowered by: a percentage or a fixed amount, the
// other being zero.
//
// Several are taken in the order in which they are stated, each on what those
// before it left, and never more than that: 10 % and then 25 % of 100.00 are
// 10.00 and 22.50. Engines that add percentages up first take 35.00. A
// percentage is of the lines' sum and rounded once; engines that round line by
// line are cents off the percentage of the total.
type Discount struct {
	Percent Percent
	Fixed   money.Amount
}

// Discounted is what each discount takes off a sum.
func Discounted(sum money.Amount, discounts []Discount, mode money.Rounding) []money.Amount {
	taken := make([]money.Amount, len(discounts))
	left := money.Max(money.Zero(sum.Currency()), sum)
	for i, d := range discounts {
		off := d.Fixed
		if !d.Percent.IsZero() {
			off = d.Percent.Of(money.Exactly(left.Value())).In(sum.Currency(), mode)
		}
		taken[i] = money.Min(left, off.Add(money.Zero(sum.Currency())))
		left = left.Sub(taken[i])
	}
	return taken
}

// Spread splits an amount over lines by their amounts, so that the parts add
// up to it (money.Allocate). Lines below zero get nothing of it.
func Spread(amount money.Amount, lines []money.Amount) []money.Amount {
	c := amount.Currency()
	weights := make([]decimal.Decimal, len(lines))
	for i, l := range lines {
		if l.Sign() > 0 {
			weights[i] = l.Value()
		}
	}
	parts := make([]money.Amount, len(lines))
	for i, p := range money.Allocate(amount.Value(), weights, c.Minor) {
		parts[i] = money.Exactly(p).In(c, money.HalfUp) // whole minor units already
	}
	return parts
}

// Lasts is how many billing periods a discount is given: 1 is once, 0 for
// ever.
type Lasts int

// InForce tells whether a period, counted from 0 for the one in which the
// discount began, still has it.
func (l Lasts) InForce(period int) bool { return period >= 0 && (l == 0 || period < int(l)) }
