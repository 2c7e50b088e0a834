package money

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
)

func drawRatio(t *rapid.T, name string) (Ratio, *big.Rat) {
	n, d := drawDecimal(t, name), drawDecimal(t, name+" over")
	if d.IsZero() {
		return Exactly(n), n.Rat()
	}
	return Over(n, d), new(big.Rat).Quo(n.Rat(), d.Rat())
}

func (r Ratio) rat() *big.Rat { return new(big.Rat).Quo(r.n.Rat(), r.over().Rat()) }

func TestRatioIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, x := drawRatio(t, "r")
		s, y := drawRatio(t, "s")
		for name, got := range map[string][2]*big.Rat{
			"r": {r.rat(), x}, "+": {r.Add(s).rat(), new(big.Rat).Add(x, y)}, "−": {r.Sub(s).rat(), new(big.Rat).Sub(x, y)},
			"×": {r.Mul(s).rat(), new(big.Rat).Mul(x, y)}, "neg": {r.Neg().rat(), new(big.Rat).Neg(x)},
		} {
			if got[0].Cmp(got[1]) != 0 {
				t.Fatalf("%s of %s and %s is %s, want %s", name, r, s, got[0], got[1])
			}
		}
		if r.Cmp(s) != x.Cmp(y) || r.Sign() != x.Sign() {
			t.Fatalf("%s against %s", r, s)
		}
		if d := some(t); r.By(d).rat().Cmp(new(big.Rat).Quo(x, d.Rat())) != 0 {
			t.Fatalf("%s by %s is %s", r, d, r.By(d))
		}
		mode, digits := rapid.SampledFrom(Roundings).Draw(t, "mode"), rapid.Int32Range(0, 6).Draw(t, "digits")
		if got, want := r.Rounded(digits, mode), roundRat(x, digits, mode); got.Rat().Cmp(want) != 0 {
			t.Fatalf("%s %s to %d is %s, want %s", r, mode, digits, got, want)
		}
		if d, exact := r.Decimal(); exact && d.Rat().Cmp(x) != 0 {
			t.Fatalf("%s is %s", r, d)
		}
		if r.Den().Sign() <= 0 || !r.Den().IsInteger() {
			t.Fatalf("%s has the divisor %s", r, r.Den())
		}
	})
}

func some(t *rapid.T) decimal.Decimal {
	if d := drawDecimal(t, "by"); !d.IsZero() {
		return d
	}
	return decimal.NewFromInt(1)
}

func TestRatioText(t *testing.T) {
	for _, c := range []struct {
		r    Ratio
		want string
	}{
		{Ratio{}, "0"}, {Int(7), "7"}, {Over(number(t, "1"), number(t, "4")), "0.25"}, {Over(number(t, "7"), number(t, "30")), "7/30"},
		{Over(number(t, "60"), number(t, "-30")), "-2"}, {Over(number(t, "1"), number(t, "0.30")), "100/30"}, {Exactly(number(t, "1.50")), "1.5"},
	} {
		if got := c.r.String(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	if got := Over(number(t, "2"), number(t, "3")).Recorded().String(); got != "0.666666666666666667" {
		t.Error(got)
	}
	if !panics(func() { Over(number(t, "1"), number(t, "0.00")) }) {
		t.Error("a ratio over zero does not panic")
	}
}

// Parts add up to the whole, and each is its exact share but for less than one
// unit of the last digit.
func TestAllocateAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.Int32Range(0, 4).Draw(t, "digits")
		total := decimal.New(rapid.Int64Range(-1e9, 1e9).Draw(t, "total"), -digits)
		var weights []decimal.Decimal
		all := new(big.Rat)
		for range rapid.IntRange(1, 8).Draw(t, "weights") {
			w := drawDecimal(t, "weight").Abs()
			weights = append(weights, w)
			all.Add(all, w.Rat())
		}
		sum := decimal.Decimal{}
		for i, part := range Allocate(total, weights, digits) {
			sum = sum.Add(part)
			if all.Sign() == 0 {
				continue
			}
			exact := new(big.Rat).Mul(total.Rat(), new(big.Rat).Quo(weights[i].Rat(), all))
			off := exact.Sub(exact, part.Rat())
			if off.Abs(off).Cmp(decimal.New(1, -digits).Rat()) >= 0 {
				t.Fatalf("part %d of %s over %s is %s", i, total, weights, part)
			}
		}
		if !sum.Equal(total) {
			t.Fatalf("%s over %s makes %s", total, weights, sum)
		}
	})
}

func TestAllocateOrder(t *testing.T) {
	one, none := number(t, "1"), number(t, "0")
	for _, c := range []struct {
		total   string
		weights []decimal.Decimal
		want    []string
	}{
		{"0.05", []decimal.Decimal{one, one, one}, []string{"0.02", "0.02", "0.01"}}, // ties: the first first
		{"-0.05", []decimal.Decimal{one, one, one}, []string{"-0.02", "-0.02", "-0.01"}},
		{"1", []decimal.Decimal{none, one}, []string{"0", "1"}},
		{"1", []decimal.Decimal{none, none}, []string{"1", "0"}},
		{"1", nil, nil},
	} {
		got := Allocate(number(t, c.total), c.weights, 2)
		for i := range c.want {
			if !got[i].Equal(number(t, c.want[i])) {
				t.Errorf("%s: %s, want %s", c.total, got, c.want)
				break
			}
		}
	}
}
