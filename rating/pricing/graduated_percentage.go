package pricing

import (
	"fmt"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// GraduatedPercentage is a share of the amounts counted that changes with
// their sum.
//
//	amount = Σ over the tiers reached: amount within the tier × rate + flat
//
// Bounds and zero usage as with Graduated.
type GraduatedPercentage struct {
	Tiers  []PercentTier `key:"tiers,short" doc:"the tiers, from zero up"`
	AtZero AtZero        `key:"at_zero,optional" words:"nothing first_flat" doc:"what no usage costs: nothing, or the first tier's fee"`
}

// PercentTier is a stretch of amounts with a rate.
type PercentTier struct {
	UpTo  decimal.Decimal `key:"up_to,optional,above0" doc:"last amount of the tier"`
	Below decimal.Decimal `key:"below,optional,above0" doc:"first amount after the tier"`
	Rate  Percent         `key:"rate,some" doc:"share of the amount within the tier, such as 1.2%"`
	Flat  decimal.Decimal `key:"flat,some,money" doc:"fee of the tier, once it is reached"`
}

// Price adds up the tiers reached.
func (m *GraduatedPercentage) Price(u Usage) Priced {
	q := used(u.Quantity)
	if q.Sign() == 0 {
		return atZero(m.AtZero, m.Tiers[0].Flat)
	}
	p := Priced{}
	lower := decimal.Decimal{}
	for i, t := range m.Tiers {
		upper, bounded := boundOf(t.UpTo, t.Below)
		within := q
		if bounded {
			within = least(q, money.Exactly(upper))
		}
		within = within.Sub(money.Exactly(lower))
		p.add(Part{stretch(lower, upper, i > 0, bounded), within, money.Exactly(t.Rate.Fraction())}, fmt.Sprintf("%s × %s", within, t.Rate))
		if !t.Flat.IsZero() {
			p.add(flat(t.Flat), flat(t.Flat).term())
		}
		if holds(t.UpTo, t.Below, q) {
			break
		}
		lower = upper
	}
	return p
}

// add appends a part with its own words.
func (p *Priced) add(part Part, term string) {
	p.Parts = append(p.Parts, part)
	p.Amount = p.Amount.Add(part.Amount())
	if p.Working != "" {
		p.Working += " + "
	}
	p.Working += term
}

// Check finds tiers that do not fit together.
func (m *GraduatedPercentage) Check() []Problem {
	return checkBounds(len(m.Tiers), func(i int) (decimal.Decimal, decimal.Decimal) { return m.Tiers[i].UpTo, m.Tiers[i].Below })
}
