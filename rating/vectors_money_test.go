package rating_test

import (
	"strings"
	"testing"
	"time"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// Vectors of discounts, allocation, taxes, credits and prepaid grants.
var moneyVectors = map[string]func(*testing.T, vector){
	"coupon":                       coupon,
	"discount_allocation":          discountAllocation,
	"discount_then_prepaid":        discountThenPrepaid,
	"allocation_largest_remainder": allocation,
	"tax":                          tax,
	"credit_note":                  creditNote,
	"unused_time_credit":           unusedTimeInCents,
	"prepaid":                      prepaid,
	"prepaid_rollover":             prepaidRollover,
	"credit_cap":                   creditCap,
	"repair.credit_capped":         repairCapped,
	"plan_change.net_with_cap":     netWithCap,
	"credit.carry_forward":         carryForward,
}

// microseconds of a time without a zone, taken as UTC.
func microseconds(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

// coupon is in cents.
func coupon(t *testing.T, v vector) {
	base := v.Input.text("base") + v.Input.text("amount") + v.Input.text("base_cents")
	var all []pricing.Discount
	for _, o := range v.Params.objects("coupons") {
		all = append(all, pricing.Discount{Percent: percent(t, o, "pct")})
	}
	switch {
	case v.Params.text("type") == "fixed":
		left := v.Params.number(t, "amount").Sub(v.Input.number(t, "used"))
		all = append(all, pricing.Discount{Fixed: amountOf(t, left, cents)})
	case len(all) == 0:
		all = append(all, pricing.Discount{Percent: pricing.Percent{Rate: v.Params.optional(t, "rate").Add(v.Params.optional(t, "rate_pct"))}})
	}
	sum := money.Zero(cents)
	for _, d := range pricing.Discounted(amountOf(t, decimalOf(t, base), cents), all, money.HalfUp) {
		sum = sum.Add(d)
	}
	expect(t, "the discount", sum, v.Expected.text("discount")+v.Expected.text("exact"))
	refuse(t, v, sum, "float")
}

func amountsOf(t *testing.T, texts []string, c money.Currency) []money.Amount {
	var all []money.Amount
	for _, text := range texts {
		all = append(all, amountOf(t, decimalOf(t, text), c))
	}
	return all
}

func discountAllocation(t *testing.T, v vector) {
	lines := amountsOf(t, v.Input.list("lines"), cents)
	for i, part := range pricing.Spread(amountOf(t, v.Input.number(t, "discount"), cents), lines) {
		expect(t, "net", lines[i].Sub(part), v.Expected.list("net")[i])
	}
}

// discountThenPrepaid takes line discounts, then those of the invoice, then
// prepaid credit.
func discountThenPrepaid(t *testing.T, v vector) {
	left, off := money.Zero(dollars), money.Zero(dollars)
	byLine, _ := v.Params["line_fix"].(map[string]any)
	for i, line := range amountsOf(t, v.Input.list("lines"), dollars) {
		if fixed := (fields)(byLine).text(decimal.NewFromInt(int64(i)).String()); fixed != "" {
			d := pricing.Discounted(line, []pricing.Discount{{Fixed: amountOf(t, decimalOf(t, fixed), dollars)}}, money.HalfUp)[0]
			line, off = line.Sub(d), off.Add(d)
		}
		left = left.Add(line)
	}
	var all []pricing.Discount
	inv, _ := v.Params["inv"].([]any)
	for _, item := range inv {
		d := (fields{"d": item}).list("d")
		if d[0] == "pct" {
			all = append(all, pricing.Discount{Percent: pricing.Percent{Rate: decimalOf(t, d[1])}})
		} else {
			all = append(all, pricing.Discount{Fixed: amountOf(t, decimalOf(t, d[1]), dollars)})
		}
	}
	for _, d := range pricing.Discounted(left, all, money.HalfUp) {
		left, off = left.Sub(d), off.Add(d)
	}
	credit := money.Min(left, amountOf(t, v.Input.number(t, "credit"), dollars))
	expect(t, "the discount", off, v.Expected.text("discount"))
	expect(t, "the credit", credit, v.Expected.text("credit"))
	expect(t, "the total", left.Sub(credit), v.Expected.text("total"))
}

func allocation(t *testing.T, v vector) {
	var weights []decimal.Decimal
	for _, w := range v.Input.list("weights") {
		weights = append(weights, decimalOf(t, w))
	}
	for i, part := range money.Allocate(v.Input.number(t, "total"), weights, int32(v.Params.whole(t, "precision"))) {
		if want := decimalOf(t, v.Expected.list("parts")[i]); !part.Equal(want) {
			t.Errorf("part %d is %s, want %s", i, part, want)
		}
	}
}

func tax(t *testing.T, v vector) {
	currency := dollars
	if v.Params["precision"] != nil {
		currency.Minor = int32(v.Params.whole(t, "precision"))
	}
	rate := pricing.Percent{Rate: v.Params.optional(t, "tax_pct").Add(v.Params.optional(t, "rate_pct"))}
	net := amountOf(t, v.Input.number(t, "net"), currency)
	got := pricing.Exclusive([]money.Amount{net}, []pricing.Percent{rate}, currency, pricing.PerInvoice, money.HalfUp)[0]
	expect(t, "the tax", got, v.Expected.text("tax"))
	if v.Expected["total"] != nil {
		expect(t, "the total", net.Add(got), v.Expected.text("total"))
	}
}

// creditNote rounds the credit, and then its tax. Amounts are cents.
func creditNote(t *testing.T, v vector) {
	price, part, _ := strings.Cut(v.Input.text("unused"), "*")
	n, d, _ := strings.Cut(part, "/")
	credit := money.Over(decimalOf(t, price).Mul(decimalOf(t, n)), decimalOf(t, d)).In(cents, money.HalfUp)
	taxed(t, v, credit)
}

// taxed expects a credit with its tax.
func taxed(t *testing.T, v vector, credit money.Amount) {
	expect(t, "the credit", credit, v.Expected.text("credit"))
	got := pricing.Exclusive([]money.Amount{credit}, []pricing.Percent{percent(t, v.Params, "tax_pct")}, cents, pricing.PerInvoice, money.HalfUp)[0]
	expect(t, "its tax", got, v.Expected.text("tax"))
	expect(t, "the total", credit.Add(got), v.Expected.text("total"))
}

func unusedTimeInCents(t *testing.T, v vector) {
	part := money.Fraction{N: v.Input.whole(t, "days_unused"), D: v.Input.whole(t, "of")}
	taxed(t, v, money.Line(one, v.Params.number(t, "price"), part, cents, money.HalfUp))
}

// prepaid draws grants, wallets or credits.
func prepaid(t *testing.T, v vector) {
	if v.Params["wallet"] != nil {
		walletAfterTax(t, v)
		return
	}
	var grants []pricing.Grant
	left := decimal.Decimal{}
	for _, name := range []string{"grants", "wallets", "credits"} {
		for _, o := range v.Params.objects(name) {
			grants = append(grants, grantOf(t, o))
			left = left.Add(grants[len(grants)-1].Left)
		}
	}
	need := v.Input.optional(t, "usage").Add(v.Input.optional(t, "invoice_total")).Add(v.Input.optional(t, "debit"))
	taken, short := pricing.Draw(grants, need, 1)
	for i, want := range v.Expected.list("balances") {
		expectRatio(t, "left", exactly(grants[i].Left.Sub(taken[i])), want)
	}
	for i, want := range v.Expected.list("used") {
		expectRatio(t, "used", exactly(taken[i]), want)
	}
	if v.Expected["balance"] != nil {
		expectRatio(t, "left of all", exactly(left.Sub(need).Add(short)), v.Expected.text("balance"))
	}
	if want := v.Expected.text("overage") + v.Expected.text("payable"); want != "" {
		expectRatio(t, "what is left to pay", exactly(short), want)
	}
}

func grantOf(t *testing.T, o fields) pricing.Grant {
	g := pricing.Grant{Left: o.optional(t, "amount").Add(o.optional(t, "balance"))}
	if o["priority"] != nil {
		g.Priority = int(o.whole(t, "priority"))
	}
	if until := o.text("expires"); until != "" { // only which is earlier counts
		at, err := time.Parse("2006-01", until[:len("2006-01")])
		if err != nil {
			t.Fatal(err)
		}
		g.LastDay = int32(at.Unix() / 86400)
	}
	return g
}

func walletAfterTax(t *testing.T, v vector) {
	fees := money.Zero(cents)
	for _, l := range amountsOf(t, v.Input.list("lines_cents"), cents) {
		fees = fees.Add(l)
	}
	taxes := pricing.Exclusive([]money.Amount{fees}, []pricing.Percent{percent(t, v.Params, "tax_pct")}, cents, pricing.PerInvoice, money.HalfUp)[0]
	wallet := amountOf(t, v.Params.number(t, "wallet"), cents)
	used := money.Min(wallet, fees.Add(taxes))
	for name, got := range map[string]money.Amount{
		"fees": fees, "taxes": taxes, "total": fees.Add(taxes), "prepaid_used": used, "wallet_after": wallet.Sub(used),
	} {
		expect(t, name, got, v.Expected.text(name))
	}
}

func prepaidRollover(t *testing.T, v vector) {
	left := v.Input.number(t, "granted").Sub(v.Input.number(t, "used"))
	got := pricing.Rollover(left, v.Params.number(t, "rollover_min"), v.Params.number(t, "rollover_max"))
	expectRatio(t, "the balance", exactly(got), v.Expected.text("balance_after_reset"))
}

// cap cuts a credit to what was paid and not yet given back.
func capped(credit, paid, given money.Amount) money.Amount {
	return money.Min(credit, money.Max(money.Zero(paid.Currency()), paid.Sub(given)))
}

func creditCap(t *testing.T, v vector) {
	of := func(name string) money.Amount { return amountOf(t, v.Input.number(t, name), dollars) }
	expect(t, "the credit", capped(of("potential"), of("originally_paid"), of("already_credited")), v.Expected.text("credit"))
}

func repairCapped(t *testing.T, v vector) {
	unused := v.Input.list("unused")
	days := fields{"from": unused[0], "to": unused[1]}
	part := money.Fraction{N: int64(days.date(t, "to") - days.date(t, "from")), D: v.Input.whole(t, "days_in_period")}
	rate := v.Input.number(t, "rate")
	credit := capped(money.Line(one, rate, part, dollars, money.HalfUp), amountOf(t, rate, dollars), amountOf(t, v.Input.number(t, "already_adjusted"), dollars))
	expect(t, "the credit", credit.Neg(), v.Expected.text("credit"))
}

func netWithCap(t *testing.T, v vector) {
	part := money.Fraction{N: v.Input.whole(t, "unused_days"), D: v.Input.whole(t, "days_in_period")}
	old := v.Input.number(t, "old")
	credit := capped(money.Line(one, old, part, dollars, money.HalfUp), amountOf(t, old, dollars), amountOf(t, v.Input.number(t, "adjusted"), dollars))
	charge := money.Line(one, v.Input.number(t, "new_rate"), part, dollars, money.HalfUp)
	expect(t, "the credit", credit.Neg(), v.Expected.text("credit"))
	expect(t, "the charge", charge, v.Expected.text("charge"))
	expect(t, "what stays", credit.Sub(charge), v.Expected.text("account_credit"))
}

// carryForward pays later invoices from credit before anything is charged.
func carryForward(t *testing.T, v vector) {
	credit := money.Zero(dollars)
	for i, invoice := range amountsOf(t, v.Input.list("invoices"), dollars) {
		if invoice.Sign() < 0 {
			credit, invoice = credit.Sub(invoice), money.Zero(dollars)
		}
		used := money.Min(credit, invoice)
		credit = credit.Sub(used)
		expect(t, "credit after", credit, v.Expected.list("credit_after")[i])
		if paid := v.Expected.list("paid_now"); paid != nil {
			expect(t, "paid", invoice.Sub(used), paid[i])
		}
	}
}
