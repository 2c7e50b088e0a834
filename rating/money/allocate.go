package money

import (
	"math/big"
	"slices"

	"ratemill/rating/decimal"
)

// Allocate splits a whole over weights so that the parts add up to it, by
// largest remainder: each part is cut down to whole units of the last digit,
// and what is left goes, a unit each, to the parts that lost most, the first
// of equals first. Weights are not negative. Where all are zero, the first
// gets the whole.
//
// Engines that round each part by itself are a cent off the whole; those that
// give the rest to the last part favour it. total has no more digits than
// given.
func Allocate(total decimal.Decimal, weights []decimal.Decimal, digits int32) []decimal.Decimal {
	parts := make([]decimal.Decimal, len(weights))
	if len(weights) == 0 {
		return parts
	}
	scaled, sum := wholeWeights(weights)
	if sum.Sign() == 0 {
		parts[0] = total
		return parts
	}
	units := total.Abs().Shift(digits).BigInt()
	left := new(big.Int).Set(units)
	rests, counts := make([]*big.Int, len(weights)), make([]*big.Int, len(weights))
	order := make([]int, len(weights))
	for i, w := range scaled {
		counts[i], rests[i] = new(big.Int).QuoRem(new(big.Int).Mul(units, w), sum, new(big.Int))
		left.Sub(left, counts[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	for _, i := range order[:left.Int64()] { // fewer than there are parts
		counts[i].Add(counts[i], big.NewInt(1))
	}
	for i := range parts {
		parts[i] = decimal.NewFromBigInt(counts[i], -digits)
		if total.IsNegative() {
			parts[i] = parts[i].Neg()
		}
	}
	return parts
}

// wholeWeights are the weights as whole numbers of a common last digit, with
// their sum.
func wholeWeights(weights []decimal.Decimal) ([]*big.Int, *big.Int) {
	places := int32(0)
	for _, w := range weights {
		places = max(places, -w.Exponent())
	}
	whole, sum := make([]*big.Int, len(weights)), new(big.Int)
	for i, w := range weights {
		whole[i] = w.Shift(places).BigInt()
		sum.Add(sum, whole[i])
	}
	return whole, sum
}
