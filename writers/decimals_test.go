package writers

import (
	"encoding/hex"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func TestMoney(t *testing.T) {
	four := money.Currency{Code: "CLF", Minor: 4}
	for _, test := range []struct {
		value string
		want  int64
		ok    bool
	}{
		{"0", 0, true},
		{"10.00", 100_000, true},
		{"-0.01", -100, true},
		{"1e3", 10_000_000, true},
		{"99999999999999.9999", moneyLimit - 1, true},
		{"-99999999999999.9999", 1 - moneyLimit, true},
		{"100000000000000", 0, false},
		{"-100000000000000", 0, false},
		{"1e30", 0, false},
		{"1e9999", 0, false},
	} {
		a, err := money.New(dec(test.value), four)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := Money(a); got != test.want || ok != test.ok {
			t.Errorf("Money(%s) = %d, %t; want %d, %t", test.value, got, ok, test.want, test.ok)
		}
		if test.ok && !FromMoney(test.want).Equal(a.Value()) {
			t.Errorf("FromMoney(%d) = %s", test.want, FromMoney(test.want))
		}
	}
	five, _ := money.New(dec("0.00001"), money.Currency{Code: "XXX", Minor: 5})
	if _, ok := Money(five); ok {
		t.Error("Money rounds a fifth decimal")
	}
}

func TestWide(t *testing.T) {
	for _, test := range []struct{ value, want string }{
		{"0", "00000000000000000000000000000000"},
		{"0.000000000000000001", "00000000000000000000000000000001"},
		{"-0.000000000000000001", "ffffffffffffffffffffffffffffffff"},
		{"1", "00000000000000000de0b6b3a7640000"},
		{"-1", "fffffffffffffffff21f494c589c0000"},
		{"1e1", "00000000000000008ac7230489e80000"},
		{"0.0000000000000000010", "00000000000000000000000000000001"},
		{"99999999999999999999.999999999999999999", "4b3b4ca85a86c47a098a223fffffffff"},
		{"-99999999999999999999.999999999999999999", "b4c4b357a5793b85f675ddc000000001"},
		{"100000000000000000000", ""},
		{"-100000000000000000000", ""},
		{"0.0000000000000000001", ""},
		{"0.0000000000000000000000000000000000000000001", ""},
		{"1e-9999", ""},
		{"1e9999", ""},
	} {
		got, ok := ToWide(dec(test.value))
		if text := hex.EncodeToString(got[:]); ok != (test.want != "") || ok && text != test.want {
			t.Errorf("ToWide(%s) = %s, %t; want %s", test.value, text, ok, test.want)
		}
		if ok && !FromWide(got).Equal(dec(test.value)) {
			t.Errorf("%s comes back as %s", test.value, FromWide(got))
		}
	}
	if !FromWide(highestWide).Equal(FromWide(lowestWide).Neg()) {
		t.Error("the bounds of a Wide are not each other's opposite")
	}
}

// Any coefficient and exponent: what fits comes back, what does not is
// refused, by the definition of DECIMAL(38,18).
func TestWideProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 0, 18).Draw(t, "coefficient")
		c := new(big.Int).SetBytes(bytes)
		if rapid.Bool().Draw(t, "negative") {
			c.Neg(c)
		}
		d := decimal.NewFromBigInt(c, rapid.Int32Range(-40, 24).Draw(t, "exponent"))
		fits := d.Equal(d.Truncate(wideScale)) && d.Abs().LessThan(dec("1e20"))
		w, ok := ToWide(d)
		if ok != fits {
			t.Fatalf("ToWide(%s) is %t, want %t", d, ok, fits)
		}
		if ok && !FromWide(w).Equal(d) {
			t.Fatalf("%s comes back as %s", d, FromWide(w))
		}
	})
}

// Every 64-bit coefficient goes the short way; it must agree with big.Int.
func TestWideProduct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n := rapid.Int64().Draw(t, "a"), rapid.IntRange(0, wideScale).Draw(t, "n")
		want := wideOf(new(big.Int).Mul(big.NewInt(a), power(int64(n))))
		if got := wideOfProduct(a, powersOf10[n]); got != want {
			t.Fatalf("%d × 10^%d = %x, want %x", a, n, got, want)
		}
	})
}

func BenchmarkToWide(b *testing.B) {
	d := dec("-12.3456")
	for b.Loop() {
		ToWide(d)
	}
}

// TestFiguresComeBackShort: what was written comes back as the same number,
// without zeros at its end, whatever way it was kept.
func TestFiguresComeBackShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := big.NewInt(rapid.Int64().Draw(t, "coefficient"))
		if rapid.Bool().Draw(t, "wide") {
			c.Mul(c, big.NewInt(rapid.Int64Range(-5_000_000_000, 5_000_000_000).Draw(t, "times")))
		}
		d := decimal.NewFromBigInt(c, rapid.Int32Range(-18, 0).Draw(t, "exponent"))
		w, ok := ToWide(d)
		if !ok {
			t.Skip("too wide")
		}
		back := FromWide(w)
		if !back.Equal(d) {
			t.Fatalf("%s comes back as %s", d, back)
		}
		if _, small := back.Int64(); small && back.Exponent() < 0 && back.Truncate(-back.Exponent()-1).Equal(back) {
			t.Fatalf("%s comes back with the exponent %d", d, back.Exponent())
		}
	})
}

func wideOfProduct(a int64, b uint64) (w Wide) {
	setProduct(&w, a, b)
	return w
}
