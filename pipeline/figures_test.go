package pipeline

import (
	"context"
	"testing"

	"ratemill/writers"
)

// MK-9: a top-up is at least 10.00; what it leaves is used first, and never
// expires. Usage 3.40, 4.00, 5.00 and 32.60, each charged the day after.
func TestSMSTopUps(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,300
		m2,A,2024-05-01T11:00:00,outbound,acme,US,40
		-- sms/2024-05-02
		m3,A,2024-05-02T10:00:00,outbound,acme,US,400
		-- sms/2024-05-03
		m4,A,2024-05-03T10:00:00,inbound,att,US,1000
		-- sms/2024-05-04
		m5,A,2024-05-04T10:00:00,outbound,att,US,2000
		m6,A,2024-05-04T10:00:00,outbound,o2,GB,200
		m7,A,2024-05-04T10:00:00,outbound,,FR,10
	`)
	c.nights("2024-05-01", "2024-05-06")
	c.wantDocuments("2024-05-01", `plan A none to pages_free signed_up`)
	c.wantDocuments("2024-05-02", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 3.40 MK-9
		  minimum 6.60 MK-9
		charge A 10.00 card
		balance A sms_money 0.00 + 6.60 - 0.00 = 6.60
	`)
	c.wantDocuments("2024-05-03", `
		invoice A total 4.00 credits 4.00 due 0.00
		  usage 4.00 MK-9
		balance A sms_money 6.60 + 0.00 - 4.00 = 2.60
	`)
	c.wantDocuments("2024-05-04", `
		invoice A total 12.60 credits 2.60 due 10.00
		  usage 5.00 MK-9
		  minimum 7.60 MK-9
		charge A 10.00 card
		balance A sms_money 2.60 + 7.60 - 2.60 = 7.60
	`)
	c.wantDocuments("2024-05-05", `
		invoice A total 32.60 credits 7.60 due 25.00
		  usage 24.00 MK-9
		  usage 8.00 MK-9
		  usage 0.60 MK-9
		charge A 25.00 card
		balance A sms_money 7.60 + 0.00 - 7.60 = 0.00
	`)
	c.wantDocuments("2024-05-06", ``)
}

// MK-18: a renewal of 297.00 and 3.40 of SMS on an empty balance make one
// invoice and one charge of 307.00 (G-3, G-8).
func TestRenewalAndSMSAreOneInvoice(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
		-- sms/2024-05-31
		m1,A,2024-05-31T10:00:00,outbound,acme,US,340
	`)
	c.nights("2024-05-01", "2024-06-01")
	c.wantDocuments("2024-05-01", `
		invoice A total 297.00 credits 0.00 due 297.00
		  base_fee 297.00 MK-1
		charge A 297.00 card
		plan A none to pro signed_up
	`)
	c.wantDocuments("2024-05-31", ``)
	c.wantDocuments("2024-06-01", `
		invoice A total 307.00 credits 0.00 due 307.00
		  base_fee 297.00 MK-1
		  usage 3.40 MK-9
		  minimum 6.60 MK-9
		charge A 307.00 card
		balance A sms_money 0.00 + 6.60 - 0.00 = 6.60
	`)
}

// MK-4: a count above several limits climbs several rungs the same day; the
// new price applies from the next billing date. MK-3 adds custom objects.
func TestContactsClimb(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card,
		s2,B,2024-05-01T09:00:00,signed_up,basic,monthly,card,
		-- contacts/2024-05-01
		A,2024-05-01,1000,
		B,2024-05-01,999,1
		-- contacts/2024-05-02
		A,2024-05-02,2900,100
		B,2024-05-02,25000,
	`)
	c.nights("2024-05-01", "2024-06-01")
	c.wantDocuments("2024-05-02", `
		invoice B total 99.00 credits 0.00 due 99.00
		  package 99.00 MK-5
		charge B 99.00 card
		plan A basic to plus auto_upgrade
		plan A plus to pro auto_upgrade
		plan B basic to plus auto_upgrade
		plan B plus to pro auto_upgrade
		plan B pro to enterprise auto_upgrade
	`)
	c.wantDocuments("2024-06-01", `
		invoice A total 297.00 credits 0.00 due 297.00
		  base_fee 297.00 MK-1
		invoice B total 596.00 credits 0.00 due 596.00
		  base_fee 497.00 MK-1
		  package 99.00 MK-5
		charge A 297.00 card
		charge B 596.00 card
	`)
}

