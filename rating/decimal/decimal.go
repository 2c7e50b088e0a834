// Package decimal is exact decimal numbers that live on the stack.
//
// A night multiplies and adds millions of quantities, prices and amounts, and
// nearly all of them have fewer than 19 digits. Those are an int64 and a power
// of ten here; every product and sum of them is checked, and one that does not
// fit is made by github.com/shopspring/decimal, as all numbers with more
// digits are. A number that fits is never kept the wide way.
//
// Whichever way a result is made, it has the value and the exponent that
// shopspring/decimal gives it: TestSameAsWide proves it for every method, so
// this package may be read as that one, made faster.
package decimal

import (
	"math"
	"math/big"
	"math/bits"

	wide "github.com/shopspring/decimal"
)

// Decimal is coefficient × 10^exponent. It is immutable; the zero Decimal is 0.
// Two that are equal may have several exponents, so compare with Equal or Cmp.
type Decimal struct {
	n   int64         // the coefficient, unless big holds; never the lowest int64, so that −n is one too
	exp int32         // likewise the exponent
	big *wide.Decimal // nil, or a number whose coefficient is no n
}

// Zero is 0.
var Zero = Decimal{}

// New is value × 10^exp.
func New(value int64, exp int32) Decimal {
	if value == math.MinInt64 {
		return Decimal{big: new(wide.New(value, exp))}
	}
	return Decimal{n: value, exp: exp}
}

// NewFromInt is a whole number.
func NewFromInt(value int64) Decimal { return New(value, 0) }

// NewFromBigInt is value × 10^exp.
func NewFromBigInt(value *big.Int, exp int32) Decimal {
	if value.IsInt64() {
		return New(value.Int64(), exp)
	}
	return Decimal{big: new(wide.NewFromBigInt(value, exp))}
}

// NewFromString reads a number such as "-1.50" or "1e3". Its exponent is that
// of its last digit.
func NewFromString(text string) (Decimal, error) {
	d, err := wide.NewFromString(text)
	return narrow(d), err
}

// RequireFromString is NewFromString of a text that the program itself has.
func RequireFromString(text string) Decimal { return narrow(wide.RequireFromString(text)) }

// narrow is a number of the wide kind as one of this.
func narrow(d wide.Decimal) Decimal {
	if d.NumDigits() <= maxPower {
		return Decimal{n: d.CoefficientInt64(), exp: d.Exponent()}
	}
	return NewFromBigInt(d.Coefficient(), d.Exponent())
}

// widen is the number as one of the wide kind.
func (d Decimal) widen() wide.Decimal {
	if d.big != nil {
		return *d.big
	}
	return wide.New(d.n, d.exp)
}

// small tells whether neither of two numbers is wide.
func small(d, e Decimal) bool { return d.big == nil && e.big == nil }

// Add is d + e.
func (d Decimal) Add(e Decimal) Decimal {
	if small(d, e) {
		if a, b, exp, ok := aligned(d, e); ok {
			if sum := a + b; fitsSum(a, b, sum) {
				return Decimal{n: sum, exp: exp}
			}
		}
	}
	return narrow(d.widen().Add(e.widen()))
}

// Sub is d − e.
func (d Decimal) Sub(e Decimal) Decimal {
	if e.big == nil {
		return d.Add(Decimal{n: -e.n, exp: e.exp})
	}
	return narrow(d.widen().Sub(e.widen()))
}

// Neg is −d.
func (d Decimal) Neg() Decimal {
	if d.big == nil {
		return Decimal{n: -d.n, exp: d.exp}
	}
	return narrow(d.widen().Neg())
}

// Abs is d without its sign.
func (d Decimal) Abs() Decimal {
	if d.IsNegative() {
		return d.Neg()
	}
	return d
}

// Mul is d × e.
func (d Decimal) Mul(e Decimal) Decimal {
	if small(d, e) {
		high, low := bits.Mul64(magnitude(d.n), magnitude(e.n))
		exp := int64(d.exp) + int64(e.exp)
		if high == 0 && low <= math.MaxInt64 && exp == int64(int32(exp)) {
			return Decimal{n: signed(low, d.n < 0 != (e.n < 0)), exp: int32(exp)}
		}
	}
	return narrow(d.widen().Mul(e.widen()))
}

