package pricing

import (
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Graduated is tiered pricing where each tier's units cost that tier's price
// (Stripe and Lago: graduated; Kill Bill: all tiers; others: slabs).
//
//	amount = Σ over the tiers reached: units within the tier × each + flat
//
// Engines differ in whether a tier's bound belongs to it (up_to, below), and
// in what zero usage costs (at_zero). A tier with blocks rounds its own units
// up to whole blocks. A tier's fee is charged once a quantity is in it: with
// up_to 10, not at 10 but above.
type Graduated struct {
	Tiers  []Tier `key:"tiers,short" doc:"the tiers, from zero up"`
	AtZero AtZero `key:"at_zero,optional" words:"nothing first_flat" doc:"what no usage costs: nothing, or the first tier's fee"`
}

// Price adds up the tiers reached.
func (m *Graduated) Price(u Usage) Priced {
	q := used(u.Quantity)
	if q.Sign() == 0 {
		return atZero(m.AtZero, m.Tiers[0].Flat)
	}
	var parts []Part
	lower := decimal.Decimal{}
	for i, t := range m.Tiers[:reached(m.Tiers, q)+1] {
		upper, bounded := t.bound()
		units := q
		if bounded {
			units = least(q, money.Exactly(upper))
		}
		parts = append(parts, t.parts(stretch(lower, upper, i > 0, bounded), units.Sub(money.Exactly(lower)))...)
		lower = upper
	}
	return sum(parts)
}

// Check finds tiers that do not fit together.
func (m *Graduated) Check() []Problem { return checkTiers(m.Tiers) }

// atZero is the price of no usage.
func atZero(mode AtZero, fee decimal.Decimal) Priced {
	if mode != FlatAtZero || fee.IsZero() {
		return sum(nil)
	}
	return sum([]Part{flat(fee)})
}
