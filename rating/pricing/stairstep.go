package pricing

import (
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Stairstep is one amount for all usage up to a bound (Chargebee: stairstep;
// elsewhere: volume with flat fees alone).
//
//	amount = flat of the step that the quantity reaches
//
// Bounds and zero usage as with Graduated.
type Stairstep struct {
	Steps  []Step `key:"steps,short" doc:"the steps, from zero up"`
	AtZero AtZero `key:"at_zero,optional" words:"nothing first_flat" doc:"what no usage costs: nothing, or the first step's amount"`
}

// Step is the amount for quantities up to a bound.
type Step struct {
	UpTo  decimal.Decimal `key:"up_to,optional,above0" doc:"last quantity of the step"`
	Below decimal.Decimal `key:"below,optional,above0" doc:"first quantity after the step"`
	Flat  decimal.Decimal `key:"flat,money" doc:"amount for all usage in the step"`
}

// Price is the amount of the step reached.
func (m *Stairstep) Price(u Usage) Priced {
	q := used(u.Quantity)
	if q.Sign() == 0 {
		return atZero(m.AtZero, m.Steps[0].Flat)
	}
	return sum([]Part{flat(m.reached(q).Flat)})
}

func (m *Stairstep) reached(q money.Ratio) Step {
	for _, s := range m.Steps {
		if holds(s.UpTo, s.Below, q) {
			return s
		}
	}
	return m.Steps[len(m.Steps)-1]
}

// Check finds steps that do not fit together.
func (m *Stairstep) Check() []Problem {
	return checkBounds(len(m.Steps), func(i int) (decimal.Decimal, decimal.Decimal) { return m.Steps[i].UpTo, m.Steps[i].Below })
}
