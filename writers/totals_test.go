package writers

import (
	"slices"
	"strings"
	"testing"
)

// whole are totals in which every identity holds.
func whole() Totals {
	return Totals{
		Files: []FileTotals{
			{Source: "sms", Key: "sms/b", Read: 10, Passed: 6, Duplicate: 1, Rejected: 2, NotDue: 1},
			{Source: "sms", Key: "sms/a", Read: 4, Passed: 4},
			{Source: "seats", Key: "seats/a"},
		},
		Sources: []SourceTotals{
			{Source: "sms", Passed: 10, TakenUp: 3, Rated: 7, Rejected: 1, PutAside: 2,
				NotBillable: []ReasonRows{{"no_meter", 2}, {"free", 1}}},
			{Source: "seats"},
		},
		Money: []MoneyTotals{{
			Currency: "USD", Lines: dec("12.30"), Invoices: dec("12.3"), CreditsApplied: dec("2.30"),
			AmountDue: dec("10"), FirstAttemptCharges: dec("7.5"),
			Uncollectable: []ReasonAmount{{"zero", dec("0")}, {"no_payment_method", dec("2.5")}},
		}},
		Balances: []BalanceTotals{
			{Balance: "sms", Currency: "USD", Opening: dec("5"), Added: dec("10"), Used: dec("3.40"), Lapsed: dec("1"), Closing: dec("10.60")},
			{Balance: "sms", Currency: "EUR"},
		},
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(t *Totals)
		want   []string
	}{
		{"whole", func(t *Totals) {}, nil},
		{"read", func(t *Totals) { t.Files[0].Read++ },
			[]string{"file sms/b: passed 6 + duplicate 1 + rejected 2 + not due 1 = 10, but read = 11"}},
		{"duplicate", func(t *Totals) { t.Files[0].Duplicate-- },
			[]string{"file sms/b: passed 6 + duplicate 0 + rejected 2 + not due 1 = 9, but read = 10"}},
		{"rejected in the file", func(t *Totals) { t.Files[0].Rejected++ },
			[]string{"file sms/b: passed 6 + duplicate 1 + rejected 3 + not due 1 = 11, but read = 10"}},
		{"not due", func(t *Totals) { t.Files[0].NotDue = 0 },
			[]string{"file sms/b: passed 6 + duplicate 1 + rejected 2 + not due 0 = 9, but read = 10"}},
		{"passed of a file", func(t *Totals) { t.Files[1].Passed--; t.Files[1].NotDue++ },
			[]string{"source sms: passed of its files = 9, but passed = 10"}},
		{"source left out", func(t *Totals) { t.Sources = t.Sources[1:] },
			[]string{"source sms (not listed): passed of its files = 10, but passed = 0"}},
		{"taken up", func(t *Totals) { t.Sources[0].TakenUp++ },
			[]string{"source sms: passed 10 + taken up 4 = 14, but rated 7 + not billable 3 + rejected 1 + put aside 2 = 13"}},
		{"rated", func(t *Totals) { t.Sources[0].Rated-- },
			[]string{"source sms: passed 10 + taken up 3 = 13, but rated 6 + not billable 3 + rejected 1 + put aside 2 = 12"}},
		{"not billable", func(t *Totals) { t.Sources[0].NotBillable[1].Rows = 0 },
			[]string{"source sms: passed 10 + taken up 3 = 13, but rated 7 + not billable 2 + rejected 1 + put aside 2 = 12"}},
		{"rejected in rating", func(t *Totals) { t.Sources[0].Rejected = 0 },
			[]string{"source sms: passed 10 + taken up 3 = 13, but rated 7 + not billable 3 + rejected 0 + put aside 2 = 12"}},
		{"put aside", func(t *Totals) { t.Sources[0].PutAside = 3 },
			[]string{"source sms: passed 10 + taken up 3 = 13, but rated 7 + not billable 3 + rejected 1 + put aside 3 = 14"}},
		{"below zero", func(t *Totals) { t.Files[2].Duplicate, t.Files[2].Rejected = -1, 1 },
			[]string{"file seats/a: a count is -1"}},
		{"lines", func(t *Totals) { t.Money[0].Lines = dec("12.31") },
			[]string{"currency USD: lines = 12.31, but invoices = 12.3"}},
		{"credits", func(t *Totals) { t.Money[0].CreditsApplied = dec("2.29") },
			[]string{"currency USD: invoices 12.3 − credits applied 2.29 = 10.01, but amount due = 10"}},
		{"charges", func(t *Totals) { t.Money[0].FirstAttemptCharges = dec("7.51") },
			[]string{"currency USD: first-attempt charges 7.51 + uncollectable 2.5 = 10.01, but amount due = 10"}},
		{"uncollectable", func(t *Totals) { t.Money[0].Uncollectable = nil },
			[]string{"currency USD: first-attempt charges 7.5 + uncollectable 0 = 7.5, but amount due = 10"}},
		{"amount due", func(t *Totals) { t.Money[0].AmountDue = dec("9") }, []string{
			"currency USD: invoices 12.3 − credits applied 2.3 = 10, but amount due = 9",
			"currency USD: first-attempt charges 7.5 + uncollectable 2.5 = 10, but amount due = 9"}},
		{"a refund", func(t *Totals) {
			m := &t.Money[0]
			m.Lines, m.Invoices = dec("-66.70"), dec("-66.70")
			m.CreditNotes, m.Refunds = dec("79"), dec("79")
		}, nil},
		{"a refund without a credit note", func(t *Totals) { t.Money[0].Refunds = dec("79") }, []string{
			"currency USD: invoices 12.3 − credits applied 2.3 + refunds 79 = 89, but amount due = 10",
			"currency USD: credit notes = 0, but refunds = 79"}},
		{"a credit note without a refund", func(t *Totals) { t.Money[0].CreditNotes = dec("79") },
			[]string{"currency USD: credit notes = 79, but refunds = 0"}},
		{"retries are of no invoice of the night", func(t *Totals) { t.Money[0].RetriedCharges = dec("79") }, nil},
		{"closing of units", func(t *Totals) {
			t.Balances[1] = BalanceTotals{Balance: "credits", Unit: "postcards", Opening: dec("5"), Used: dec("3"), Closing: dec("3")}
		}, []string{"balance credits in postcards: opening 5 + added 0 − used 3 − lapsed 0 = 2, but closing = 3"}},
		{"closing", func(t *Totals) { t.Balances[0].Closing = dec("10.61") },
			[]string{"balance sms USD: opening 5 + added 10 − used 3.4 − lapsed 1 = 10.6, but closing = 10.61"}},
		{"lapsed", func(t *Totals) { t.Balances[0].Lapsed = dec("0") },
			[]string{"balance sms USD: opening 5 + added 10 − used 3.4 − lapsed 0 = 11.6, but closing = 10.6"}},
		{"an opening book", func(t *Totals) {
			t.Files = append(t.Files, FileTotals{Source: "opening", Key: "opening/a", Read: 3, Passed: 3})
			t.Sources = append(t.Sources, SourceTotals{Source: "opening", Passed: 3, Rated: 2, NotBillable: []ReasonRows{{"closed", 1}}})
			t.Opening = &OpeningTotals{Accounts: 2}
		}, nil},
		{"an account of the book is lost", func(t *Totals) { t.Opening = &OpeningTotals{Accounts: 1} },
			[]string{"opening book: accounts = 1, but opened = 0"}},
		{"an account of no book", func(t *Totals) {
			t.Files = append(t.Files, FileTotals{Source: "opening", Key: "opening/a", Read: 1, Passed: 1})
			t.Sources = append(t.Sources, SourceTotals{Source: "opening", Passed: 1, Rated: 1})
		}, []string{"opening book: accounts = 0, but opened = 1"}},
		{"a balance of the book twice", func(t *Totals) {
			t.Opening = &OpeningTotals{Balances: []OpeningBalance{{"sms", "USD", "", dec("1")}, {"sms", "USD", "", dec("2")}}}
		}, []string{"opening balance sms USD is listed twice"}},
		{"listed twice", func(t *Totals) { t.Balances[1].Currency = "USD" },
			[]string{"balance sms USD is listed twice"}},
	} {
		totals := whole()
		test.change(&totals)
		if got := totals.Check(); !slices.Equal(got, test.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

func TestCheckAgainst(t *testing.T) {
	balances := func(b ...BalanceTotals) *Totals { return &Totals{Balances: b} }
	closed := func(name, amount string) BalanceTotals {
		return BalanceTotals{Balance: name, Currency: "USD", Closing: dec(amount)}
	}
	opened := func(name, amount string) BalanceTotals {
		return BalanceTotals{Balance: name, Currency: "USD", Opening: dec(amount)}
	}
	booked := func(t *Totals, amount string) *Totals {
		t.Opening = &OpeningTotals{Balances: []OpeningBalance{{Balance: "sms", Currency: "USD", Amount: dec(amount)}}}
		return t
	}
	for _, test := range []struct {
		name      string
		now, then *Totals
		want      []string
	}{
		{"equal", balances(opened("sms", "5.0")), balances(closed("sms", "5")), nil},
		{"first entry", balances(opened("sms", "0")), nil, nil},
		{"new and gone at zero", balances(opened("new", "0")), balances(closed("old", "0")), nil},
		{"other", balances(opened("sms", "5")), balances(closed("sms", "4.99")),
			[]string{"balance sms USD: closing of the entry before = 4.99, but opening = 5"}},
		{"out of nothing", balances(opened("sms", "5")), nil,
			[]string{"balance sms USD: closing of the entry before = 0, but opening = 5"}},
		{"a book", booked(balances(opened("sms", "8.10")), "8.1"), nil, nil},
		{"a book in a later entry", booked(balances(opened("sms", "8.10")), "8.1"), balances(closed("sms", "8.1")),
			[]string{"opening book: this is not the first entry"}},
		{"another book", booked(balances(opened("sms", "8")), "8.1"), nil,
			[]string{"balance sms USD: closing of the entry before = 8.1, but opening = 8"}},
		{"a book that vanished", booked(balances(), "8.1"), nil,
			[]string{"balance sms USD (not listed): closing of the entry before = 8.1, but opening = 0"}},
		{"vanished", balances(), balances(closed("sms", "-5")),
			[]string{"balance sms USD (not listed): closing of the entry before = -5, but opening = 0"}},
	} {
		if got := test.now.CheckAgainst(test.then); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
