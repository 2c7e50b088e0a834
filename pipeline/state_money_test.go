package pipeline

import (
	"reflect"
	"testing"

	"github.com/shopspring/decimal"

	"ratemill/rating"
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
		a := rating.Account{
			ID: "A", Plan: "pro", Term: "monthly", Currency: currency,
			Discounts: []rating.HeldDiscount{{Name: "launch", Begun: true, Left: 2, Used: amount}, {Name: "welcome", Used: amount}},
			Spends:    []rating.PeriodSpend{{From: 19000, Charged: amount, Adjusted: amount.Neg()}},
			Waiting:   []rating.Line{{Kind: rating.Seat, TaxCategory: "books", Amount: amount, Part: money.Whole}},
			Refundable: []rating.Refundable{
				{InvoiceID: "in_1", Kind: rating.BaseFee, Amount: amount}, {InvoiceID: "in_1", Kind: rating.TaxedIn, Rule: "T-1", Amount: amount},
			},
		}
		row := stateRow(&a)
		back, err := accountOf(&row)
		if err != nil {
			t.Fatal(err)
		}
		if again := stateRow(&back); !reflect.DeepEqual(again, row) || len(back.Discounts) != 2 || len(back.Spends) != 1 {
			t.Errorf("%s: %+v came back as %+v", code, row, again)
		}
		if back.Discounts[0].Used.Cmp(amount) != 0 || back.Discounts[0].Left != 2 || back.Refundable[1].Rule != "T-1" ||
			back.Waiting[0].TaxCategory != "books" || back.Spends[0].Adjusted.Cmp(amount.Neg()) != 0 {
			t.Errorf("%s: read back %+v", code, back)
		}
	}
}
