package pricing

import "ratemill/rating/decimal"

// Volume is tiered pricing where all units cost the price of the tier that the
// quantity reaches (Kill Bill: top tier; OpenRate: threshold).
//
//	amount = quantity × each + flat of the tier reached
//
// It is not monotonic: 101 units may cost less than 100. Where a counter
// grows over several charges and the price falls, what was charged too much
// comes back as credit. Engines differ in bounds and at zero usage as with
// Graduated; a quantity between whole bounds (99.5 between 99 and 100) belongs
// to the next tier and is never free.
type Volume struct {
	Tiers  []Tier `key:"tiers,short" doc:"the tiers, from zero up"`
	AtZero AtZero `key:"at_zero,optional" words:"nothing first_flat" doc:"what no usage costs: nothing, or the first tier's fee"`
}

// Price is all units at the tier reached.
func (m *Volume) Price(u Usage) Priced {
	q := used(u.Quantity)
	if q.Sign() == 0 {
		return atZero(m.AtZero, m.Tiers[0].Flat)
	}
	i := reached(m.Tiers, q)
	lower, t := decimal.Decimal{}, m.Tiers[i]
	if i > 0 {
		lower, _ = m.Tiers[i-1].bound()
	}
	upper, bounded := t.bound()
	return sum(t.parts("all, "+stretch(lower, upper, i > 0, bounded), q))
}

// Check finds tiers that do not fit together.
func (m *Volume) Check() []Problem { return checkTiers(m.Tiers) }
