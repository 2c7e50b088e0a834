package pipeline

import (
	"context"
	"testing"

	"ratemill/writers"
)

// twoAccounts are accounts of which the second never signed up in truth.
const twoAccounts = `
	-- account_events/2024-05-01
	s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card
	-- account_events/2024-05-01 b.csv
	s2,B,2024-05-01T09:00:00,signed_up,basic,monthly,card
	-- sms/2024-05-01
	m1,B,2024-05-01T10:00:00,outbound,acme,US,340
`

func (c *company) vanish(key string) {
	c.Helper()
	if err := c.exports.Delete(context.Background(), key); err != nil {
		c.Fatal(err)
	}
}

// wantNotes compares the notes of a rerate with text.
func (c *company) wantNotes(r *RerateResult, want string) {
	c.Helper()
	equalText(c, "notes", notesText(r), want)
}

// An account that should never have been: what was charged is credited. What
// failed is not charged again, what was paid stays as credit, and pays when the
// account signs up after all.
func TestRerateOfAnAccountThatNeverWas(t *testing.T) {
	base, sms := chargeOf(t, "marketing", "B", "2024-05-01", 1), chargeOf(t, "marketing", "B", "2024-05-02", 1)
	c := newCompany(t, twoAccounts+`
		-- payments/2024-05-02
		p1,`+base+`,B,2024-05-02T10:00:00,failed,psp,declined
		-- payments/2024-05-03
		p2,`+sms+`,B,2024-05-03T10:00:00,succeeded,psp
		-- account_events/2024-05-08
		s3,B,2024-05-08T09:00:00,signed_up,basic,monthly,card
	`)
	c.nights("2024-05-01", "2024-05-04")
	c.vanish("account_events/date=2024-05-01/b.csv")
	r := c.rerate("2024-05-01", "2024-05-04")
	c.wantNotes(r, `
		credit_note INV-CN-00000001 B total -89.00 credits -89.00 due 0.00
		  base_fee -79.00 MK-1 line 1: issued 79.00, should not be
		  usage -3.40 MK-9 line 1: issued 3.40, should not be
		  minimum -6.60 MK-9 line 2: issued 6.60, should not be
	`)
	c.sameAgain("2024-05-01", "2024-05-04")
	c.night("2024-05-05") // the day of the retry
	c.wantPayments("2024-05-05", `
		history B 0 79.00 credited of 2024-05-01 on 2024-05-05 next
	`)
	c.wantText("charge_files/billing_date=2024-05-05/charges.csv", `
		charge_id,invoice_id,account_id,amount,currency,method,attempt,collect_on,billing_date
	`)
	c.wantBalances("2024-05-05", `
		B correction_credit USD 89.00 + 0.00 - 79.00 - 0.00 = 10.00
	`)
	c.nights("2024-05-06", "2024-05-08")
	c.wantDocuments("2024-05-08", `
		invoice B total 79.00 credits 10.00 due 69.00
		  base_fee 79.00 MK-1
		charge B 69.00 card
		balance B correction_credit 10.00 + 0.00 - 10.00 = 0.00
		plan B none to basic signed_up
	`)
	c.wantStanding("2024-05-01", "2024-05-08")
}

// A sign-up that came late was never billed: all of it is on the debit note,
// which the next night collects, and whose failure is tried again.
func TestRerateOfALateSignUp(t *testing.T) {
	c := newCompany(t, twoAccounts)
	b := tree(t, c.exports)["account_events/date=2024-05-01/b.csv"]
	c.vanish("account_events/date=2024-05-01/b.csv")
	c.nights("2024-05-01", "2024-05-04")
	c.write("account_events/date=2024-05-01/b.csv", b)
	r := c.rerate("2024-05-01", "2024-05-01")
	c.wantNotes(r, `
		debit_note INV-DN-00000001 B total 89.00 credits 0.00 due 89.00
		  base_fee 79.00 MK-1 -: never issued, should be 79.00: 1 × 79 = 79.00
		  usage 3.40 MK-9 -: never issued, should be 3.40: 340 × 0.01 = 3.40
		  minimum 6.60 MK-9 -: never issued, should be 6.60: usage 3.40, shortfall 3.40, minimum 10.00: 6.60 kept in sms_money
	`)
	m := r.Entry.Totals.Money[0]
	if m.LeftOpen.String() != "89" || !m.FirstAttemptCharges.IsZero() {
		t.Errorf("left open %s, charged %s", m.LeftOpen, m.FirstAttemptCharges)
	}
	e := c.night("2024-05-05")
	if m := e.Totals.Money[0]; m.TakenUp.String() != "89" || m.FirstAttemptCharges.String() != "89" {
		t.Errorf("taken up %s, charged %s", m.TakenUp, m.FirstAttemptCharges)
	}
	charge := rows[writers.Charge](c, "2024-05-05", writers.ChargesTable)[0]
	c.deliver("-- payments/2024-05-06\np1," + charge.ChargeID + ",B,2024-05-06T10:00:00,failed,psp,declined")
	c.nights("2024-05-06", "2024-05-09")
	c.wantDocuments("2024-05-09", `
		charge B 89.00 card
	`)
	c.sameAgain("2024-05-01", "2024-05-09")
}

