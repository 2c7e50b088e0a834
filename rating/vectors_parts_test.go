package rating_test

import (
	"fmt"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// partsCatalog sells users at a price for a cycle of so many days, and two plans
// with a base fee, all of them prorated by days.
func partsCatalog(t *testing.T, days int64, user, old, new decimal.Decimal) *catalog.Catalog {
	t.Helper()
	c, err := parsedOnce("parts.yaml", fmt.Sprintf(`
catalog: {name: parts, currency: USD, time_zone: UTC, rounding: half_up, window: 30 days, invoice_series: INV}
meters: {users: {source: seats, high_water: active_users, reset: period, rule: R-1}}
versions:
- from: 2000-01-01
  terms: {cycle: {every: %d days, base: 1 x monthly, rule: R-1}}
  plans:
    old: {all: {base: {price: %s, rule: R-1}, seats: {meter: users, included: 0, above: {add: user}, rule: R-1}}}
    new: {all: {base: {price: %s, rule: R-1}, seats: {meter: users, included: 0, above: {add: user}, rule: R-1}}}
  add_ons:
    user: {line: seat, description: user, price: %s, adds: 1, of: users, renewal: while_needed, proration: days, given_up: credit, rule: R-1}
  plan_changes:
    order: [old, new]
    upgrade: {allowances: at_once, price: prorated, rule: R-1}
    downgrade: {allowances: at_once, price: prorated, rule: R-1}
`, days, old, new, user))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// afterPart bills a cycle of d days up to the day on which n of them are left,
// with events on its first day and on that one, and is that day's outcome.
func afterPart(t *testing.T, c *catalog.Catalog, n, d int64, first, then rating.Events) rating.Outcome {
	t.Helper()
	start := calendar.Date(2024, 1, 1)
	changed := start + calendar.Day(d-n)
	account := rating.Account{ID: "A"}
	for day := start; ; day++ {
		var events rating.Events
		if day == start {
			events = first
			events.Account = []rating.AccountEvent{{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "signed_up", Plan: "old", Term: "cycle", Method: "card"}}
		}
		if day == changed {
			events.Account, events.Seats = append(events.Account, then.Account...), append(events.Seats, then.Seats...)
		}
		for i := range events.Account {
			events.Account[i].Day = day
		}
		for i := range events.Seats {
			events.Seats[i].Day = day
		}
		o, err := billChecked(c, account, day, events)
		if err != nil || len(o.Rejections) > 0 {
			t.Fatalf("%v %v", err, o.Rejections)
		}
		if day == changed {
			return o
		}
		account = o.Account
	}
}

func seatEvents(action string) rating.Events {
	return rating.Events{Seats: []rating.SeatEvent{{Origin: rating.Origin{Source: "seats", Rows: 1}, User: "ann", Action: action}}}
}

// billedPart is what a catalog charges for a user who comes when n of d days
// are left, and gives back for one who goes; false where nothing of the cycle
// has passed, or is left.
func billedPart(t *testing.T, price decimal.Decimal, n, d int64) (charge, credit money.Amount, ok bool) {
	t.Helper()
	if n <= 0 || n >= d || !price.IsPositive() {
		return charge, credit, false
	}
	c := partsCatalog(t, d, price, decimal.Decimal{}, decimal.Decimal{})
	came := afterPart(t, c, n, d, rating.Events{}, seatEvents("activated"))
	went := afterPart(t, c, n, d, seatEvents("activated"), seatEvents("deactivated"))
	return came.Invoice.Total, went.Account.UnusedTime(), true
}

// billedChange is the credit and the charge of a change of plan when n of d days
// are left.
func billedChange(t *testing.T, old, new decimal.Decimal, n, d int64) (credit, charge money.Amount) {
	t.Helper()
	change := rating.Events{Account: []rating.AccountEvent{{Origin: rating.Origin{Source: "account_events", Rows: 1}, Type: "plan_changed", Plan: "new"}}}
	o := afterPart(t, partsCatalog(t, d, one, old, new), n, d, rating.Events{}, change)
	credit, charge = money.Zero(dollars), money.Zero(dollars)
	for _, u := range o.Account.Unused {
		credit = credit.Sub(u.Amount) // of what waits for the next invoice
	}
	for _, l := range o.Account.Waiting {
		charge = charge.Add(l.Amount)
	}
	if o.Invoice != nil {
		for _, l := range o.Invoice.Lines {
			if l.Amount.Sign() < 0 {
				credit = credit.Add(l.Amount)
			} else {
				charge = charge.Add(l.Amount)
			}
		}
	}
	return credit, charge
}
