package pricing

import (
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Each is per unit pricing: every unit costs the same.
//
//	amount = quantity × each
//
// The quantity may have decimals. There is nothing that engines do otherwise
// but rounding a unit price to cents first; here it keeps up to 18 decimals.
type Each struct {
	Each decimal.Decimal `key:",money" doc:"price of one unit"`
}

// Price is quantity × each.
func (m *Each) Price(u Usage) Priced {
	return sum([]Part{{Quantity: used(u.Quantity), Each: money.Exactly(m.Each)}})
}

// Check finds nothing: any price is one.
func (m *Each) Check() []Problem { return nil }
