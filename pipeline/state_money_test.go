package pipeline

import (
	"fmt"
	"reflect"
	"testing"

	"ratemill/rating"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// TestStateOfMoney: discounts, commitments, what waits and what may be given
// back come out of the state table as they went in, in yen as in dollars.
func TestStateOfMoney(t *testing.T) {
	for _, code := range []string{"USD", "JPY", "BHD"} {
		currency, err := money.LookupCurrency(code)
		if err != nil {
			t.Fatal(err)
		}
		amount, err := money.New(decimal.New(1205, -currency.Minor), currency)
		if err != nil {
			t.Fatal(err)
		}
		units, err := money.New(decimal.New(7, 0), money.Currency{Code: "calls"})
		if err != nil {
			t.Fatal(err)
		}
		a := rating.Account{
			ID: "A", Plan: "pro", Term: "monthly", Currency: currency,
			Discounts: []rating.HeldDiscount{{Name: "launch", Begun: true, Left: 2, Used: amount}, {Name: "welcome", Used: amount}},
			Balances:  []rating.Balance{{Name: "calls", Amount: units}, {Name: "wallet", Amount: amount}},
			Grants: []rating.Grant{
				{Balance: "calls", From: 19000, GrantedOn: 19000, LastDay: 19030, Left: units},
				{Balance: "wallet", GrantedOn: 19001, LastDay: 19366, Left: amount},
			},
			Given:   []rating.Balance{{Name: "calls", Amount: units}, {Name: "wallet", Amount: amount}},
			Spends:  []rating.PeriodSpend{{From: 19000, Charged: amount, Adjusted: amount.Neg()}},
			Waiting: []rating.Line{{Kind: rating.Seat, TaxCategory: "books", Amount: amount, Part: money.Whole}},
			Refundable: []rating.Refundable{
				{InvoiceID: "in_1", Kind: rating.BaseFee, Amount: amount}, {InvoiceID: "in_1", Kind: rating.TaxedIn, Rule: "T-1", Amount: amount},
			},
		}
		row := stateRow(&a)
		if row.Grants[0].Unit != "calls" || row.Grants[1].Unit != "" || row.Grants[0].From != 19000 || row.Given[1].Amount == 0 {
			t.Errorf("%s: written as %+v", code, row)
		}
		back, err := accountOf(&row)
		if err != nil {
			t.Fatal(err)
		}
		if again := stateRow(&back); !reflect.DeepEqual(again, row) || len(back.Discounts) != 2 || len(back.Spends) != 1 {
			t.Errorf("%s: %+v came back as %+v", code, row, again)
		}
		if fmt.Sprint(back.Grants, back.Given, back.Balances) != fmt.Sprint(a.Grants, a.Given, a.Balances) {
			t.Errorf("%s: read back %+v and %+v", code, back.Grants, back.Given)
		}
		if back.Discounts[0].Used.Cmp(amount) != 0 || back.Discounts[0].Left != 2 || back.Refundable[1].Rule != "T-1" ||
			back.Waiting[0].TaxCategory != "books" || back.Spends[0].Adjusted.Cmp(amount.Neg()) != 0 {
			t.Errorf("%s: read back %+v", code, back)
		}
	}
}
