package rating_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// countedCatalog charges calls by a price with tiers.
func countedCatalog(t interface{ Fatal(...any) }, settings string) *catalog.Catalog {
	cat, err := parsedOnce("counted.yaml", `
catalog: {name: counted, currency: USD, time_zone: UTC, rounding: half_up, window: 60 days, invoice_series: INV}
meters: {calls: {source: calls, sum: quantity, by: [country], rule: R-2}}
versions:
- from: 2018-01-01
  terms: {monthly: {base_every: 1 month, base: 1 x monthly, rule: R-1}}
  plans: {free: {all: {base: {price: 0, rule: R-1}}}}
  usage_charges: {calls: {description: calls, `+settings+`, rule: R-2}}
`)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// However usage is spread over days, groups and nights, and however late it
// comes, what is charged for a counter in the end, less what went back, is the
// rounded price of all of it, and the shares of its groups are the exact price.
func TestChargesOfACounterAddUp(t *testing.T) {
	prices := []string{
		"graduated: [{up_to: 10, each: 0.333, flat: 2}, {below: 20, each: 0.0105}, {each: 0.001, flat: 1}]",
		"volume: [{up_to: 10, each: 0.333, flat: 2}, {up_to: 20, each: 0.05}, {each: 0.001}]",
		"stairstep: [{up_to: 10, flat: 0.5}, {flat: 3.25}]",
		"package: {of: 7, each: 0.99, free: 3}", "percentage: {rate: 1.25%, fixed: 0.013}", "flat: 20", "each: 0.0049",
	}
	overs := map[string]catalog.Over{"over: day": catalog.OverDay, "over: period": catalog.OverPeriod, "over: life": catalog.OverLife, "charged: period_end": catalog.OverPeriod}
	rapid.Check(t, func(t *rapid.T) {
		over := rapid.SampledFrom([]string{"over: day", "over: period", "over: life", "charged: period_end"}).Draw(t, "over")
		settings := "price: {" + rapid.SampledFrom(prices).Draw(t, "price") + "}, " + over
		perCountry := rapid.Bool().Draw(t, "per")
		if perCountry {
			settings += ", per: [country]"
		}
		if rapid.Bool().Draw(t, "unit") {
			settings += ", unit: {divide_by: 3}"
		}
		cat := countedCatalog(t, settings)
		charge := cat.Versions[0].UsageCharge("calls")
		if !charge.Counted() {
			return // one price for each unit, a line for each day
		}
		start, last := calendar.Date(2024, 1, 31), calendar.Date(2024, 3, 20)
		arriving, counted := drawCounted(t, start, last, func(day calendar.Day, country string) string {
			return counterOf(overs[over], day, start) + map[bool]string{true: country}[perCountry]
		})
		charged, shares := billAll(t, cat, start, last, arriving)
		exact, rounded := money.Ratio{}, money.Zero(dollars)
		for _, u := range counted {
			price := priceOfAll(charge, u)
			exact, rounded = exact.Add(price), rounded.Add(price.In(dollars, money.HalfUp))
		}
		if charged.Cmp(rounded) != 0 {
			t.Fatalf("%s: %s was charged for usage of %s", settings, charged, rounded)
		}
		off := exact.Sub(money.Exactly(shares)) // shares are recorded with 18 decimals
		if off.Mul(off).Cmp(money.Exactly(decimal.New(1, -30))) > 0 {
			t.Fatalf("%s: the shares make %s of %s", settings, shares, exact)
		}
	})
}

// drawCounted draws rows of days up to a week before the last, arriving on their
// day or later, and what each counter counts in all.
func drawCounted(t *rapid.T, start, last calendar.Day, counter func(calendar.Day, string) string) (map[calendar.Day][]rating.Usage, map[string]pricing.Usage) {
	arriving, counted := map[calendar.Day][]rating.Usage{}, map[string]pricing.Usage{}
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		day := start + calendar.Day(rapid.IntRange(0, int(last-start)).Draw(t, "day"))
		arrives := min(last, day+calendar.Day(rapid.SampledFrom([]int{0, 0, 1, 20, 50}).Draw(t, "late")))
		country := rapid.SampledFrom([]string{"US", "GB", ""}).Draw(t, "country")
		quantity := decimal.NewFromInt(rapid.Int64Range(1, 15).Draw(t, "quantity"))
		arriving[arrives] = append(arriving[arrives], rating.Usage{
			Origin: rating.Origin{Source: "calls", Rows: 1}, Meter: "calls", ServiceDate: day, Dimensions: []string{country}, Quantity: quantity,
		})
		c := counted[counter(day, country)]
		c.Quantity, c.Count = c.Quantity.Add(money.Exactly(quantity)), c.Count+1
		counted[counter(day, country)] = c
	}
	return arriving, counted
}

// counterOf names the days that are counted together with a day, of an account
// that signed up on the 31st of January.
func counterOf(over catalog.Over, day, start calendar.Day) string {
	switch over {
	case catalog.OverDay:
		return day.String()
	case catalog.OverLife:
		return "life"
	}
	from := start
	for months := 1; start.AddMonths(months, 31) <= day; months++ {
		from = start.AddMonths(months, 31)
	}
	return fmt.Sprint(from)
}

func priceOfAll(charge *catalog.UsageCharge, u pricing.Usage) money.Ratio {
	u.Quantity = charge.Counting.Unit.Billed(u.Quantity)
	if charge.Counting.Model == nil {
		return u.Quantity.Times(charge.Price)
	}
	return charge.Counting.Model.Price(u).Amount
}

// billAll bills an account to its last day, on which it closes. It is what was
// charged for usage less what went back, and the shares of the groups.
func billAll(t *rapid.T, cat *catalog.Catalog, start, last calendar.Day, arriving map[calendar.Day][]rating.Usage) (money.Amount, decimal.Decimal) {
	charged, shares := money.Zero(dollars), decimal.Decimal{}
	account := rating.Account{ID: "A"}
	for day := start; day <= last; day++ {
		events := rating.Events{Usage: arriving[day]}
		origin := rating.Origin{Source: "account_events", Rows: 1}
		switch day {
		case start:
			events.Account = []rating.AccountEvent{{Origin: origin, Day: day, Type: "signed_up", Plan: "free", Term: "monthly", Method: "card"}}
		case last:
			events.Account = []rating.AccountEvent{{Origin: origin, Day: day, Type: "cancelled"}}
		}
		o, err := billChecked(cat, account, day, events)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Rejections) > 0 {
			t.Fatalf("%+v", o.Rejections)
		}
		for _, r := range o.Rated {
			shares = shares.Add(r.Amount)
		}
		for _, m := range o.Movements {
			charged = charged.Sub(m.Added)
		}
		if o.Invoice != nil {
			for _, l := range o.Invoice.Lines {
				if l.Kind == rating.Metered {
					charged = charged.Add(l.Amount)
				}
			}
		}
		account = o.Account
	}
	return charged, shares
}
