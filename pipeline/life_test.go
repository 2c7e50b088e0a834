package pipeline

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/catalog"
	"ratemill/writers"
)

// chargeOf is the id of an attempt at an account's invoice of a day.
func chargeOf(t testing.TB, catalogName, account, date string, attempt int) string {
	return rating.ChargeID(rating.DocumentID(catalogName, rating.AccountID(account), day(t, date), "invoice"), attempt)
}

// Every column of an account event reaches rating, and what it does lives
// through the state table from night to night.
func TestAccountLife(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card,,,,guarantee_90,shopify
		s2,B,2024-05-01T09:00:00,signed_up,enterprise,annual,paypal,,,,,,true
		-- account_events/2024-05-02
		b1,A,2024-05-02T09:00:00,credits_purchased,,,,,100,postcards
		b2,A,2024-05-02T10:00:00,service_used,,,,,3,onboarding
		b3,A,2024-05-02T11:00:00,nonprofit_granted
		b4,A,2024-05-02T12:00:00,plan_changed,plus
		b5,B,2024-05-02T09:00:00,package_subscribed,,,,,1,bulk_email
		b6,B,2024-05-02T10:00:00,plan_changed,pro
		b7,B,2024-05-02T11:00:00,plan_changed,pro,,,,,,,,TRUE
		-- account_events/2024-05-03
		d1,A,2024-05-03T09:00:00,billing_date_changed,,,,2024-05-31
		d2,B,2024-05-03T09:00:00,suspended
		-- postcards/2024-05-03
		p1,A,2024-05-03T10:00:00,60
		-- account_events/2024-05-04
		r1,B,2024-05-04T09:00:00,resumed
		-- postcards/2024-05-04
		p2,A,2024-05-04T10:00:00,45
	`)
	c.nights("2024-05-01", "2024-05-31")
	c.wantDocuments("2024-05-02", `
		invoice A total 239.00 credits 0.00 due 239.00
		  credit 89.00 MK-8
		  service 150.00 MK-15
		charge A 239.00 card
		balance A postcard_credits 0.00 + 100.00 - 0.00 = 100.00
		plan A basic to basic nonprofit_granted
		plan A basic to plus upgrade
		plan B enterprise to pro downgrade_requested
	`)
	c.wantRejects("2024-05-02", `
		account_events/date=2024-05-02/part-0.csv:6 B approval_needed open
	`)
	c.wantDocuments("2024-05-04", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 0.00 MK-8
		  usage 4.85 MK-8
		  minimum 5.15 MK-8
		charge A 10.00 card
		balance A postcard_credits 40.00 + 0.00 - 40.00 = 0.00
		balance A postcard_money 0.00 + 5.15 - 0.00 = 5.15
		plan B enterprise to enterprise resumed
	`)
	c.wantDocuments("2024-05-31", `
		invoice A total 117.60 credits 0.00 due 117.60
		  base_fee 147.00 MK-1
		  discount -29.40 MK-11
		charge A 117.60 card
	`)
	inv := rows[writers.Invoice](c, "2024-05-31", writers.InvoicesTable)[0]
	if amount(inv.Subtotal) != "147.00" || amount(inv.Discounts) != "-29.40" || amount(inv.Total) != "117.60" {
		t.Errorf("subtotal %s, discounts %s, total %s", amount(inv.Subtotal), amount(inv.Discounts), amount(inv.Total))
	}
	c.wantBalances("2024-05-03", `
		A postcard_credits postcards 100.00 + 0.00 - 60.00 - 0.00 = 40.00
	`)
	c.wantBalances("2024-05-04", `
		A postcard_credits postcards 40.00 + 0.00 - 40.00 - 0.00 = 0.00
		A postcard_money USD 0.00 + 5.15 - 0.00 - 0.00 = 5.15
	`)
}

func (c *company) wantBalances(date, want string) {
	c.Helper()
	var b strings.Builder
	for _, m := range rows[writers.BalanceMovement](c, date, writers.BalancesTable) {
		fmt.Fprintf(&b, "%s %s %s%s %s + %s - %s - %s = %s\n", m.AccountID, m.Balance, m.Currency, m.Unit,
			amount(m.Opening), amount(m.Added), amount(m.Used), amount(m.Lapsed), amount(m.Closing))
	}
	equalText(c, "balances of "+date, b.String(), want)
}

