package rating_test

import (
	"fmt"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// priced is what usage costs under a model, as its arithmetic says and as two
// catalogs with that price bill it: each day what it adds to the month, and the
// month in arrears. All three have to agree, before and after rounding.
func priced(t *testing.T, m pricing.Model, unit pricing.Unit, u pricing.Usage) pricing.Priced {
	t.Helper()
	converted := u
	converted.Quantity = unit.Billed(u.Quantity)
	want := m.Price(converted)
	quantities := u.Events
	if quantities == nil {
		if q, ends := u.Quantity.Decimal(); ends && q.IsPositive() {
			quantities = []decimal.Decimal{q}
		}
	}
	if u.Count > int64(len(quantities)) { // only their number is known: the rest are rows of nothing
		quantities = append(quantities, make([]decimal.Decimal, u.Count-int64(len(quantities)))...)
	}
	charge := "price: " + modelYAML(m)
	if text := unitYAML(unit); text != "" {
		charge += "\n      unit: " + text
	}
	for _, when := range []string{"over: period", "charged: period_end"} {
		if len(quantities) == 0 && when == "over: period" {
			continue // a day without usage charges nothing
		}
		c := chargeCatalog(t, charge+"\n      "+when)
		exact, lines := billedMonth(t, c, quantities)
		if len(quantities) > 0 && exact.Sub(want.Amount.Rounded(18, money.HalfUp)).Abs().GreaterThan(decimal.New(int64(len(quantities)-1), -18)) {
			t.Errorf("%s, %s: rated %s, the model makes %s", charge, when, exact, want.Amount)
		}
		if rounded := want.Amount.In(dollars, money.HalfUp); lines.Cmp(rounded) != 0 {
			t.Errorf("%s, %s: lines make %s, the model makes %s", charge, when, lines, rounded)
		}
	}
	return want
}

// chargeCatalog is a catalog with one usage charge, on rows that are rated one
// by one.
func chargeCatalog(t *testing.T, charge string) *catalog.Catalog {
	t.Helper()
	c, err := parsedOnce("vector.yaml", `
catalog: {name: vector, currency: USD, time_zone: UTC, rounding: half_up, window: 30 days, invoice_series: INV}
meters: {calls: {source: calls, sum: calls, by: [kind], events: one_by_one, rule: R-2}}
versions:
- from: 2018-01-01
  terms: {monthly: {every: 1 month, base: 1 x monthly, rule: R-1}}
  plans: {free: {all: {base: {price: 0, rule: R-1}}}}
  usage_charges:
    calls:
      description: calls
      rule: R-2
      `+charge+"\n")
	if err != nil {
		t.Fatalf("%s\n%v", charge, err)
	}
	return c
}

// billedMonth bills May with its usage on the 2nd, and the 1st of June: what
// was rated, and the sum of all lines less the credit for prices that fell.
func billedMonth(t *testing.T, c *catalog.Catalog, quantities []decimal.Decimal) (exact decimal.Decimal, lines money.Amount) {
	t.Helper()
	account := rating.Account{ID: "A"}
	lines = money.Zero(dollars)
	first := calendar.Date(2024, 5, 1)
	for day := first; day <= calendar.Date(2024, 6, 1); day++ {
		var events rating.Events
		switch day {
		case first:
			events.Account = []rating.AccountEvent{{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "signed_up", Plan: "free", Term: "monthly", Method: "card"}}
		case first + 1:
			for i, q := range quantities {
				events.Usage = append(events.Usage, rating.Usage{
					Origin: rating.Origin{Rows: 1, Ref: i}, Meter: "calls", ServiceDate: day, Dimensions: []string{""}, Quantity: q, At: int64(i + 1), EventID: fmt.Sprint(i),
				})
			}
		}
		o, err := billChecked(c, account, day, events)
		if err != nil || len(o.Rejections) > 0 {
			t.Fatalf("%v %v", err, o.Rejections)
		}
		for _, r := range o.Rated {
			exact = exact.Add(r.Amount)
		}
		if o.Invoice != nil {
			lines = lines.Add(o.Invoice.Total)
		}
		account = o.Account
	}
	return exact, lines.Sub(account.UnusedTime())
}

// billPart bills a sign-up and usage of that day.
func billPart(t *testing.T, charge, quantity string) rating.Outcome {
	t.Helper()
	day := calendar.Date(2024, 5, 1)
	o, err := billChecked(chargeCatalog(t, charge), rating.Account{ID: "A"}, day, rating.Events{
		Account: []rating.AccountEvent{{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "signed_up", Plan: "free", Term: "monthly", Method: "card"}},
		Usage: []rating.Usage{{
			Origin: rating.Origin{Rows: 1}, Meter: "calls", ServiceDate: day, Dimensions: []string{""}, Quantity: decimalOf(t, quantity), At: 1, EventID: "1",
		}},
	})
	if err != nil || len(o.Rated) != 1 || o.Invoice == nil {
		t.Fatalf("%v: %+v", err, o)
	}
	return o
}

// modelYAML is a model as the catalog language writes it.
func modelYAML(m pricing.Model) string {
	switch m := m.(type) {
	case *pricing.Each:
		return fmt.Sprintf("{each: %s}", m.Each)
	case *pricing.Graduated:
		return fmt.Sprintf("{graduated: {tiers: [%s]%s}}", tiersYAML(m.Tiers), zeroYAML(m.AtZero))
	case *pricing.Volume:
		return fmt.Sprintf("{volume: {tiers: [%s]%s}}", tiersYAML(m.Tiers), zeroYAML(m.AtZero))
	case *pricing.GraduatedPercentage:
		var all []string
		for _, t := range m.Tiers {
			all = append(all, fmt.Sprintf("{%srate: %s, flat: %s}", boundYAML(t.UpTo, t.Below), t.Rate, t.Flat))
		}
		return fmt.Sprintf("{graduated_percentage: {tiers: [%s]%s}}", strings.Join(all, ", "), zeroYAML(m.AtZero))
	case *pricing.Package:
		block := m.Block
		if block == "" {
			block = pricing.Started
		}
		return fmt.Sprintf("{package: {of: %s, each: %s, free: %s, block: %s}}", m.Of, m.Each, m.Free, block)
	case *pricing.Percentage:
		most := ""
		if !m.Max.IsZero() {
			most = fmt.Sprintf(", max: %s", m.Max)
		}
		return fmt.Sprintf("{percentage: {rate: %s, fixed: %s, free_events: %d, free_amount: %s, min: %s%s}}", m.Rate, m.Fixed, m.FreeEvents, m.FreeAmount, m.Min, most)
	}
	panic(fmt.Sprintf("no way to write %T", m))
}

func tiersYAML(tiers []pricing.Tier) string {
	var all []string
	for _, t := range tiers {
		text := fmt.Sprintf("{%seach: %s, flat: %s", boundYAML(t.UpTo, t.Below), t.Each, t.Flat)
		if !t.Of.IsZero() {
			text += fmt.Sprintf(", of: %s", t.Of)
		}
		all = append(all, text+"}")
	}
	return strings.Join(all, ", ")
}

func boundYAML(upTo, below decimal.Decimal) string {
	switch {
	case !upTo.IsZero():
		return fmt.Sprintf("up_to: %s, ", upTo)
	case !below.IsZero():
		return fmt.Sprintf("below: %s, ", below)
	}
	return ""
}

func zeroYAML(at pricing.AtZero) string {
	if at == "" {
		return ""
	}
	return ", at_zero: " + string(at)
}

// unitYAML is a conversion as the catalog language writes it, or "".
func unitYAML(u pricing.Unit) string {
	var keys []string
	for _, k := range []struct {
		name string
		d    decimal.Decimal
	}{{"multiply_by", u.MultiplyBy}, {"divide_by", u.DivideBy}, {"to", u.To}, {"first", u.First}} {
		if !k.d.IsZero() {
			keys = append(keys, fmt.Sprintf("%s: %s", k.name, k.d))
		}
	}
	if u.Rounding != "" && u.Rounding != pricing.NotRounded {
		keys = append(keys, "round: "+string(u.Rounding))
	}
	if keys == nil {
		return ""
	}
	return "{" + strings.Join(keys, ", ") + "}"
}