// Shift is d × 10^places.
func (d Decimal) Shift(places int32) Decimal {
	if exp := int64(d.exp) + int64(places); d.big == nil && exp == int64(int32(exp)) {
		return Decimal{n: d.n, exp: int32(exp)}
	}
	return narrow(d.widen().Shift(places))
}

// QuoRem is the quotient of d / e, cut towards zero to so many decimals, and
// the remainder: d = e·q + r. It panics where e is zero.
func (d Decimal) QuoRem(e Decimal, decimals int32) (q, r Decimal) {
	if q, r, ok := d.quoRem(e, decimals); ok {
		return q, r
	}
	wideQ, wideR := d.widen().QuoRem(e.widen(), decimals)
	return narrow(wideQ), narrow(wideR)
}

// quoRem is QuoRem of numbers that are small, by a dividend of 128 bits.
func (d Decimal) quoRem(e Decimal, decimals int32) (q, r Decimal, ok bool) {
	if !small(d, e) || e.n == 0 {
		return q, r, false
	}
	high, low, divisor := uint64(0), magnitude(d.n), magnitude(e.n)
	rest := d.exp // exponent of the remainder
	switch shift := int64(d.exp) - int64(e.exp) + int64(decimals); {
	case shift < -maxPower || shift > maxPower:
		return q, r, false
	case shift < 0:
		var over uint64
		if over, divisor = bits.Mul64(divisor, powers[-shift]); over != 0 {
			return q, r, false
		}
	default:
		high, low = bits.Mul64(low, powers[shift])
		rest = e.exp - decimals
	}
	if high >= divisor {
		return q, r, false
	}
	quotient, remainder := bits.Div64(high, low, divisor)
	if quotient > math.MaxInt64 || remainder > math.MaxInt64 {
		return q, r, false
	}
	q = Decimal{n: signed(quotient, d.n < 0 != (e.n < 0)), exp: -decimals}
	return q, Decimal{n: signed(remainder, d.n < 0), exp: rest}, true
}

// DivRound is d / e, rounded half away from zero to so many decimals. It is
// for figures that are shown: money is divided by package money alone.
func (d Decimal) DivRound(e Decimal, decimals int32) Decimal {
	return narrow(d.widen().DivRound(e.widen(), decimals))
}

// Round is d rounded half away from zero to so many decimals, for figures that
// are shown.
func (d Decimal) Round(decimals int32) Decimal { return narrow(d.widen().Round(decimals)) }

// Truncate cuts decimals off, towards zero. What has fewer stays as it is.
func (d Decimal) Truncate(decimals int32) Decimal {
	if d.big == nil && -decimals <= d.exp {
		return d
	}
	if cut := -int64(decimals) - int64(d.exp); d.big == nil && cut <= maxPower {
		return Decimal{n: d.n / int64(powers[cut]), exp: -decimals}
	}
	return narrow(d.widen().Truncate(decimals))
}

// Cmp is −1, 0 or +1 as d is below, at or above e.
func (d Decimal) Cmp(e Decimal) int {
	if !small(d, e) {
		return d.widen().Cmp(e.widen())
	}
	switch s, t := d.Sign(), e.Sign(); {
	case s != t:
		return sign(int64(s - t))
	case s < 0:
		return compare(Decimal{n: -e.n, exp: e.exp}, Decimal{n: -d.n, exp: d.exp})
	}
	return compare(d, e)
}

// compare is Cmp of small numbers that are both zero or both above.
func compare(d, e Decimal) int {
	switch apart := int64(d.exp) - int64(e.exp); {
	case apart < 0:
		return -compare(e, d)
	case apart > maxPower: // d is 0, or above every e
		return sign(d.n)
	default:
		high, low := bits.Mul64(uint64(d.n), powers[apart])
		switch {
		case high > 0 || low > uint64(e.n):
			return 1
		case low < uint64(e.n):
			return -1
		}
		return 0
	}
}

// Equal tells whether d and e are the same number.
func (d Decimal) Equal(e Decimal) bool { return d.Cmp(e) == 0 }