// Results come back as a payments export: retries go into the charge file, what
// is open into failed_payments, and a refund names the charge that paid.
func TestPayments(t *testing.T) {
	first := chargeOf(t, "marketing", "A", "2024-05-01", 1)
	second := chargeOf(t, "marketing", "A", "2024-05-01", 2)
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card,,,,guarantee_90
		s2,B,2024-05-01T09:00:00,signed_up,basic,monthly
		-- payments/2024-05-02
		p1,`+first+`,A,2024-05-02T10:00:00,failed,psp-1,declined
		p1,`+first+`,A,2024-05-02T10:00:00,failed,psp-1,declined
		p2,ch_none,A,2024-05-02T10:00:00,failed
		-- payments/2024-05-06
		p3,`+second+`,A,2024-05-06T10:00:00,succeeded,psp-2
		-- account_events/2024-05-07
		x1,A,2024-05-07T09:00:00,cancelled
		x2,A,2024-05-07T10:00:00,refund_requested
		x3,B,2024-05-07T10:00:00,refund_requested
	`)
	c.nights("2024-05-01", "2024-05-07")
	c.wantRejects("2024-05-02", `
		payments/date=2024-05-02/part-0.csv:3 A unknown_charge open
	`)
	c.wantPayments("2024-05-01", `
		history A 1 79.00 requested of 2024-05-01 on 2024-05-01 next
		open B 0 79.00 uncollectable no_payment_method of 2024-05-01 on 2024-05-01 next
	`)
	c.wantPayments("2024-05-02", `
		history A 1 79.00 failed declined psp-1 of 2024-05-01 on 2024-05-02 next 2024-05-05
		open A 1 79.00 failed declined of 2024-05-01 on 2024-05-01 next 2024-05-05
		open B 0 79.00 uncollectable no_payment_method of 2024-05-01 on 2024-05-01 next
	`)
	c.wantPayments("2024-05-05", `
		history A 2 79.00 requested of 2024-05-01 on 2024-05-05 next
		open A 2 79.00 requested declined of 2024-05-01 on 2024-05-05 next
		open B 0 79.00 uncollectable no_payment_method of 2024-05-01 on 2024-05-01 next
	`)
	c.wantPayments("2024-05-06", `
		history A 2 79.00 succeeded  psp-2 of 2024-05-01 on 2024-05-06 next
		open B 0 79.00 uncollectable no_payment_method of 2024-05-01 on 2024-05-01 next
	`)
	charges := rows[writers.Charge](c, "2024-05-05", writers.ChargesTable)
	if len(charges) != 1 || charges[0].ChargeID != second || charges[0].Attempt != 2 {
		t.Errorf("charges of 5 May are %+v, want the second attempt", charges)
	}
	c.wantRejects("2024-05-07", `
		account_events/date=2024-05-07/part-0.csv:3 B no_offer open
	`)
	c.wantRefund(second)
	for date, want := range map[string]string{"2024-05-01": "79 0 0", "2024-05-05": "0 79 0", "2024-05-07": "0 0 79"} {
		m := c.entry(date).Totals.Money[0]
		if got := fmt.Sprint(m.FirstAttemptCharges, " ", m.RetriedCharges, " ", m.Refunds); got != want {
			t.Errorf("%s: first attempts, retries and refunds are %s, want %s", date, got, want)
		}
	}
}

// wantRefund wants 79.00 of A given back on 7 May, on a charge.
func (c *company) wantRefund(charge string) {
	c.Helper()
	note := rows[writers.Invoice](c, "2024-05-07", writers.InvoicesTable)
	if len(note) != 1 || note[0].Kind != "credit_note" || note[0].Number != "INV-CN-00000001" || amount(note[0].Total) != "-79.00" || note[0].AmountDue != 0 {
		c.Errorf("the credit note is %+v", note)
	}
	refunds := rows[writers.Refund](c, "2024-05-07", writers.RefundsTable)
	if len(refunds) != 1 || refunds[0].ChargeID != charge || refunds[0].CreditNoteID != note[0].InvoiceID || amount(refunds[0].Amount) != "79.00" {
		c.Fatalf("refunds are %+v, want 79.00 on %s", refunds, charge)
	}
	c.wantText("charge_files/billing_date=2024-05-07/refunds.csv", fmt.Sprintf(`
		refund_id,credit_note_id,charge_id,account_id,amount,currency,method,billing_date
		%s,%s,%s,A,79.00,USD,card,2024-05-07
	`, refunds[0].RefundID, note[0].InvoiceID, charge))
	c.wantText("charge_files/billing_date=2024-05-07/charges.csv", `
		charge_id,invoice_id,account_id,amount,currency,method,attempt,collect_on,billing_date
	`)
}

func (c *company) wantPayments(date, want string) {
	c.Helper()
	var b strings.Builder
	for _, of := range []struct {
		what  string
		table writers.Spec
	}{{"history", writers.PaymentHistoryTable}, {"open", writers.FailedPaymentsTable}} {
		for _, p := range rows[writers.PaymentAttempt](c, date, of.table) {
			text := fmt.Sprintf("%s %s %d %s %s %s %s", of.what, p.AccountID, p.Attempt, amount(p.Amount), p.Status, p.Reason, p.Reference)
			fmt.Fprintf(&b, "%s of %s on %s next %s\n", strings.TrimRight(text, " "), dayText(p.InvoicedOn), dayText(p.OccurredOn), dayText(p.NextAttemptOn))
		}
	}
	equalText(c, "payments of "+date, b.String(), want)
}

// The chat catalog, which has no meters: cycles of 30 days, and an app that is
// removed from its store.
func TestChatCatalog(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-01-01
		s1,A,2024-01-01T09:00:00,signed_up,basic,monthly,card,,,,,shopify
		s2,B,2024-01-01T09:00:00,signed_up,plus,monthly,card,,,,,direct
		-- account_events/2024-01-31
		u1,A,2024-01-31T09:00:00,uninstalled
		u2,B,2024-01-31T09:00:00,uninstalled
		-- sms/2024-01-31
		m1,B,2024-01-31T09:00:00,outbound,acme,US,10
	`)
	text, err := os.ReadFile("../fixtures/catalogs/chat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.knobs.Catalog, err = catalog.Parse("chat.yaml", text); err != nil {
		t.Fatal(err)
	}
	c.nights("2024-01-01", "2024-01-31")
	c.wantDocuments("2024-01-31", `
		invoice B total 99.00 credits 0.00 due 99.00
		  base_fee 99.00 CH-1
		charge B 99.00 card
		plan A basic to none uninstalled
	`)
	c.wantRejects("2024-01-31", `
		account_events/date=2024-01-31/part-0.csv:2 B not_allowed open
	`)
}

