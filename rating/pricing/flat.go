package pricing

import "ratemill/rating/decimal"

// Flat is one amount for any usage at all.
//
//	amount = flat where the quantity is above zero, else 0
//
// Engines differ at zero usage: some charge the fee of a charge that exists.
// Here a fee that falls due without usage is a plan's base, not a usage
// charge.
type Flat struct {
	Flat decimal.Decimal `key:",money" doc:"amount for any usage above zero"`
}

// Price is the fee, where anything was used.
func (m *Flat) Price(u Usage) Priced {
	if u.Quantity.Sign() <= 0 {
		return sum(nil)
	}
	return sum([]Part{flat(m.Flat)})
}

// Check finds nothing: any fee is one.
func (m *Flat) Check() []Problem { return nil }
