package rating_test

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// TestRatedAmountsHave18Places: whatever the price, what is rated is quantity ×
// price to 18 places and the line is it to 2, each rounded half up once, of the
// exact figure and never of the other. Bills of clouds have both.
func TestRatedAmountsHave18Places(t *testing.T) {
	tie := []struct{ quantity, each, per string }{
		{"1", "0.000000000000000001", "1"}, {"0.5", "0.000000000000000001", "1"}, {"0.49", "0.000000000000000001", "1"},
		{"1", "0.005", "1"}, {"1", "0.004999999999999999", "1"}, {"0.000000000001", "0.0000005", "1"}, {"1", "1", "3"}, {"2", "1", "3"},
		{"99999999999.999999999999", "0.123456789012345678", "1"}, {"123456789", "0.000000000000000007", "1000000"},
	}
	for _, c := range tie {
		rounded18And2(t, c.quantity, c.each, c.per)
	}
	rapid.Check(t, func(r *rapid.T) {
		quantity := decimal.New(rapid.Int64Range(1, 1e15).Draw(r, "quantity"), -rapid.Int32Range(0, 12).Draw(r, "decimals"))
		each := decimal.New(rapid.Int64Range(0, 1e17).Draw(r, "each"), -18)
		rounded18And2(t, quantity.String(), each.String(), fmt.Sprint(rapid.SampledFrom([]int64{1, 3, 7, 1000, 1024}).Draw(r, "per")))
	})
}

// rounded18And2 bills a quantity priced by so many units, each day by itself
// and over the period.
func rounded18And2(t *testing.T, quantity, each, per string) {
	t.Helper()
	exact := new(big.Rat).Mul(rat(t, quantity), rat(t, each))
	exact.Quo(exact, rat(t, per))
	for _, how := range []string{"over: period", "over: day"} {
		charge := fmt.Sprintf("price: {each: %s}\n      %s", each, how)
		if per != "1" {
			charge += fmt.Sprintf("\n      unit: {divide_by: %s}", per)
		}
		o := billPart(t, charge, quantity)
		if got, want := money.Recorded(o.Rated[0].Amount).StringFixed(18), halfUpText(exact, 18); got != want {
			t.Errorf("%s × %s / %s, %s: rated %s, want %s", quantity, each, per, how, got, want)
		}
		if got, want := o.Invoice.Total.Value().StringFixed(2), halfUpText(exact, 2); got != want {
			t.Errorf("%s × %s / %s, %s: the line is %s, want %s", quantity, each, per, how, got, want)
		}
	}
}

func rat(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatal(text)
	}
	return r
}

// halfUpText is a ratio that is not negative, rounded half up.
func halfUpText(r *big.Rat, places int64) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	n := new(big.Int).Mul(r.Num(), scale)
	n.Add(n.Lsh(n, 1), r.Denom()) // 2n + d over 2d
	return decimal.NewFromBigInt(n.Quo(n, new(big.Int).Lsh(r.Denom(), 1)), -int32(places)).StringFixed(int32(places))
}
