// Package money is exact decimal money: amounts that carry their currency,
// and the one place where a division and a rounding may happen.
//
// Everything is a decimal; no float comes near it. A line of an
// invoice is made by Line: multiply first, divide once, round once (rule G-4).
// Past that, amounts are only added and compared.
package money

import (
	"fmt"
	"slices"

	"ratemill/rating/decimal"
)

// Rounding is how a line's exact value becomes a whole number of minor units.
type Rounding string

const (
	HalfUp   Rounding = "half_up"   // ties away from zero, on the magnitude (rule G-4)
	HalfEven Rounding = "half_even" // ties to the even neighbour
	Up       Rounding = "up"        // away from zero
	Down     Rounding = "down"      // towards zero
)

// Roundings are the modes that a catalog may name.
var Roundings = []Rounding{HalfUp, HalfEven, Up, Down}

// Currency is an ISO 4217 code with the number of digits of its minor unit.
type Currency struct {
	Code  string
	Minor int32
}

// LookupCurrency is the currency of an ISO 4217 code in capitals.
func LookupCurrency(code string) (Currency, error) {
	i, found := slices.BinarySearchFunc(currencies, code, func(c Currency, code string) int {
		switch {
		case c.Code < code:
			return -1
		case c.Code > code:
			return 1
		}
		return 0
	})
	if !found {
		return Currency{}, fmt.Errorf("%q is not an ISO 4217 currency code", code)
	}
	return currencies[i], nil
}

// Codes are the codes of all currencies, in their order.
func Codes() []string {
	var codes []string
	for _, c := range currencies {
		codes = append(codes, c.Code)
	}
	return codes
}

// Amount is money: a whole number of its currency's minor unit.
// The zero Amount has no currency; it may be added to any amount.
type Amount struct {
	value decimal.Decimal
	unit  unit
}

// New is an amount of a currency; it refuses digits below the minor unit.
func New(value decimal.Decimal, c Currency) (Amount, error) {
	if !value.Equal(value.Truncate(c.Minor)) {
		return Amount{}, fmt.Errorf("%s %s has more digits than the currency's %d", value, c.Code, c.Minor)
	}
	return Amount{value, unitOf(c)}, nil
}

// Zero is no money, in a currency.
func Zero(c Currency) Amount { return Amount{unit: unitOf(c)} }

// Value is the amount as a decimal in the currency's major unit.
func (a Amount) Value() decimal.Decimal { return a.value }

// Currency is the amount's currency.
func (a Amount) Currency() Currency {
	if a.unit == none {
		return Currency{}
	}
	return a.unit.Value()
}

// Sign is -1, 0 or +1.
func (a Amount) Sign() int { return a.value.Sign() }

// Add is a + b. Amounts of two currencies are never added: an account has one
// currency, so that is a mistake of the program, and it panics.
func (a Amount) Add(b Amount) Amount {
	return Amount{a.value.Add(b.value), common(a, b)}
}

// Sub is a − b, under the conditions of Add.
func (a Amount) Sub(b Amount) Amount {
	return Amount{a.value.Sub(b.value), common(a, b)}
}

// Neg is −a.
func (a Amount) Neg() Amount { return Amount{a.value.Neg(), a.unit} }

// Cmp is -1, 0 or +1 as a is below, at or above b, under the conditions of Add.
func (a Amount) Cmp(b Amount) int {
	common(a, b)
	return a.value.Cmp(b.value)
}

// Min is the smaller of a and b, under the conditions of Add.
func Min(a, b Amount) Amount {
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}

// Max is the larger of a and b, under the conditions of Add.
func Max(a, b Amount) Amount {
	if b.Cmp(a) > 0 {
		return b
	}
	return a
}

// String is the amount with all digits of the minor unit and no code: "10.00".
func (a Amount) String() string { return a.value.StringFixed(a.Currency().Minor) }

// Append appends String to a text.
func (a Amount) Append(text []byte) []byte { return a.value.AppendFixed(text, a.Currency().Minor) }

func common(a, b Amount) unit {
	switch {
	case a.unit == b.unit, b.unit == none:
		return a.unit
	case a.unit == none:
		return b.unit
	}
	panic(fmt.Sprintf("money: %s and %s do not add up", a.Currency().Code, b.Currency().Code))
}

// Fraction is an exact part n/d of a cycle, kept undivided until a line is
// made (rule G-5).
type Fraction struct{ N, D int64 }

// Whole is the whole of a cycle.
var Whole = Fraction{1, 1}

// Line is what a line of an invoice costs: quantity × price × part, multiplied
// first, divided once and rounded once to the currency's minor unit (rule G-4).
func Line(quantity, price decimal.Decimal, part Fraction, c Currency, mode Rounding) Amount {
	product := quantity.Mul(price).Mul(decimal.NewFromInt(part.N))
	return Amount{divide(product, decimal.NewFromInt(part.D), c.Minor, mode), unitOf(c)}
}

// RecordedDecimals are the decimals of amounts that are written down before
// they are rounded to lines.
const RecordedDecimals = 18

// Recorded is an amount that no line is made of as a table holds it: rounded
// half up where it has more decimals than the table.
func Recorded(value decimal.Decimal) decimal.Decimal {
	if -value.Exponent() <= RecordedDecimals {
		return value
	}
	return divide(value, decimal.NewFromInt(1), RecordedDecimals, HalfUp)
}

// Quotient is value / by, false where that has more decimals than a price may
// have: it is never rounded.
func Quotient(value decimal.Decimal, by int64, decimals int32) (decimal.Decimal, bool) {
	q, r := value.QuoRem(decimal.NewFromInt(by), decimals)
	return q, r.IsZero()
}

// divide is value / divisor, rounded in the mode to so many digits. QuoRem is exact:
// value = q·divisor + r, with q cut towards zero at the digits wanted.
func divide(value, divisor decimal.Decimal, digits int32, mode Rounding) decimal.Decimal {
	q, r := value.QuoRem(divisor, digits)
	if r.IsZero() {
		return q
	}
	ulp := decimal.New(int64(value.Sign()), -digits)
	if divisor.IsNegative() {
		ulp = ulp.Neg()
	}
	// r is measured against half of one unit in the last place of the divisor.
	half := r.Abs().Mul(decimal.NewFromInt(2)).Cmp(divisor.Abs().Shift(-digits))
	away := false
	switch mode {
	case Up:
		away = true
	case Down:
		away = false
	case HalfUp:
		away = half >= 0
	case HalfEven:
		odd := q.Shift(digits).BigInt().Bit(0) == 1
		away = half > 0 || half == 0 && odd
	default:
		panic("money: unknown rounding mode " + string(mode))
	}
	if away {
		return q.Add(ulp)
	}
	return q
}
