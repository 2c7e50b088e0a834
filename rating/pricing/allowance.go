package pricing

import "ratemill/rating/money"

// AfterFree is how much of a quantity is billed when so many units of the
// period are free and so many were used before.
func AfterFree(free, before, quantity money.Ratio) money.Ratio {
	left := used(free.Sub(used(before)))
	return used(quantity.Sub(left))
}
