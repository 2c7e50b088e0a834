package rating_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/money"
)

// TestCheckFindsBreaks bills a night with every kind of figure, breaks one
// after the other, and wants Check to name it.
func TestCheckFindsBreaks(t *testing.T) {
	cat := marketing(t)
	cent := money.Line(decimal.NewFromInt(1), decimal.New(1, -2), money.Whole, cat.Currency, money.HalfUp)
	for name, c := range map[string]struct {
		spoil func(*rating.Outcome)
		want  string
	}{
		"amount":         {func(o *rating.Outcome) { o.Invoice.Lines[0].Amount = o.Invoice.Lines[0].Amount.Add(cent) }, "its figures make"},
		"rule":           {func(o *rating.Outcome) { o.Invoice.Lines[0].Rule = "" }, "has no rule"},
		"calculation":    {func(o *rating.Outcome) { o.Invoice.Lines[0].Calculation = "" }, "has no calculation"},
		"part":           {func(o *rating.Outcome) { o.Invoice.Lines[0].Part = money.Fraction{N: 31, D: 30} }, "covers 31/30"},
		"lost line":      {func(o *rating.Outcome) { o.Invoice.Lines = o.Invoice.Lines[1:] }, "the lines make"},
		"total":          {func(o *rating.Outcome) { o.Invoice.Total = o.Invoice.Total.Add(cent) }, "the invoice's total is"},
		"due":            {func(o *rating.Outcome) { o.Invoice.AmountDue = o.Invoice.AmountDue.Sub(cent) }, "is not the"},
		"charge":         {func(o *rating.Outcome) { o.Charge.Amount = o.Charge.Amount.Add(cent) }, "is charged or uncollected"},
		"no charge":      {func(o *rating.Outcome) { o.Charge = nil }, "is charged or uncollected"},
		"no invoice":     {func(o *rating.Outcome) { o.Invoice = nil }, "without an invoice"},
		"movement":       {func(o *rating.Outcome) { o.Movements[0].Used = cent }, "balance sms_money"},
		"no movement":    {func(o *rating.Outcome) { o.Movements = nil }, "has no movement"},
		"balance":        {func(o *rating.Outcome) { o.Account.Balances[0].Amount = cent }, "the movement says"},
		"credits":        {func(o *rating.Outcome) { o.Invoice.CreditsApplied = cent }, "balances gave"},
		"billing date":   {func(o *rating.Outcome) { o.Account.NextBillingOn = o.Account.BilledThrough }, "is not after"},
		"plan":           {func(o *rating.Outcome) { o.Account.Plan = "gold" }, `no plan "gold"`},
		"plan of cohort": {func(o *rating.Outcome) { o.Account.Plan = "team" }, `no plan "team" for cohort "current"`},
		"term":           {func(o *rating.Outcome) { o.Account.Term = "weekly" }, `no term "weekly"`},
	} {
		t.Run(name, func(t *testing.T) {
			before, o := anyNight(t)
			c.spoil(&o)
			broken := strings.Join(rating.Check(cat, &before, &o), "; ")
			if !strings.Contains(broken, c.want) {
				t.Errorf("Check says %q, want %q", broken, c.want)
			}
		})
	}
}

// anyNight is a renewal with a minimum charge, and the account before it.
func anyNight(t *testing.T) (rating.Account, rating.Outcome) {
	cat := marketing(t)
	first := calendar.Date(2024, 4, 10)
	account := rating.Account{ID: "A"}
	events := rating.Events{Account: []rating.AccountEvent{{Day: first, Type: "signed_up", Plan: "pro", Method: "card"}}}
	for day := first; ; day++ {
		if _, _, dom := day.Civil(); day > first && dom == 9 {
			events.Usage = []rating.Usage{{Meter: "sms", ServiceDate: day, Dimensions: []string{"outbound", "US", ""}, Quantity: decimal.NewFromInt(340)}}
		}
		o, err := billChecked(cat, account, day, events)
		if err != nil {
			t.Fatal(err)
		}
		if o.Account.PeriodStart > first {
			return account, o
		}
		account, events = o.Account, rating.Events{}
	}
}
