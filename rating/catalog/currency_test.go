package catalog

import (
	"os"
	"strings"
	"testing"
)

// inCurrencies is a catalog with an amount of each kind in several currencies.
const inCurrencies = `
catalog: {name: currencies, currency: USD, time_zone: UTC, rounding: half_up, window: 30 days, invoice_series: INV}
cohorts: {old: {signed_up_before: 2020-01-01}, new: {otherwise: true}}
meters:
  calls: {source: calls, sum: calls, by: [country], rule: R}
  bytes: {source: bytes, sum: bytes, rule: R}
  sales: {source: sales, sum: sales, events: one_by_one, rule: R}
  seats: {source: seats, high_water: active_users, rule: R}
versions:
- from: 2018-01-01
  terms:
    monthly: {every: 1 month, rule: R}
    annual: {every: 1 year, rule: R}
  plans:
    pro:
      old: {base: {price: {monthly: {USD: 79, EUR: 75}, annual: {USD: 790}}, rule: R}}
      new: {base: {price: {monthly: {USD: 79, EUR: 76}, annual: {USD: 790}}, rule: R}}
    euro: {all: {base: {price: {monthly: {EUR: 1.50}, annual: {EUR: 15}}, rule: R}}}
    plain: {all: {base: {price: {monthly: 5, annual: 55}, rule: R}}}
    nothing: {all: {base: {price: 0, rule: R}}}
  add_ons:
    seat: {line: seat, description: seat, price: {USD: 10, JPY: 1000}, adds: 1, of: seats, renewal: never, rule: R}
  balances:
    credits: {unit: credits, sold_as: credits, description: credits, price: {volume: [{up_to: 9, each: {USD: 1, EUR: 2}}, {each: 0.50}]}, rule: R}
    cash: {rule: R}
  usage_charges:
    calls: {description: calls, price: {table: calls}, uses: [cash], minimum: {charge: {USD: 10.00, JPY: 1000}, rest_to: cash}, rule: R}
    bytes:
      description: bytes
      price: {graduated: [{up_to: 10, each: {USD: 5, EUR: 4}, flat: {USD: 2, EUR: 1}}, {each: {USD: 1, EUR: 1}}]}
      charged: period_end
      spend: {least: {USD: 5, EUR: 4}, most: {USD: 50, EUR: 40}}
      rule: R
    sales: {description: sales, price: {percentage: {rate: 1%, fixed: {USD: 0.25, EUR: 0.20}, min: 1, max: {USD: 20}}}, over: period, rule: R}
  price_tables:
    calls: {columns: [country], rows: [{match: [US], each: {USD: 0.01, EUR: 0.009}}, {match: ["*"], each: 0.05}], rule: R}
  services:
    setup: {description: setup, each: {EUR: 30}, rule: R}
  discounts:
    welcome: {description: welcome, amount: {USD: 20, EUR: 18}, on: [base_fee], for: once, rule: R}
`

// TestCurrencies reads each amount in each currency, and none that is not there.
func TestCurrencies(t *testing.T) {
	c := mustParse(t, inCurrencies)
	printsAndParsesBack(t, c)
	if got := strings.Join(c.Currencies(), " "); got != "USD EUR JPY" || c.In("CHF") != nil || c.In("") != c || c.In("USD") != c {
		t.Fatalf("currencies %s", got)
	}
	for code, want := range map[string]string{
		"USD": "79 790 -1 5 0 10 1 0.5 calls bytes sales 0.01 0.05 -1 20",
		"EUR": "75 -1 1.5 -1 0 -1 2 -1 no:calls bytes no:sales 0.009 -1 30 18",
		"JPY": "-1 -1 -1 -1 0 1000 -1 -1 calls no:bytes no:sales -1 -1 -1 -1",
	} {
		if got := amountsOf(c.In(code)); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

// amountsOf are the amounts of inCurrencies; -1 is none.
func amountsOf(c *Catalog) string {
	v := &c.Versions[0]
	monthly, annual := v.Term("monthly"), v.Term("annual")
	fee := func(plan string, t *Term) string {
		_, price := v.Plan(plan, "old").Fee(t)
		return price.String()
	}
	all := []string{
		fee("pro", monthly), fee("pro", annual), fee("euro", monthly), fee("plain", monthly), fee("nothing", monthly), v.AddOn("seat").Price.String(),
		v.Balance("credits").Tiers[0].Each.String(), v.Balance("credits").Tiers[1].Each.String(),
	}
	for _, u := range v.UsageCharges {
		if u.Unpriced {
			u.Meter = "no:" + u.Meter
		}
		all = append(all, u.Meter)
	}
	for _, r := range v.PriceTables[0].Rows {
		all = append(all, r.Price.String())
	}
	return strings.Join(append(all, v.Services[0].Each.String(), v.Discounts[0].Amount.String()), " ")
}

// TestMoneyPrints prints the fixture with amounts in several currencies, and
// adds nothing that was not written.
func TestMoneyPrints(t *testing.T) {
	text, err := os.ReadFile("../../fixtures/catalogs/money.yaml")
	if err != nil {
		t.Fatal(err)
	}
	printed := mustParse(t, string(text)).Print()
	for _, want := range []string{
		"base: {price: {USD: 100, EUR: 90, JPY: 12000}, rule: V-0}", "base: {price: 0, rule: V-0}", "price: {each: {USD: 0.10, EUR: 0.09, JPY: 12.5}}",
		"price: {each: 0.05}", "amount: 20.00", "each: {USD: 33.33, EUR: 30}",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%s is not in\n%s", want, printed)
		}
	}
}
