package decimal

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"testing"

	wide "github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// TestSameAsWide: every method gives what shopspring/decimal gives, value,
// exponent and text, over numbers that are small, wide, and at the bound
// between the two.
func TestSameAsWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, wideD := draw(t, "d")
		e, wideE := draw(t, "e")
		places := rapid.Int32Range(-20, 20).Draw(t, "places")
		same(t, "Add", d.Add(e), wideD.Add(wideE))
		same(t, "Sub", d.Sub(e), wideD.Sub(wideE))
		same(t, "Mul", d.Mul(e), wideD.Mul(wideE))
		same(t, "Neg", d.Neg(), wideD.Neg())
		same(t, "Abs", d.Abs(), wideD.Abs())
		same(t, "Shift", d.Shift(places), wideD.Shift(places))
		same(t, "Truncate", d.Truncate(places), wideD.Truncate(places))
		same(t, "Min", Min(d, e), wide.Min(wideD, wideE))
		same(t, "Max", Max(d, e), wide.Max(wideD, wideE))
		same(t, "Round", d.Round(places), wideD.Round(places))
		if !e.IsZero() {
			same(t, "DivRound", d.DivRound(e, places), wideD.DivRound(wideE, places))
			q, r := d.QuoRem(e, places)
			wideQ, wideR := wideD.QuoRem(wideE, places)
			same(t, "quotient", q, wideQ)
			same(t, "remainder", r, wideR)
		}
		equal(t, "Cmp", d.Cmp(e), wideD.Cmp(wideE))
		equal(t, "Equal", d.Equal(e), wideD.Equal(wideE))
		equal(t, "GreaterThan", d.GreaterThan(e), wideD.GreaterThan(wideE))
		equal(t, "GreaterThanOrEqual", d.GreaterThanOrEqual(e), wideD.GreaterThanOrEqual(wideE))
		equal(t, "LessThan", d.LessThan(e), wideD.LessThan(wideE))
		equal(t, "LessThanOrEqual", d.LessThanOrEqual(e), wideD.LessThanOrEqual(wideE))
		equal(t, "Sign", d.Sign(), wideD.Sign())
		equal(t, "IsZero", d.IsZero(), wideD.IsZero())
		equal(t, "IsNegative", d.IsNegative(), wideD.IsNegative())
		equal(t, "IsPositive", d.IsPositive(), wideD.IsPositive())
		equal(t, "IsInteger", d.IsInteger(), wideD.IsInteger())
		equal(t, "IntPart", d.IntPart(), wideD.IntPart())
		equal(t, "Rat", d.Rat().String(), wideD.Rat().String())
		equal(t, "BigInt", d.BigInt().String(), wideD.BigInt().String())
		equal(t, "StringFixed", d.StringFixed(places), wideD.StringFixed(places))
		equal(t, "printed", fmt.Sprintf("%s %v %8s", d, d, d), fmt.Sprintf("%s %v %8s", wideD, wideD, wideD))
		read, err := NewFromString(d.String())
		wideRead, _ := wide.NewFromString(wideD.String())
		same(t, "NewFromString", read, wideRead)
		text, jsonErr := json.Marshal(d)
		wideText, _ := json.Marshal(wideD)
		equal(t, "JSON", string(text), string(wideText))
		var back Decimal
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(d) {
			t.Fatalf("%s came back as %s: %v", text, back, err)
		}
		if err != nil || jsonErr != nil {
			t.Fatal(err, jsonErr)
		}
	})
}

// draw is a number both ways. Two that are near each other are as likely as
// two of any size, so that comparisons and differences come out every way.
func draw(t *rapid.T, name string) (Decimal, wide.Decimal) {
	bounds := []int64{0, 1, 9, 10, 1e9, 1 << 32, 1e18, math.MaxInt64}
	near := rapid.Custom(func(t *rapid.T) int64 {
		n := rapid.SampledFrom(bounds).Draw(t, "bound") - rapid.Int64Range(-2, 2).Draw(t, "beside")
		if rapid.Bool().Draw(t, "below zero") {
			n = -n
		}
		return n
	})
	n := big.NewInt(rapid.OneOf(near, rapid.Int64(), rapid.Int64Range(-100_000, 100_000)).Draw(t, name))
	if rapid.IntRange(0, 4).Draw(t, name+" is wide") == 0 {
		n.Mul(n, big.NewInt(rapid.Int64().Draw(t, name+" times")))
	}
	exp := rapid.OneOf(rapid.Int32Range(-3, 1), rapid.Int32Range(-25, 25)).Draw(t, name+" exponent")
	return NewFromBigInt(n, exp), wide.NewFromBigInt(n, exp)
}

func same(t *rapid.T, what string, got Decimal, want wide.Decimal) {
	t.Helper()
	if got.Exponent() != want.Exponent() || got.Coefficient().Cmp(want.Coefficient()) != 0 || got.String() != want.String() {
		t.Fatalf("%s: %s × 10^%d (%s), want %s × 10^%d (%s)", what, got.Coefficient(), got.Exponent(), got, want.Coefficient(), want.Exponent(), want)
	}
	if n, is := got.Int64(); is != (want.Coefficient().IsInt64() && want.Coefficient().Int64() != math.MinInt64) || is && n != want.CoefficientInt64() {
		t.Fatalf("%s: %s is kept the wrong way: %d, %v", what, want, n, is)
	}
}

func equal[T comparable](t *rapid.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// TestSmallStaysOnTheStack: what a night does a million times allocates nothing.
func TestSmallStaysOnTheStack(t *testing.T) {
	quantity, price, sum := NewFromInt(340), New(120, -4), Zero
	allocated := testing.AllocsPerRun(100, func() {
		sum = sum.Add(quantity.Mul(price)).Sub(New(1, -2))
		q, _ := sum.QuoRem(NewFromInt(30), 2)
		if q.GreaterThan(sum) {
			t.Error("a thirtieth is more")
		}
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}

// BenchmarkLine is quantity × price cut to cents, both ways.
func BenchmarkLine(b *testing.B) {
	b.Run("decimal", func(b *testing.B) {
		quantity, price := NewFromInt(340), New(120, -4)
		for b.Loop() {
			quantity.Mul(price).QuoRem(NewFromInt(1), 2)
		}
	})
	b.Run("shopspring", func(b *testing.B) {
		quantity, price := wide.NewFromInt(340), wide.New(120, -4)
		for b.Loop() {
			quantity.Mul(price).QuoRem(wide.NewFromInt(1), 2)
		}
	})
}
