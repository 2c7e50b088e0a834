package rating_test

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// TestMoneyHolds bills random lives under discounts, taxes, commitments and
// currencies. billChecked proves each day; here the parts are added up: a fixed
// discount never takes more than its amount, and a tax is its rate of what is
// left, to a minor unit a line.
func TestMoneyHolds(t *testing.T) {
	text, err := os.ReadFile("../fixtures/catalogs/money.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		source := string(text)
		if rapid.Bool().Draw(t, "inclusive") {
			source = strings.Replace(source, "  taxes:\n", "  taxes:\n    prices: inclusive\n", 1)
		}
		if rapid.Bool().Draw(t, "per line") {
			source = strings.Replace(source, "  taxes:\n", "  taxes:\n    rounded: per_line\n", 1)
		}
		cat, err := catalog.Parse("money.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		a := rating.Account{ID: "A", Customer: rating.Customer{
			Country: rapid.SampledFrom([]string{"", "DE", "CA", "US"}).Draw(t, "country"), Region: rapid.SampledFrom([]string{"", "BC", "NY"}).Draw(t, "region"),
			TaxExempt: rapid.Bool().Draw(t, "exempt"),
		}}
		first := calendar.Date(2024, 1, 31)
		given := decimal.Decimal{}
		for day := first; day < first+40; day++ {
			o, err := billChecked(cat, a, day, moneyDay(t, day, first))
			if err != nil {
				t.Fatal(err)
			}
			if o.Invoice != nil {
				given = given.Add(welcomed(o.Invoice))
			}
			a = o.Account
		}
		if most := decimal.NewFromInt(120); a.Exists() && a.Currency.Code == "USD" && given.GreaterThan(most) {
			t.Fatalf("the welcome took %s", given)
		}
	})
}

// moneyDay draws what happens on a day.
func moneyDay(t *rapid.T, day, first calendar.Day) rating.Events {
	var e rating.Events
	event := func(kind string) rating.AccountEvent {
		return rating.AccountEvent{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: kind}
	}
	if day == first {
		s := event("signed_up")
		s.Plan, s.Method = rapid.SampledFrom([]string{"free", "committed", "pro"}).Draw(t, "plan"), "card"
		s.Offer = "welcome" // once: granted again it would begin anew
		s.Currency = rapid.SampledFrom([]string{"", "USD", "EUR"}).Draw(t, "currency")
		e.Account = append(e.Account, s)
	}
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
		g := event(rapid.SampledFrom([]string{"discount_granted", "discount_revoked"}).Draw(t, "type"))
		g.Offer = rapid.SampledFrom([]string{"launch", "partner", "talkers", "loyalty"}).Draw(t, "offer")
		e.Account = append(e.Account, g)
	case 1, 2:
		u := event("service_used")
		u.Service, u.Quantity = "setup", rapid.Int64Range(1, 3).Draw(t, "quantity")
		e.Account = append(e.Account, u)
	case 3, 4:
		late := calendar.Day(rapid.IntRange(0, 3).Draw(t, "late"))
		quantity := decimal.NewFromInt(rapid.Int64Range(0, 3000).Draw(t, "calls"))
		e.Usage = append(e.Usage, rating.Usage{Origin: rating.Origin{Source: "calls", Rows: 1}, Meter: "calls", ServiceDate: max(first, day-late), Quantity: quantity})
	}
	return e
}

// welcomed is what the discount "welcome" took off an invoice.
func welcomed(inv *rating.Invoice) decimal.Decimal {
	sum := decimal.Decimal{}
	for _, l := range inv.Lines {
		if l.Kind == rating.Reduced && l.Rule == "V-8" {
			sum = sum.Sub(l.Amount.Value())
		}
	}
	return sum
}
