package pipeline

import (
	"os"
	"slices"
	"strings"
	"testing"

	"ratemill/rating/catalog"
	"ratemill/writers"
)

// Taxes by address, discounts, a commitment and three currencies go through
// whole nights, from the exports to the tables and the charge file: what the
// rules of fixtures/catalogs/money.yaml make of one account is proven in
// rating; here the currency must stay with every figure. The tax of 0 on D says
// that its charge is reversed.
func TestMoneyOfSeveralCurrencies(t *testing.T) {
	c := newCompany(t, "")
	c.knobs.Catalog = fixtureCatalog(t, "money.yaml")
	c.knobs.Sources = []SourceSettings{
		{Name: "calls", Kind: UsageKind, Quantity: "quantity"},
		{Name: "messages", Kind: UsageKind, Quantity: "quantity"},
	}
	c.writeCSV("account_events/date=2024-05-01/part-0.csv", `
		event_id,account_id,occurred_at,type,plan,term,method,currency,offer
		s1,A,2024-05-01T08:00:00Z,signed_up,pro,monthly,card,EUR,launch
		s2,B,2024-05-01T08:00:00Z,signed_up,pro,monthly,card,JPY,
		s3,C,2024-05-01T08:00:00Z,signed_up,committed,monthly,card,USD,
		s4,D,2024-05-01T08:00:00Z,signed_up,pro,monthly,card,EUR,
	`)
	c.writeCSV("accounts/date=2024-05-01/part-0.csv", `
		account_id,as_of,name,country,region,tax_id
		A,2024-05-01,Arnold,DE,,
		C,2024-05-01,Chase,US,NY,
		D,2024-05-01,Dupont,FR,,FR123
	`)
	c.writeCSV("calls/date=2024-05-02/part-0.csv", `
		event_id,account_id,occurred_at,quantity
		c1,A,2024-05-02T08:00:00Z,11
		c2,B,2024-05-02T08:00:00Z,3
		c3,C,2024-05-02T08:00:00Z,100
		c4,D,2024-05-02T08:00:00Z,11
	`)
	c.nights("2024-05-01", "2024-06-01")
	c.wantMoney("2024-05-01", `
		EUR A base_fee 90.0000 V-0
		EUR A discount -45.0000 V-5
		EUR A tax 8.5500 V-10
		EUR A subtotal 90.0000 discounts -45.0000 tax 8.5500 total 53.5500 due 53.5500
		JPY B base_fee 12000.0000 V-0
		JPY B subtotal 12000.0000 discounts 0.0000 tax 0.0000 total 12000.0000 due 12000.0000
		EUR D base_fee 90.0000 V-0
		EUR D tax 0.0000 V-10
		EUR D subtotal 90.0000 discounts 0.0000 tax 0.0000 total 90.0000 due 90.0000
	`)
	// 3 × 12.5 = 37.5 yen are 38; 11 × 0.09 = 0.99, of which 19 % are 0.19.
	c.wantMoney("2024-05-02", `
		EUR A usage 0.9900 V-1
		EUR A tax 0.1900 V-10
		EUR A subtotal 0.9900 discounts 0.0000 tax 0.1900 total 1.1800 due 1.1800
		JPY B usage 38.0000 V-1
		JPY B subtotal 38.0000 discounts 0.0000 tax 0.0000 total 38.0000 due 38.0000
		USD C usage 10.0000 V-1
		USD C tax 0.8900 V-13
		USD C subtotal 10.0000 discounts 0.0000 tax 0.8900 total 10.8900 due 10.8900
		EUR D usage 0.9900 V-1
		EUR D tax 0.0000 V-10
		EUR D subtotal 0.9900 discounts 0.0000 tax 0.0000 total 0.9900 due 0.9900
	`)
	// The least of a month is 50 of which 10 are used: 40 more, and 8.875 % of it.
	c.wantMoney("2024-06-01", `
		EUR A base_fee 90.0000 V-0
		EUR A discount -45.0000 V-5
		EUR A tax 8.5500 V-10
		EUR A subtotal 90.0000 discounts -45.0000 tax 8.5500 total 53.5500 due 53.5500
		JPY B base_fee 12000.0000 V-0
		JPY B subtotal 12000.0000 discounts 0.0000 tax 0.0000 total 12000.0000 due 12000.0000
		USD C minimum 40.0000 V-15
		USD C tax 3.5500 V-13
		USD C subtotal 40.0000 discounts 0.0000 tax 3.5500 total 43.5500 due 43.5500
		EUR D base_fee 90.0000 V-0
		EUR D tax 0.0000 V-10
		EUR D subtotal 90.0000 discounts 0.0000 tax 0.0000 total 90.0000 due 90.0000
	`)
	for _, charge := range rows[writers.Charge](c, "2024-05-02", writers.ChargesTable) {
		if want := map[string]string{"A": "EUR", "B": "JPY", "C": "USD", "D": "EUR"}[charge.AccountID]; charge.Currency != want {
			t.Errorf("%s is charged in %s, want %s", charge.AccountID, charge.Currency, want)
		}
	}
}

// fixtureCatalog is one of the catalogs of fixtures/catalogs.
func fixtureCatalog(t testing.TB, name string) *catalog.Catalog {
	t.Helper()
	text, err := os.ReadFile("../fixtures/catalogs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// writeCSV puts an export there; indentation does not count.
func (c *company) writeCSV(key, text string) { c.write(key, trimmed(text)) }

// wantMoney compares the figures of a night's documents, with their currency.
func (c *company) wantMoney(date, want string) {
	c.Helper()
	var b strings.Builder
	money := func(v int64) string { return writers.FromMoney(v).StringFixed(4) }
	lines := rows[writers.InvoiceLine](c, date, writers.InvoiceLinesTable)
	invoices := rows[writers.Invoice](c, date, writers.InvoicesTable)
	slices.SortFunc(invoices, func(x, y writers.Invoice) int { return strings.Compare(x.AccountID, y.AccountID) })
	for _, inv := range invoices {
		for _, l := range lines {
			if l.InvoiceID == inv.InvoiceID {
				b.WriteString(strings.Join([]string{l.Currency, l.AccountID, l.Kind, money(l.Amount), l.Rule}, " ") + "\n")
			}
		}
		b.WriteString(strings.Join([]string{inv.Currency, inv.AccountID, "subtotal", money(inv.Subtotal), "discounts", money(inv.Discounts),
			"tax", money(inv.Tax), "total", money(inv.Total), "due", money(inv.AmountDue)}, " ") + "\n")
	}
	equalText(c, "figures of "+date, b.String(), want)
}