// GreaterThan is d > e.
func (d Decimal) GreaterThan(e Decimal) bool { return d.Cmp(e) > 0 }

// GreaterThanOrEqual is d ≥ e.
func (d Decimal) GreaterThanOrEqual(e Decimal) bool { return d.Cmp(e) >= 0 }

// LessThan is d < e.
func (d Decimal) LessThan(e Decimal) bool { return d.Cmp(e) < 0 }

// LessThanOrEqual is d ≤ e.
func (d Decimal) LessThanOrEqual(e Decimal) bool { return d.Cmp(e) <= 0 }

// Min is the smallest of some numbers, the first of those that are equal.
func Min(first Decimal, rest ...Decimal) Decimal {
	for _, d := range rest {
		if d.LessThan(first) {
			first = d
		}
	}
	return first
}

// Max is the largest of some numbers, the first of those that are equal.
func Max(first Decimal, rest ...Decimal) Decimal {
	for _, d := range rest {
		if d.GreaterThan(first) {
			first = d
		}
	}
	return first
}

// Sign is −1, 0 or +1.
func (d Decimal) Sign() int {
	if d.big != nil {
		return d.big.Sign()
	}
	return sign(d.n)
}

// IsZero is d = 0.
func (d Decimal) IsZero() bool { return d.Sign() == 0 }

// IsNegative is d < 0.
func (d Decimal) IsNegative() bool { return d.Sign() < 0 }

// IsPositive is d > 0.
func (d Decimal) IsPositive() bool { return d.Sign() > 0 }

// IsInteger tells whether d has no digits after the point.
func (d Decimal) IsInteger() bool { return d.exp >= 0 && d.big == nil || d.widen().IsInteger() }

// Exponent is the exponent of d = Coefficient × 10^Exponent.
func (d Decimal) Exponent() int32 {
	if d.big != nil {
		return d.big.Exponent()
	}
	return d.exp
}

// Coefficient is the coefficient of d = Coefficient × 10^Exponent.
func (d Decimal) Coefficient() *big.Int {
	if d.big != nil {
		return d.big.Coefficient()
	}
	return big.NewInt(d.n)
}

// Int64 is the coefficient, false where it is none of 64 bits.
func (d Decimal) Int64() (int64, bool) { return d.n, d.big == nil }

// Rat is d as a fraction.
func (d Decimal) Rat() *big.Rat { return d.widen().Rat() }

// BigInt is d without its digits after the point.
func (d Decimal) BigInt() *big.Int { return d.widen().BigInt() }

// IntPart is d without its digits after the point, of 64 bits.
func (d Decimal) IntPart() int64 {
	if d.big == nil && d.exp == 0 {
		return d.n
	}
	return d.widen().IntPart()
}

// maxPower is the largest power of ten that fits 64 bits with a sign.
const maxPower = 18

// powers[n] is 10^n.
var powers = func() (p [maxPower + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// aligned are the coefficients of two small numbers at the lower of their
// exponents, false where they do not fit.
func aligned(d, e Decimal) (a, b int64, exp int32, ok bool) {
	switch apart := int64(d.exp) - int64(e.exp); {
	case apart == 0:
		return d.n, e.n, d.exp, true
	case apart > 0:
		a, ok = raised(d.n, apart)
		return a, e.n, e.exp, ok
	default:
		b, ok = raised(e.n, -apart)
		return d.n, b, d.exp, ok
	}
}

// raised is n × 10^by, false where it does not fit.
func raised(n, by int64) (int64, bool) {
	if by > maxPower {
		return 0, n == 0
	}
	high, low := bits.Mul64(magnitude(n), powers[by])
	return signed(low, n < 0), high == 0 && low <= math.MaxInt64
}

// fitsSum tells whether a + b did not overflow.
func fitsSum(a, b, sum int64) bool { return (sum^a)&(sum^b) >= 0 && sum != math.MinInt64 }

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// signed is a magnitude of at most 63 bits with its sign.
func signed(magnitude uint64, negative bool) int64 {
	if negative {
		return -int64(magnitude)
	}
	return int64(magnitude)
}

func sign(n int64) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
