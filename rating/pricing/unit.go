package pricing

import (
	"fmt"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Unit is how counted units become billed ones, before they are priced: bytes
// into gigabytes, seconds into started minutes.
//
//	billed = round(counted × multiply_by / divide_by to multiples of to)
//
// and at least the first block, where anything was counted. Conversion is done
// on what a counter has in all, once, and the quotient is exact where it is
// not rounded. With rows: each every row is converted by itself, as calls are
// that are sold in begun minutes, and a counter adds up billed units.
type Unit struct {
	MultiplyBy decimal.Decimal `key:"multiply_by,optional,above0" doc:"factor, before dividing"`
	DivideBy   decimal.Decimal `key:"divide_by,optional,above0" doc:"counted units in a billed one"`
	Rounding   UnitRounding    `key:"round,optional" words:"none up down half_up half_even" doc:"how billed units become whole multiples"`
	To         decimal.Decimal `key:"to,optional,above0" doc:"the multiples to round to; 1 without it"`
	First      decimal.Decimal `key:"first,optional,above0" doc:"billed units that any usage has at least; rounding begins above them"`
	Rows       UnitRows        `key:"rows,optional" words:"together each" doc:"what is converted and rounded: all rows of a counter in one, or each by itself"`
}

// UnitRows says what a conversion is done on.
type UnitRows string

// EachRow converts every row by itself.
const EachRow UnitRows = "each"

// UnitRounding is a rounding mode of units, or none.
type UnitRounding string

// NotRounded keeps the exact quotient.
const NotRounded UnitRounding = "none"

// Billed is the billed units of what a counter has.
func (c Unit) Billed(counted money.Ratio) money.Ratio {
	if c.Rows == EachRow {
		return counted
	}
	return c.Converted(counted)
}

// Converted is the billed units of so many counted ones.
func (c Unit) Converted(counted money.Ratio) money.Ratio {
	q := counted
	if !c.MultiplyBy.IsZero() {
		q = q.Times(c.MultiplyBy)
	}
	if !c.DivideBy.IsZero() {
		q = q.By(c.DivideBy)
	}
	if first := money.Exactly(c.First); !c.First.IsZero() && q.Sign() > 0 {
		return first.Add(c.rounded(used(q.Sub(first))))
	}
	return c.rounded(q)
}

func (c Unit) rounded(q money.Ratio) money.Ratio {
	if c.Rounding == "" || c.Rounding == NotRounded {
		return q
	}
	step := c.To
	if step.IsZero() {
		step = decimal.NewFromInt(1)
	}
	return money.Exactly(q.By(step).Rounded(0, money.Rounding(c.Rounding)).Mul(step))
}

// Working says how units became others, or nothing where they did not.
func (c Unit) Working(counted money.Ratio) string {
	if c == (Unit{}) || c.Rows == EachRow {
		return ""
	}
	text := counted.String()
	if !c.MultiplyBy.IsZero() {
		text += " × " + c.MultiplyBy.String()
	}
	if !c.DivideBy.IsZero() {
		text += " / " + c.DivideBy.String()
	}
	billed := c.Billed(counted)
	if c.Rounding != "" && c.Rounding != NotRounded || !c.First.IsZero() {
		return fmt.Sprintf("%s billed as %s units", text, billed)
	}
	return fmt.Sprintf("%s = %s units", text, billed)
}

// Check finds conversions that convert nothing, multiples without rounding, and
// rows by themselves where that makes no difference.
func (c Unit) Check() []Problem {
	rounds := c.Rounding != "" && c.Rounding != NotRounded
	switch {
	case !rounds && c.Rows == EachRow:
		return []Problem{{-1, "rows", "rows: each has no effect without round: the sum is the same"}}
	case !rounds && !c.To.IsZero():
		return []Problem{{-1, "to", "to has no effect without round"}}
	case !rounds && c.First.IsZero() && c.MultiplyBy.IsZero() && c.DivideBy.IsZero():
		return []Problem{{-1, "", "unit converts nothing: it needs multiply_by, divide_by, round or first"}}
	}
	return nil
}