// Without a method nothing can be charged: the note is listed as uncollectable
// by the next night. A second rerate before it lets the amount wait.
func TestRerateWithoutMethod(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly
	`)
	c.nights("2024-05-01", "2024-05-03")
	c.deliver("-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,3400")
	c.rerate("2024-05-01", "2024-05-03")
	c.deliver("-- sms/2024-05-02\nm2,A,2024-05-02T10:00:00,outbound,acme,US,1200")
	r := c.rerate("2024-05-02", "2024-05-03") // folded from 1 May, as the rerate before it
	c.wantNotes(r, `
		debit_note INV-DN-00000002 A total 12.00 credits 0.00 due 12.00
		  usage 12.00 MK-9 -: never issued, should be 12.00: 1200 × 0.01 = 12.00
	`)
	if r.From != day(t, "2024-05-01") || r.Entry.Totals.Money[0].TakenUp.String() != "34" || r.Entry.Totals.Money[0].LeftOpen.String() != "46" {
		t.Errorf("from %s, %+v", r.From, r.Entry.Totals.Money)
	}
	e := c.night("2024-05-04")
	if u := e.Totals.Money[0].Uncollectable; len(u) != 1 || u[0].Reason != "no_payment_method" || u[0].Amount.String() != "46" {
		t.Errorf("uncollectable %v", u)
	}
	// The method was on file from 2 May on, as is known now.
	c.deliver("-- account_events/2024-05-02\np1,A,2024-05-02T09:00:00,payment_method_changed,,,card")
	r = c.rerate("2024-05-02", "2024-05-02")
	c.wantNotes(r, "")
	c.night("2024-05-05")
	c.wantDocuments("2024-05-05", `
		charge A 79.00 card
		charge A 34.00 card
		charge A 12.00 card
	`)
}

// Results of payments are no part of a rerate: those that come late or change
// are for the next night, and none is lost or taken twice.
func TestRerateLeavesPaymentsAlone(t *testing.T) {
	base := chargeOf(t, "marketing", "A", "2024-05-01", 1)
	other := chargeOf(t, "marketing", "B", "2024-05-01", 1)
	c := newCompany(t, twoAccounts+`
		-- payments/2024-05-02
		p1,`+base+`,A,2024-05-02T10:00:00,failed,psp,declined
	`)
	c.nights("2024-05-01", "2024-05-03")
	c.deliver(`
		-- payments/2024-05-02
		p1,` + base + `,A,2024-05-02T10:00:00,failed,psp,declined
		p3,` + other + `,B,2024-05-02T10:00:00,failed,psp,declined
		-- payments/2024-05-03
		p4,` + base + `,A,2024-05-03T10:00:00,succeeded,psp
		-- emails/2024-05-02
		e1,A,2024-05-02T10:00:00,1
	`)
	c.rerate("2024-05-01", "2024-05-03")
	e := c.night("2024-05-04")
	if len(e.ChangedInputs) > 0 {
		t.Errorf("changed inputs %v", e.ChangedInputs)
	}
	c.wantRejects("2024-05-04", "")
	c.wantPayments("2024-05-04", `
		history A 1 79.00 succeeded  psp of 2024-05-01 on 2024-05-03 next
		history B 1 79.00 failed declined psp of 2024-05-01 on 2024-05-02 next 2024-05-05
		open B 1 79.00 failed declined of 2024-05-01 on 2024-05-01 next 2024-05-05
	`)
}

// A consumed file that changed, and one that vanished: the notes take back
// what they had billed, and the warning stops.
func TestRerateOfChangedFiles(t *testing.T) {
	c := newCompany(t, small)
	c.nights("2024-05-01", "2024-05-03")
	c.deliver("-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,1340")
	c.vanish("sms/date=2024-05-02/part-0.csv")
	if e := c.night("2024-05-04"); len(e.ChangedInputs) != 2 || e.ExitCode != ExitLook {
		t.Errorf("exit code %d, changed %v", e.ExitCode, e.ChangedInputs)
	}
	r := c.rerate("2024-05-01", "2024-05-02")
	c.wantNotes(r, `
		credit_note INV-CN-00000001 A total -0.60 credits -4.00 due 3.40
		  usage 10.00 MK-9 line 1: issued 3.40, should be 13.40: 1340 × 0.01 = 13.40
		  minimum -6.60 MK-9 line 2: issued 6.60, should not be
		  usage -4.00 MK-9 line 1: issued 4.00, should not be
		credit_note INV-CN-00000002 B total -80.00 credits -80.00 due 0.00
		  usage -40.00 MK-9 line 1: issued 40.00, should not be
		  usage -40.00 MK-9 line 1: issued 40.00, should not be
	`)
	if e := c.night("2024-05-05"); len(e.ChangedInputs) != 0 || e.ExitCode != ExitDone {
		t.Errorf("exit code %d, changed %v", e.ExitCode, e.ChangedInputs)
	}
	c.wantStanding("2024-05-01", "2024-05-05")
}

// A guarantee gives back what was rightly charged, on the charges that were
// made; the rest is credit.
func TestRerateAndGuarantee(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card,,,,guarantee_90
		-- account_events/2024-05-01 b.csv
		n1,A,2024-05-01T10:00:00,nonprofit_granted
		-- account_events/2024-05-05
		x1,A,2024-05-05T09:00:00,cancelled
		x2,A,2024-05-05T10:00:00,refund_requested
	`)
	b := tree(t, c.exports)["account_events/date=2024-05-01/b.csv"]
	c.vanish("account_events/date=2024-05-01/b.csv")
	c.nights("2024-05-01", "2024-05-03")
	c.write("account_events/date=2024-05-01/b.csv", b)
	c.wantNotes(c.rerate("2024-05-01", "2024-05-01"), `
		credit_note INV-CN-00000001 A total -15.80 credits -15.80 due 0.00
		  discount -15.80 MK-11 line 0: never issued, should be -15.80: -0.2 × 79 = -15.80
	`)
	c.nights("2024-05-04", "2024-05-05")
	c.wantDocuments("2024-05-05", `
		invoice A total -63.20 credits 0.00 due 0.00
		  refund -63.20 MK-12
		plan A basic to none cancelled
	`)
	c.wantBalances("2024-05-05", `
		A correction_credit USD 15.80 + 0.00 - 0.00 - 0.00 = 15.80
	`)
	c.sameAgain("2024-05-01", "2024-05-05")
}