// The team app: what waits for the next invoice, the credit for unused time and
// the base fee of the period are kept from night to night.
func TestTeamsCatalog(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-04-01
		s1,A,2024-04-01T09:00:00,signed_up,premium,monthly,card
		s2,B,2024-04-01T09:00:00,signed_up,standard,monthly,card
		-- seats/2024-04-01
		u1,A,2024-04-01T10:00:00,ann,activated
		u2,B,2024-04-01T10:00:00,ann,activated
		-- seats/2024-04-11
		u3,B,2024-04-11T10:00:00,ann,deactivated
		-- account_events/2024-04-16
		p1,A,2024-04-16T09:00:00,plan_changed,standard
		-- seats/2024-04-16
		u4,B,2024-04-16T10:00:00,bob,activated
		-- seats/2024-04-20
		u5,A,2024-04-20T10:00:00,bob,activated
		u6,B,2024-04-20T10:00:00,cid,activated
	`)
	text, err := os.ReadFile("../fixtures/catalogs/teams.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.knobs.Catalog, err = catalog.Parse("teams.yaml", text); err != nil {
		t.Fatal(err)
	}
	c.nights("2024-04-01", "2024-05-01")
	c.wantDocuments("2024-05-01", `
		invoice A total 9.33 credits 0.00 due 9.33
		  base_fee 10.00 TM-1
		  seat 10.00 TM-1
		  proration_credit -5.67 TM-4
		  proration_credit -5.00 TM-4
		invoice B total 21.00 credits 0.00 due 21.00
		  base_fee 10.00 TM-1
		  seat 10.00 TM-1
		  seat 1.83 TM-2
		  proration_credit -0.83 TM-5
		charge A 9.33 card
		charge B 21.00 card
		balance A unused_time 10.67 + 0.00 - 10.67 = 0.00
	`)
}