// MK-5: legacy Pro is never upgraded; packages are charged the same day, grow
// within the period, and renew while needed.
func TestContactPackages(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2018-06-01
		s1,A,2018-06-01T09:00:00,signed_up,pro,monthly,card,
		-- contacts/2018-06-02
		A,2018-06-02,10001,
		-- contacts/2018-06-03
		A,2018-06-03,110001,
		-- contacts/2018-06-04
		A,2018-06-04,5000,
		-- contacts/2018-06-30
		A,2018-06-30,10500,
	`)
	c.nights("2018-06-01", "2018-07-01")
	for _, date := range []string{"2018-06-02", "2018-06-03"} {
		c.wantDocuments(date, `
			invoice A total 99.00 credits 0.00 due 99.00
			  package 99.00 MK-5
			charge A 99.00 card
		`)
	}
	c.wantDocuments("2018-06-04", ``)
	c.wantDocuments("2018-06-30", ``)
	c.wantDocuments("2018-07-01", `
		invoice A total 396.00 credits 0.00 due 396.00
		  base_fee 297.00 MK-1
		  package 99.00 MK-5
		charge A 396.00 card
	`)
}

// MK-10: a seat beyond those paid for is charged in full the same day, once a
// period; removals lower the next billing date's count; Basic may not add.
func TestSeats(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,plus,monthly,card,
		s2,B,2024-05-01T09:00:00,signed_up,basic,monthly,card,
		-- seats/2024-05-01
		u1,A,2024-05-01T10:00:00,ann,activated
		u2,A,2024-05-01T10:00:00,bob,activated
		u3,B,2024-05-01T10:00:00,eve,activated
		-- seats/2024-05-10
		u4,A,2024-05-10T10:00:00,cid,activated
		u5,B,2024-05-10T10:00:00,fay,activated
		-- seats/2024-05-11
		u6,A,2024-05-11T10:00:00,cid,deactivated
		-- seats/2024-05-12
		u7,A,2024-05-12T10:00:00,dan,activated
		-- seats/2024-05-20
		u8,A,2024-05-20T10:00:00,dan,deactivated
	`)
	c.nights("2024-05-01", "2024-06-01")
	c.wantDocuments("2024-05-10", `
		invoice A total 47.00 credits 0.00 due 47.00
		  seat 47.00 MK-10
		charge A 47.00 card
	`)
	c.wantRejects("2024-05-10", `seats/date=2024-05-10/part-0.csv:2 B not_allowed open`)
	if code := c.entry("2024-05-10").ExitCode; code != ExitDone {
		t.Errorf("a rule's refusal made exit code %d (G-10)", code)
	}
	c.wantDocuments("2024-05-12", ``)
	c.wantDocuments("2024-06-01", `
		invoice A total 147.00 credits 0.00 due 147.00
		  base_fee 147.00 MK-1
		invoice B total 79.00 credits 0.00 due 79.00
		  base_fee 79.00 MK-1
		charge A 147.00 card
		charge B 79.00 card
	`)
}

// The files for the payment processor, byte for byte.
func TestChargeFiles(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
		s2,B,2024-05-01T09:00:00,signed_up,basic,annual,paypal,,,,,,true
		s3,C,2024-05-01T09:00:00,signed_up,basic,monthly,,
	`)
	c.night("2024-05-01")
	c.wantText("charge_files/billing_date=2024-05-01/charges.csv", `
		charge_id,invoice_id,account_id,amount,currency,method,attempt,collect_on,billing_date
		ch_6087d445daef8ea22eb34475_1,in_6087d445daef8ea22eb34475,A,297.00,USD,card,1,2024-05-01,2024-05-01
		ch_51e665d2acf4266a116dc201_1,in_51e665d2acf4266a116dc201,B,790.00,USD,paypal,1,2024-05-01,2024-05-01
	`)
	c.wantText("charge_files/billing_date=2024-05-01/charges.ndjson", `
		{"charge_id":"ch_6087d445daef8ea22eb34475_1","invoice_id":"in_6087d445daef8ea22eb34475","account_id":"A","amount":"297.00","currency":"USD","method":"card","attempt":1,"collect_on":"2024-05-01","billing_date":"2024-05-01"}
		{"charge_id":"ch_51e665d2acf4266a116dc201_1","invoice_id":"in_51e665d2acf4266a116dc201","account_id":"B","amount":"790.00","currency":"USD","method":"paypal","attempt":1,"collect_on":"2024-05-01","billing_date":"2024-05-01"}
	`)
	failed := rows[writers.PaymentAttempt](c, "2024-05-01", writers.FailedPaymentsTable)
	if len(failed) != 1 || failed[0].AccountID != "C" || failed[0].Reason != "no_payment_method" || amount(failed[0].Amount) != "79.00" {
		t.Errorf("failed payments are %+v, want 79.00 of C without a method", failed)
	}
}

// wantText compares a published text file.
func (c *company) wantText(key, want string) {
	c.Helper()
	text, err := c.output.ReadAll(context.Background(), key)
	if err != nil {
		c.Fatal(err)
	}
	equalText(c, key, string(text), want)
}
