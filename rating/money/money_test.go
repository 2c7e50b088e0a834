package money

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
)

func number(t *testing.T, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func currency(t *testing.T, code string) Currency {
	t.Helper()
	c, err := LookupCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLineRounds(t *testing.T) {
	for _, c := range []struct {
		exact                      string
		halfUp, halfEven, up, down string
	}{
		{"0.005", "0.01", "0.00", "0.01", "0.00"},
		{"0.015", "0.02", "0.02", "0.02", "0.01"},
		{"0.025", "0.03", "0.02", "0.03", "0.02"},
		{"0.0249999999999999999999", "0.02", "0.02", "0.03", "0.02"},
		{"0.0250000000000000000001", "0.03", "0.03", "0.03", "0.02"},
		{"1.234", "1.23", "1.23", "1.24", "1.23"},
		{"1.236", "1.24", "1.24", "1.24", "1.23"},
		{"1.20", "1.20", "1.20", "1.20", "1.20"},
		{"0", "0.00", "0.00", "0.00", "0.00"},
		{"0.0000001", "0.00", "0.00", "0.01", "0.00"},
	} {
		for mode, want := range map[Rounding]string{HalfUp: c.halfUp, HalfEven: c.halfEven, Up: c.up, Down: c.down} {
			got := Line(number(t, "1"), number(t, c.exact), Whole, currency(t, "USD"), mode)
			if got.String() != want {
				t.Errorf("%s %s is %s, want %s", c.exact, mode, got, want)
			}
			// Modes work on the magnitude: the negative is the mirror (rule G-4).
			mirrored := Line(number(t, "-1"), number(t, c.exact), Whole, currency(t, "USD"), mode)
			if mirrored.Cmp(got.Neg()) != 0 {
				t.Errorf("-%s %s is %s, want %s", c.exact, mode, mirrored, got.Neg())
			}
		}
	}
}

// A line is multiplied first and divided once: the ties that other engines miss.
func TestLineMultipliesFirst(t *testing.T) {
	for _, c := range []struct {
		price string
		part  Fraction
		want  string
	}{
		{"15.15", Fraction{7, 30}, "3.54"},
		{"99.15", Fraction{7, 30}, "23.14"},
		{"0.42", Fraction{17, 28}, "0.26"},
		{"5.00", Fraction{20, 30}, "3.33"},
		{"249.95", Fraction{9, 30}, "74.99"},
		{"47", Fraction{0, 30}, "0.00"},
		{"47", Fraction{30, 30}, "47.00"},
	} {
		if got := Line(number(t, "1"), number(t, c.price), c.part, currency(t, "USD"), HalfUp); got.String() != c.want {
			t.Errorf("%s × %d/%d is %s, want %s", c.price, c.part.N, c.part.D, got, c.want)
		}
	}
}

func TestLineRoundsToTheMinorUnit(t *testing.T) {
	for code, want := range map[string]string{"JPY": "47", "USD": "47.34", "BHD": "47.341", "CLF": "47.3408"} {
		if got := Line(number(t, "10.625"), number(t, "4.4556"), Whole, currency(t, code), HalfUp); got.String() != want {
			t.Errorf("47.34075 %s is %s, want %s", code, got, want)
		}
	}
}

// Every mode, part and currency against fractions of integers.
func TestLineIsExact(t *testing.T) {
	codes := []string{"USD", "JPY", "BHD", "CLF"}
	rapid.Check(t, func(rt *rapid.T) {
		quantity := drawDecimal(rt, "quantity")
		price := drawDecimal(rt, "price")
		d := rapid.Int64Range(1, 400).Draw(rt, "d")
		part := Fraction{rapid.Int64Range(0, d).Draw(rt, "n"), d}
		c := currency(t, rapid.SampledFrom(codes).Draw(rt, "currency"))
		mode := rapid.SampledFrom(Roundings).Draw(rt, "mode")

		exact := new(big.Rat).Mul(quantity.Rat(), price.Rat())
		exact.Mul(exact, big.NewRat(part.N, part.D))
		want := roundRat(exact, c.Minor, mode)
		got := Line(quantity, price, part, c, mode)
		if got.Value().Rat().Cmp(want) != 0 {
			rt.Fatalf("%s × %s × %d/%d %s %s is %s, want %s", quantity, price, part.N, part.D, c.Code, mode, got, want.FloatString(6))
		}
		if _, err := New(got.Value(), c); err != nil {
			rt.Fatal(err)
		}
	})
}

// drawDecimal draws numbers of which many have few digits, so that ties come up.
func drawDecimal(t *rapid.T, name string) decimal.Decimal {
	digits := rapid.OneOf(rapid.Int64Range(-1000, 1000), rapid.Int64()).Draw(t, name)
	return decimal.New(digits, -rapid.Int32Range(0, 8).Draw(t, name+" scale"))
}

// roundRat rounds by whole numbers only: in minor units, the magnitude's floor
// and what is left over.
func roundRat(exact *big.Rat, digits int32, mode Rounding) *big.Rat {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	inUnits := new(big.Rat).Mul(exact, new(big.Rat).SetInt(unit))
	floor, rest := new(big.Int).QuoRem(new(big.Int).Abs(inUnits.Num()), inUnits.Denom(), new(big.Int))
	twice := new(big.Int).Lsh(rest, 1).Cmp(inUnits.Denom()) // −1, 0, 1: below, at, above half
	up := false
	switch {
	case rest.Sign() == 0, mode == Down:
	case mode == Up:
		up = true
	case mode == HalfUp:
		up = twice >= 0
	case mode == HalfEven:
		up = twice > 0 || twice == 0 && floor.Bit(0) == 1
	}
	if up {
		floor.Add(floor, big.NewInt(1))
	}
	if exact.Sign() < 0 {
		floor.Neg(floor)
	}
	return new(big.Rat).SetFrac(floor, unit)
}

func TestNewRefusesDigitsBelowTheMinorUnit(t *testing.T) {
	for text, code := range map[string]string{"0.001": "USD", "-10.005": "USD", "0.1": "JPY", "1.2345": "BHD", "1.23456": "CLF"} {
		if a, err := New(number(t, text), currency(t, code)); err == nil {
			t.Errorf("New(%s %s) is %s", text, code, a)
		}
	}
	for text, code := range map[string]string{"0.01": "USD", "0.010": "USD", "-1": "JPY", "100": "USD", "1.234": "BHD"} {
		if _, err := New(number(t, text), currency(t, code)); err != nil {
			t.Error(err)
		}
	}
}

func TestAmountsOfTwoCurrenciesDoNotAddUp(t *testing.T) {
	usd, err := New(number(t, "10"), currency(t, "USD"))
	if err != nil {
		t.Fatal(err)
	}
	yen, err := New(number(t, "10"), currency(t, "JPY"))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(){
		"Add": func() { usd.Add(yen) }, "Sub": func() { usd.Sub(yen) }, "Cmp": func() { usd.Cmp(yen) },
		"Min": func() { Min(usd, yen) }, "Max": func() { Max(usd, yen) },
	} {
		if !panics(f) {
			t.Errorf("%s of USD and JPY does not panic", name)
		}
	}
	if got := usd.Add(Amount{}); got.String() != "10.00" {
		t.Errorf("10.00 USD + nothing is %s", got)
	}
	if got := (Amount{}).Sub(usd); got.String() != "-10.00" || got.Currency().Code != "USD" {
		t.Errorf("nothing − 10.00 USD is %s %s", got, got.Currency().Code)
	}
}

func TestUnknownRoundingPanics(t *testing.T) {
	half := number(t, "0.005")
	if !panics(func() { Line(half, half, Whole, currency(t, "USD"), "banker") }) {
		t.Error("an unknown rounding mode does not panic")
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestCurrencies(t *testing.T) {
	for code, minor := range map[string]int32{
		"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "COP": 2, "IDR": 2, "HUF": 2, "MGA": 2, "MRU": 2, "TWD": 2,
		"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "PYG": 0, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0, "XPF": 0,
		"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
	} {
		if got := currency(t, code).Minor; got != minor {
			t.Errorf("%s has %d digits, want %d", code, got, minor)
		}
	}
	// Withdrawn codes, funds, metals, tests, and what only looks like a code.
	for _, code := range []string{"", "usd", "US", "USDD", "DEM", "HRK", "BGN", "ANG", "SLL", "ZWL", "XAU", "XTS", "XXX", "CHE", " USD"} {
		if c, err := LookupCurrency(code); err == nil {
			t.Errorf("%q is a currency: %v", code, c)
		} else if !strings.Contains(err.Error(), fmt.Sprintf("%q", code)) {
			t.Errorf("the error for %q does not name it: %v", code, err)
		}
	}
	if !slices.IsSortedFunc(currencies, func(a, b Currency) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("the table is not sorted by code")
	}
}

// TestRecorded: what a table cannot hold is rounded half up, away from zero,
// and nothing else is touched.
func TestRecorded(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"0.402", "0.402"},
		{"10.00", "10.00"},
		{"0.123456789012345678", "0.123456789012345678"},
		{"0.1234567890123456784999999", "0.123456789012345678"},
		{"0.1234567890123456785", "0.123456789012345679"},
		{"-0.1234567890123456785", "-0.123456789012345679"},
		{"0.0000000000000000004", "0"},
		{"99999999999999.9999999999999999995", "100000000000000"},
	} {
		got := Recorded(number(t, c.value))
		if !got.Equal(number(t, c.want)) || -got.Exponent() > RecordedDecimals {
			t.Errorf("%s: %s, want %s", c.value, got, c.want)
		}
	}
}

func TestQuotient(t *testing.T) {
	for _, c := range []struct {
		value string
		by    int64
		want  string
	}{
		{"35", 1000, "0.035"},
		{"0.035", 1, "0.035"},
		{"1", 8, "0.125"},
		{"1", 3, "none"},
		{"0.000000000000000001", 2, "none"},
		{"0.000000000000000002", 2, "0.000000000000000001"},
		{"0", 7, "0"},
	} {
		got, exact := Quotient(number(t, c.value), c.by, 18)
		if exact != (c.want != "none") || exact && !got.Equal(number(t, c.want)) {
			t.Errorf("%s / %d: %s %t, want %s", c.value, c.by, got, exact, c.want)
		}
	}
}

// An amount keeps its currency whatever that is, and two amounts of one
// currency add up wherever it came from.
func TestAmountsKeepTheirCurrency(t *testing.T) {
	for _, c := range []Currency{{}, currency(t, "USD"), currency(t, "UYW"), {Code: "USD", Minor: 0}, {Code: "usd", Minor: 2}, {Code: "XXX", Minor: 9}, {Code: "calls"}} {
		a, b := Zero(c), Zero(Currency{strings.Clone(c.Code), c.Minor})
		if a.Currency() != c || a != b || a.Add(b).Currency() != c {
			t.Errorf("nothing of %v is of %v, and of %v, and together of %v", c, a.Currency(), b.Currency(), a.Add(b).Currency())
		}
	}
	if !panics(func() { Zero(currency(t, "USD")).Add(Zero(Currency{"USD", 0})) }) {
		t.Error("cents and dollars add up")
	}
}
