package money

import "ratemill/rating/decimal"

// Ratio is an exact number n/d that need not have an end as a decimal: 7
// thirtieths of a month, 100 seconds at 0.1 a minute. It is added, multiplied
// and compared without a division; the one division is made by Rounded. The
// zero Ratio is 0.
type Ratio struct{ n, d decimal.Decimal } // d is a whole number above zero; the zero Decimal means 1

// Exactly is a decimal as a Ratio.
func Exactly(n decimal.Decimal) Ratio { return Ratio{n: n} }

// Int is a whole number as a Ratio.
func Int(n int64) Ratio { return Ratio{n: decimal.NewFromInt(n)} }

// Over is n/d. A divisor of zero is a mistake of the program, and panics.
func Over(n, d decimal.Decimal) Ratio {
	switch {
	case d.IsZero():
		panic("money: a ratio over zero")
	case d.IsNegative():
		n, d = n.Neg(), d.Neg()
	}
	if places := -d.Exponent(); places > 0 { // n/0.25 = 100n/25
		n, d = n.Shift(places), d.Shift(places)
	}
	return Ratio{n, d}.reduced()
}

// reduced drops a divisor that goes into the number, so that what has an end
// as a decimal mostly has no divisor.
func (r Ratio) reduced() Ratio {
	switch {
	case r.n.IsZero():
		return Ratio{}
	case r.d.IsZero():
		return r
	}
	if q, rest := r.n.QuoRem(r.d, RecordedDecimals); rest.IsZero() {
		return Ratio{n: withoutZeros(q)}
	}
	return r
}

// withoutZeros drops the zeros after the last digit that counts.
func withoutZeros(d decimal.Decimal) decimal.Decimal {
	for places := -d.Exponent(); places > 0; places-- {
		shorter := d.Truncate(places - 1)
		if !shorter.Equal(d) {
			break
		}
		d = shorter
	}
	return d
}

func (r Ratio) over() decimal.Decimal {
	if r.d.IsZero() {
		return decimal.NewFromInt(1)
	}
	return r.d
}

// Add is r + s.
func (r Ratio) Add(s Ratio) Ratio {
	if r.over().Equal(s.over()) {
		return Ratio{r.n.Add(s.n), r.d}.reduced()
	}
	return Ratio{r.n.Mul(s.over()).Add(s.n.Mul(r.over())), r.over().Mul(s.over())}.reduced()
}

// Sub is r − s.
func (r Ratio) Sub(s Ratio) Ratio { return r.Add(s.Neg()) }

// Neg is −r.
func (r Ratio) Neg() Ratio { return Ratio{r.n.Neg(), r.d} }

// Mul is r × s.
func (r Ratio) Mul(s Ratio) Ratio {
	return Ratio{r.n.Mul(s.n), r.over().Mul(s.over())}.reduced()
}

// Times is r × a decimal.
func (r Ratio) Times(by decimal.Decimal) Ratio { return r.Mul(Exactly(by)) }

// By is r / a decimal that is not zero.
func (r Ratio) By(divisor decimal.Decimal) Ratio { return r.Mul(Over(decimal.NewFromInt(1), divisor)) }

// Sign is −1, 0 or +1.
func (r Ratio) Sign() int { return r.n.Sign() }

// Cmp is −1, 0 or +1 as r is below, at or above s.
func (r Ratio) Cmp(s Ratio) int { return r.n.Mul(s.over()).Cmp(s.n.Mul(r.over())) }

// Num and Den are the number and its divisor.
func (r Ratio) Num() decimal.Decimal { return r.n }

// Den is the divisor: a whole number above zero.
func (r Ratio) Den() decimal.Decimal { return r.over() }

// Decimal is r as a decimal, false where it has more decimals than a price may
// have, or no end.
func (r Ratio) Decimal() (decimal.Decimal, bool) {
	if r.d.IsZero() {
		return r.n, true
	}
	q, rest := r.n.QuoRem(r.d, RecordedDecimals)
	return q, rest.IsZero()
}

// Rounded is r rounded once, in the mode, to so many digits after the point;
// a negative number of digits rounds to tens, hundreds, …
func (r Ratio) Rounded(digits int32, mode Rounding) decimal.Decimal {
	return divide(r.n, r.over(), digits, mode)
}

// In is r rounded once to a currency's minor unit.
func (r Ratio) In(c Currency, mode Rounding) Amount {
	return Amount{r.Rounded(c.Minor, mode), unitOf(c)}
}

// Recorded is r as a table holds what is not rounded to lines.
func (r Ratio) Recorded() decimal.Decimal {
	if r.d.IsZero() {
		return Recorded(r.n)
	}
	return r.Rounded(RecordedDecimals, HalfUp)
}

// String is r as a decimal, or n/d where it has no end.
func (r Ratio) String() string {
	d, exact := r.Decimal()
	if !exact {
		return r.n.String() + "/" + r.d.String()
	}
	return d.String()
}
