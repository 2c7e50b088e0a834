package pricing

import (
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Tax is rates on amounts.
//
//	exclusive: tax = net × rate, added to it
//	inclusive: tax = gross × rate / (1 + Σ rates), within it
//
// Rates are of the same base; none is on top of another. Engines differ in
// where they round: each line's tax by itself and then added up (per line), or
// the tax of the lines' sum, once (per invoice), which can be a few cents
// apart. Both are here; per invoice is the default. An inclusive total is
// rounded first and then split over the rates, so that net and taxes always
// add up to the gross amount.

// TaxRounding is where taxes are rounded.
type TaxRounding string

const (
	PerInvoice TaxRounding = "invoice"
	PerLine    TaxRounding = "line"
)

// Exclusive is the tax of each rate on net amounts.
func Exclusive(lines []money.Amount, rates []Percent, c money.Currency, where TaxRounding, mode money.Rounding) []money.Amount {
	return taxes(lines, rates, c, where, func(base money.Amount) []money.Amount {
		of := make([]money.Amount, len(rates))
		for i, r := range rates {
			of[i] = r.Of(money.Exactly(base.Value())).In(c, mode)
		}
		return of
	})
}

// Inclusive is the tax of each rate within gross amounts.
func Inclusive(lines []money.Amount, rates []Percent, c money.Currency, where TaxRounding, mode money.Rounding) []money.Amount {
	all := decimal.Decimal{}
	weights := make([]decimal.Decimal, len(rates))
	for i, r := range rates {
		weights[i] = r.Rate
		all = all.Add(r.Fraction())
	}
	return taxes(lines, rates, c, where, func(base money.Amount) []money.Amount {
		within := money.Over(base.Value().Mul(all), all.Add(decimal.NewFromInt(1))).In(c, mode)
		of := make([]money.Amount, len(rates))
		for i, part := range money.Allocate(within.Value(), weights, c.Minor) {
			of[i] = money.Exactly(part).In(c, mode)
		}
		return of
	})
}

// taxes applies one base's taxes to each line, or to their sum.
func taxes(lines []money.Amount, rates []Percent, c money.Currency, where TaxRounding, of func(money.Amount) []money.Amount) []money.Amount {
	bases := lines
	if where != PerLine {
		sum := money.Zero(c)
		for _, l := range lines {
			sum = sum.Add(l)
		}
		bases = []money.Amount{sum}
	}
	all := make([]money.Amount, len(rates))
	for i := range all {
		all[i] = money.Zero(c)
	}
	for _, b := range bases {
		for i, t := range of(b) {
			all[i] = all[i].Add(t)
		}
	}
	return all
}
