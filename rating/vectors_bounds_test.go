package rating_test

import (
	"testing"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// TestPricesAtTheirBounds: no usage, a bound, the least above it, fractions and
// large quantities cost in a catalog what the model says, with prices of 18
// decimals too.
func TestPricesAtTheirBounds(t *testing.T) {
	d := func(text string) decimal.Decimal { return decimalOf(t, text) }
	tiny, pi := d("0.000000000000000001"), d("3.141592653589793238")
	tiers := []pricing.Tier{{UpTo: d("10"), Each: pi, Flat: d("2")}, {Below: d("20.5"), Each: tiny}, {UpTo: d("100"), Each: d("0.1"), Of: d("7")}, {Flat: d("9")}}
	percents := []pricing.PercentTier{{UpTo: d("10"), Rate: pricing.Percent{Rate: pi}, Flat: d("0.01")}, {Rate: pricing.Percent{Rate: tiny}}}
	models := map[string]pricing.Model{
		"each":                 &pricing.Each{Each: pi},
		"graduated":            &pricing.Graduated{Tiers: tiers},
		"graduated at zero":    &pricing.Graduated{Tiers: tiers, AtZero: pricing.FlatAtZero},
		"volume":               &pricing.Volume{Tiers: tiers},
		"volume at zero":       &pricing.Volume{Tiers: tiers, AtZero: pricing.FlatAtZero},
		"graduated_percentage": &pricing.GraduatedPercentage{Tiers: percents, AtZero: pricing.FlatAtZero},
		"packages begun":       &pricing.Package{Of: d("2.5"), Each: pi, Free: d("10")},
		"packages full":        &pricing.Package{Of: d("2.5"), Each: pi, Free: d("0.5"), Block: pricing.Full},
		"percentage":           &pricing.Percentage{Rate: pricing.Percent{Rate: d("0.5")}, Fixed: d("0.25")},
		"percentage of events": &pricing.Percentage{Rate: pricing.Percent{Rate: d("50")}, Fixed: d("0.25"), FreeAmount: d("10"), Min: d("1"), Max: d("5")},
	}
	units := map[string]pricing.Unit{"": {}, "thousands": {DivideBy: d("1000"), Rounding: pricing.UnitRounding(money.Up)}, "thirds": {DivideBy: d("3")}}
	for name, m := range models {
		for unit, conversion := range units {
			t.Run(name+" "+unit, func(t *testing.T) {
				for _, q := range []string{"0", "0.000000000001", "0.5", "1", "9.999999999999", "10", "10.000000000001", "20.5", "20.500000000001", "100", "101", "1234567890123.25"} {
					u := pricing.Usage{Quantity: exactly(d(q))}
					if d(q).IsPositive() {
						u.Count = 1
					}
					if pricing.NeedsEvents(m) && u.Count > 0 {
						if unit != "" {
							continue // events are converted one by one
						}
						u.Events = []decimal.Decimal{d(q)}
					}
					priced(t, m, conversion, u)
				}
			})
		}
	}
}
