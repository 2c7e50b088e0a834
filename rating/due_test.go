package rating_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// TestDueMemory: what a day's lines take grows with the lines, not with the
// lines times the meters.
func TestDueMemory(t *testing.T) {
	few, many := dueBytes(t, 5), dueBytes(t, 50)
	if many > 15*few {
		t.Errorf("lines of 50 meters take %d bytes, those of 5 meters %d", many, few)
	}
}

// dueBytes is what is allocated where each of so many meters has 40 lines.
func dueBytes(t *testing.T, meters int) uint64 {
	day := calendar.Date(2024, 5, 1)
	account := rating.Account{ID: "A"}
	var defined, charged strings.Builder
	for m := range meters {
		name := fmt.Sprintf("m%02d", m)
		fmt.Fprintf(&defined, "  %s: {source: %s, sum: quantity, rule: R-2}\n", name, name)
		fmt.Fprintf(&charged, "    %s: {description: %s, price: {each: 1}, rule: R-2}\n", name, name)
	}
	cat, err := catalog.Parse("due.yaml", []byte(`
catalog: {name: due, currency: USD, time_zone: UTC, rounding: half_up, window: 60 days, invoice_series: INV}
meters:
`+defined.String()+`versions:
- from: 2018-01-01
  terms: {monthly: {base_every: 1 month, base: 1 x monthly, rule: R-1}}
  plans: {free: {all: {base: {price: 0, rule: R-1}}}}
  usage_charges:
`+charged.String()))
	if err != nil {
		t.Fatal(err)
	}
	o, err := billChecked(cat, account, day, rating.Events{Account: []rating.AccountEvent{{
		Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "signed_up", Plan: "free", Term: "monthly", Method: "card",
	}}})
	if err != nil || !o.Account.Exists() {
		t.Fatal(err, o.Rejections)
	}
	account, day = o.Account, day+1
	for m := range meters {
		name := fmt.Sprintf("m%02d", m)
		for line := range 40 {
			account.Due = append(account.Due, rating.DueUsage{
				DueOn: day, Meter: name, ServiceDate: day, Quantity: decimal.NewFromInt(1),
				Price: &rating.PricePoint{Rule: "R-2", Description: name, UnitPrice: decimal.NewFromInt(1), CatalogLine: line + 1},
			})
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o = rating.Bill(cat, account, day, rating.Events{})
	runtime.ReadMemStats(&after)
	if o.Invoice == nil || len(o.Invoice.Lines) != 40*meters {
		t.Fatalf("the invoice is %+v", o.Invoice)
	}
	return after.TotalAlloc - before.TotalAlloc
}
