package readers

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestScaledNumbers(t *testing.T) {
	long := strings.Repeat("0", 1_000_000)
	for _, test := range []struct {
		scale      int
		text, want string
	}{
		{0, "3.00", "3"},
		{0, "3.5", "not_a_number"},
		{0, "-3.000e0", "-3"},
		{0, "12e-1", "not_a_number"},
		{0, "120e-1", "12"},
		{0, "1.5E+1", "15"},
		{0, ".0", "0"},
		{0, "9223372036854775807.0", "9223372036854775807"},
		{0, "9223372036854775808.0", "overflow"},
		{0, "-9223372036854775808.0", "-9223372036854775808"},
		{0, "-9.223372036854775808e18", "-9223372036854775808"},
		{0, "-9223372036854775809.0", "overflow"},
		{0, "1e19", "overflow"},
		{0, "1e999999999999999999999", "overflow"},
		{0, "0e999999999999999999999", "0"},
		{0, "1e-999999999999999999999", "not_a_number"},
		{0, "0.0e-999999999999999999999", "0"},
		{0, "1" + long + "e-1000000", "1"},
		{0, "0." + long + "1e1000001", "1"},
		{2, "0.5", "50"},
		{2, ".05", "5"},
		{2, "-0.05", "-5"},
		{2, "7", "700"},
		{2, "0.005", "not_a_number"},
		{2, "0.0050e1", "5"},
		{2, "92233720368547758.07", "9223372036854775807"},
		{2, "92233720368547758.08", "overflow"},
		{18, "1", "1000000000000000000"},
		{18, "-9.223372036854775808", "-9223372036854775808"},
		{18, "10", "overflow"},
		{10, "0.0000004", "4000"},
		{2, "", "not_a_number"},
		{2, "-", "not_a_number"},
		{2, ".", "not_a_number"},
		{2, "1.", "not_a_number"},
		{2, "+1.0", "not_a_number"},
		{2, "1,5", "not_a_number"},
		{2, "1.5.5", "not_a_number"},
		{2, "1.5e", "not_a_number"},
		{2, "1.5e+", "not_a_number"},
		{2, "1.5e1.0", "not_a_number"},
		{2, "e5", "not_a_number"},
		{2, "1.5 ", "not_a_number"},
		{2, "NaN", "not_a_number"},
		{2, "0x1", "not_a_number"},
		{2, "$1.50", "not_a_number"},
	} {
		v, why := parseInteger([]byte(test.text), test.scale)
		got := string(why)
		if why == fine {
			got = fmt.Sprint(v)
		}
		if got != test.want {
			t.Errorf("%.40q at %d decimals: got %s, want %s", test.text, test.scale, got, test.want)
		}
	}
}

// TestDecimalsAgainstBig: what is read is what exact arithmetic says.
func TestDecimalsAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{0,22}(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "text")
		scale := rapid.IntRange(0, 18).Draw(t, "scale")
		exact, ok := new(big.Rat).SetString(text)
		v, why := parseInteger([]byte(text), scale)
		if !ok {
			if why != NotANumber {
				t.Fatalf("%q: %d, %s", text, v, why)
			}
			return
		}
		exact.Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		want := fine
		if !exact.IsInt() {
			want = NotANumber
		} else if !exact.Num().IsInt64() {
			want = Overflow
		}
		if why != want || why == fine && exact.Num().Int64() != v {
			t.Fatalf("%q at %d decimals: %d, %q; want %v, %q", text, scale, v, why, exact, want)
		}
	})
}
