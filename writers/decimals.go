package writers

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// The columns' decimals: DECIMAL(18,4) and DECIMAL(38,18).
const (
	moneyScale = 4
	moneyLimit = 1_000_000_000_000_000_000 // the first value with a 19th digit
	wideScale  = 18
)

var (
	wideLimit = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)
	two128    = new(big.Int).Lsh(big.NewInt(1), 128)

	lowestWide  = wideOf(new(big.Int).Sub(big.NewInt(1), wideLimit))
	highestWide = wideOf(new(big.Int).Sub(wideLimit, big.NewInt(1)))
)

// Money is an amount as a DECIMAL(18,4). It is false where the amount has more
// than 4 decimals or more than 14 digits before them: nothing is rounded.
func Money(a money.Amount) (int64, bool) {
	const most = moneyLimit / 10_000 // of a coefficient that can be shifted by 4 digits
	if c, small := a.Value().Int64(); small && -most < c && c < most {
		if up := moneyScale + a.Value().Exponent(); 0 <= up && up <= moneyScale {
			return c * int64(powersOf10[up]), true
		}
	}
	scaled, ok := rescale(a.Value(), moneyScale)
	if !ok || !scaled.IsInt64() {
		return 0, false
	}
	v := scaled.Int64()
	if v <= -moneyLimit || moneyLimit <= v {
		return 0, false
	}
	return v, true
}

// FromMoney is the value of a DECIMAL(18,4), in the major unit of its currency.
func FromMoney(v int64) decimal.Decimal { return decimal.New(v, -moneyScale) }

// ToWide is a number as a DECIMAL(38,18): see SetWide.
func ToWide(d decimal.Decimal) (w Wide, ok bool) {
	ok = SetWide(&w, d)
	return w, ok
}

// SetWide writes a number as a DECIMAL(38,18) to where it stays: one that is
// copied just after it was made waits for the stores. It is false where the
// number has more than 18 decimals or more than 20 digits before them: nothing
// is rounded.
func SetWide(to *Wide, d decimal.Decimal) bool {
	if exp := d.Exponent(); -wideScale <= exp && exp <= 0 {
		if c, small := d.Int64(); small {
			setProduct(to, c, powersOf10[wideScale+exp])
			return true
		}
	}
	scaled, ok := rescale(d, wideScale)
	if !ok || scaled.CmpAbs(wideLimit) >= 0 {
		*to = Wide{}
		return false
	}
	*to = wideOf(scaled)
	return true
}

// FromWide is the value of a DECIMAL(38,18), without zeros at its end where
// that makes it a small number again, which is quick to work with.
func FromWide(w Wide) decimal.Decimal {
	high, low := int64(binary.BigEndian.Uint64(w[:8])), binary.BigEndian.Uint64(w[8:])
	if d, is := shortest(high, low); is {
		return d
	}
	v := new(big.Int).SetBytes(w[:])
	if high < 0 {
		v.Sub(v, two128)
	}
	return decimal.NewFromBigInt(v, -wideScale)
}

// shortest is a DECIMAL(38,18) of 128 bits without zeros at its end, false
// where what is left has more than 63 bits.
func shortest(high int64, low uint64) (decimal.Decimal, bool) {
	negative := high < 0
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high = -high - int64(borrow)
	}
	rest, exp := uint64(high), int32(-wideScale)
	for _, zeros := range [...]int32{18, 14, 12, 8, 4, 2, 1} { // 18 for whole numbers, 14 for prices of 4 decimals
		for exp+zeros <= 0 {
			top, middle := rest/powersOf10[zeros], rest%powersOf10[zeros]
			quotient, remainder := bits.Div64(middle, low, powersOf10[zeros])
			if remainder != 0 {
				break
			}
			rest, low, exp = top, quotient, exp+zeros
		}
	}
	switch {
	case rest > 0 || low > math.MaxInt64:
		return decimal.Decimal{}, false
	case negative:
		return decimal.New(-int64(low), exp), true
	}
	return decimal.New(int64(low), exp), true
}

// rescale is d × 10^scale, false where that is no whole number or needs more
// digits than any column has.
func rescale(d decimal.Decimal, scale int32) (*big.Int, bool) {
	c := d.Coefficient()
	shift := int64(d.Exponent()) + int64(scale)
	switch {
	case c.Sign() == 0 || shift == 0:
		return c, true
	case shift > 38:
		return nil, false
	case shift > 0:
		return c.Mul(c, power(shift)), true
	case -shift > int64(c.BitLen()): // 10^n has more bits than n: not divisible
		return nil, false
	}
	q, r := new(big.Int).QuoRem(c, power(-shift), new(big.Int))
	return q, r.Sign() == 0
}

func power(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// wideOf is v as two's complement, most significant byte first.
func wideOf(v *big.Int) (w Wide) {
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, two128)
	}
	v.FillBytes(w[:])
	return w
}

// setProduct sets a × b without a detour over big.Int. A product of 64 bits and
// 10^18 stays below 10^38.
func setProduct(w *Wide, a int64, b uint64) {
	magnitude := uint64(a)
	if a < 0 {
		magnitude = -magnitude
	}
	high, low := bits.Mul64(magnitude, b)
	if a < 0 {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
	}
	binary.BigEndian.PutUint64(w[:8], high)
	binary.BigEndian.PutUint64(w[8:], low)
}

// powersOf10[n] is 10^n.
var powersOf10 = func() (p [wideScale + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()
