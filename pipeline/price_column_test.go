package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// A price that comes with the message, here in the carrier's column: one line
// a price, rejects by name, prices written in two ways together on one line.
func TestPriceInAColumn(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,0.50,US,300
		m2,A,2024-05-01T11:00:00,outbound,0.5,US,40
		m3,A,2024-05-01T11:00:00,outbound,0.000000000000000001,US,3
		m4,A,2024-05-01T11:00:00,outbound,,US,3
		m5,A,2024-05-01T11:00:00,outbound,free,US,3
	`)
	c.knobs.Catalog = marketing(t, "price: {table: sms_prices}", "price: {column: carrier}")
	c.nights("2024-05-01", "2024-05-02")
	c.wantDocuments("2024-05-02", `
		invoice A total 170.00 credits 0.00 due 170.00
		  usage 0.00 MK-9
		  usage 170.00 MK-9
		charge A 170.00 card
	`)
	c.wantRejects("2024-05-01", `
		sms/date=2024-05-01/part-0.csv:4 A missing_price open
		sms/date=2024-05-01/part-0.csv:5 A bad_price open
	`)
	var got []string
	for _, r := range rows[writers.RatedUsage](c, "2024-05-01", writers.RatedUsageTable) {
		got = append(got, fmt.Sprintf("%s × %s = %s", writers.FromWide(r.Quantity), writers.FromWide(r.UnitPrice), writers.FromWide(r.Amount)))
	}
	equalText(t, "rated usage", strings.Join(got, "\n"), `
		3 × 0.000000000000000001 = 0.000000000000000003
		40 × 0.5 = 20
		300 × 0.5 = 150
	`)
}

// An amount with more decimals than the table keeps is rounded for the table,
// once, after its groups have been added up: the account is not parked.
func TestAmountOfManyDecimals(t *testing.T) {
	cat := &catalog.Catalog{Meters: []catalog.Meter{{Name: "calls", By: []string{"unit_price"}}}}
	f := fitter{n: &night{Settings: &Settings{Catalog: cat}, dimensions: DimensionNames(cat)}}
	group := func(quantity, price string) rating.RatedUsage {
		q, p := decimal.RequireFromString(quantity), decimal.RequireFromString(price)
		return rating.RatedUsage{Meter: "calls", Quantity: q, Amount: q.Mul(p), Price: &rating.PricePoint{UnitPrice: p}, Dimensions: []string{price}}
	}
	half := group("0.1", "0.000000000000000004") // 0.4 of the last place, three times
	rated := f.ratedRows(nil, &rating.Outcome{Rated: []rating.RatedUsage{half, half, half}})
	if len(f.misfits) > 0 || len(rated) != 1 {
		t.Fatalf("%d rows, %q", len(rated), f.misfits)
	}
	if got := writers.FromWide(rated[0].Amount).String(); got != "0.000000000000000001" {
		t.Errorf("amount %s", got)
	}
	if got := f.n.dimensions; got[0] != "by_unit_price" || rated[0].Dimensions[0] != "0.000000000000000004" {
		t.Errorf("dimensions %q are %q", got, rated[0].Dimensions)
	}
}