// A day folded again under a corrected catalog, and the next under the usual
// one.
func TestRerateUnderACorrectedCatalog(t *testing.T) {
	c := newCompany(t, small)
	c.nights("2024-05-01", "2024-05-03")
	s := c.settings("2024-05-03")
	s.Corrected = marketing(t, `{match: [outbound, US, "*"], each: 0.0100}`, `{match: [outbound, US, "*"], each: 0.0500}`)
	span := Span{day(t, "2024-05-01"), day(t, "2024-05-01")}
	r, err := Rerate(t.Context(), s, span, false)
	if err != nil {
		t.Fatal(err)
	}
	c.wantNotes(r, `
		debit_note INV-DN-00000001 A total 13.00 credits -4.00 due 17.00
		  usage 13.60 MK-9 line 1: issued 3.40, should be 17.00: 340 × 0.05 = 17.00
		  minimum -6.60 MK-9 line 2: issued 6.60, should not be
		  minimum 6.00 MK-9 line 0: never issued, should be 6.00: usage 4.00, shortfall 4.00, minimum 10.00: 6.00 kept in sms_money
	`)
	if r, err = Rerate(t.Context(), s, span, false); err != nil || r.Status != Same {
		t.Errorf("again: %v, %v", r, err)
	}
	c.night("2024-05-04")
	if _, err := c.tryRerate("2024-05-02", "2024-05-03", true); ExitCode(err) != ExitUsage {
		t.Errorf("without the catalog: %v", err)
	}
}
