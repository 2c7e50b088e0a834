package rating_test

import (
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
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

// TestCheckFindsBreaksOfRefunds does the same to a night that gives back one
// charge and tries another again.
func TestCheckFindsBreaksOfRefunds(t *testing.T) {
	cat := marketing(t)
	cent := money.Line(decimal.NewFromInt(1), decimal.New(1, -2), money.Whole, cat.Currency, money.HalfUp)
	for name, c := range map[string]struct {
		spoil func(*rating.Outcome)
		want  string
	}{
		"refund":           {func(o *rating.Outcome) { o.Refunds[0].Amount = o.Refunds[0].Amount.Add(cent) }, "79.01 is given back"},
		"refund of nobody": {func(o *rating.Outcome) { o.Refunds[0].ChargeID = "" }, `on charge ""`},
		"below zero":       {func(o *rating.Outcome) { o.Refunds[0].Amount = o.Refunds[0].Amount.Neg() }, "want an amount above zero"},
		"given twice":      {func(o *rating.Outcome) { o.Refunds = append(o.Refunds, o.Refunds[0]) }, "each charge once"},
		"no note":          {func(o *rating.Outcome) { o.CreditNote = nil }, "1 refunds without a credit note"},
		"note is due":      {func(o *rating.Outcome) { o.CreditNote.AmountDue = cent }, "0.01 is due"},
		"line of the note": {func(o *rating.Outcome) { o.CreditNote.Lines[0].Rule = "" }, "has no rule"},
		"retry's amount":   {func(o *rating.Outcome) { o.Retries[0].Amount = cent }, "the invoice has 79.00 due"},
		"attempt again":    {func(o *rating.Outcome) { o.Retries[0].Attempt = 1 }, "attempt 1 of 79.00"},
		"retry of nothing": {func(o *rating.Outcome) { o.Retries[0].InvoiceID = "in_x" }, "of no open invoice"},
		"other method":     {func(o *rating.Outcome) { o.Retries[0].Method = "paypal" }, `by "paypal"`},
		"retried twice":    {func(o *rating.Outcome) { o.Retries = append(o.Retries, o.Retries[0]) }, "is made twice"},
	} {
		t.Run(name, func(t *testing.T) {
			before, o := nightOfRefund(t, cat)
			c.spoil(&o)
			broken := strings.Join(rating.Check(cat, &before, &o), "; ")
			if !strings.Contains(broken, c.want) {
				t.Errorf("Check says %q, want %q", broken, c.want)
			}
		})
	}
}

// nightOfRefund is 5 June: April's fee is given back, and May's, which failed
// on 2 June, is tried again.
func nightOfRefund(t *testing.T, cat *catalog.Catalog) (rating.Account, rating.Outcome) {
	first, failed := calendar.Date(2024, 4, 30), calendar.Date(2024, 6, 2)
	account := rating.Account{ID: "A"}
	for day := first; ; day++ {
		var e rating.Events
		switch day {
		case first:
			e.Account = []rating.AccountEvent{{Day: day, Type: "signed_up", Plan: "basic", Method: "card", Offer: "guarantee_90"}}
		case failed:
			id := rating.ChargeID(rating.DocumentID(cat.Name, "A", calendar.Date(2024, 5, 30), "invoice"), 1)
			e.Payments = []rating.PaymentEvent{{Day: day, ChargeID: id, Status: "failed"}}
		case failed + 3:
			e.Account = []rating.AccountEvent{{Day: day, Type: "cancelled"}, {Day: day, Type: "refund_requested"}}
		}
		o, err := billChecked(cat, account, day, e)
		if err != nil {
			t.Fatal(err)
		}
		if day == failed+3 {
			return account, o
		}
		account = o.Account
	}
}
