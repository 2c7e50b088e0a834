package pipeline

import "testing"

// Counters live in the state from night to night: tiers reached within a month
// count, late messages too, and the billing date begins anew.
func TestCountersFromNightToNight(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,8
		-- sms/2024-05-02
		m2,A,2024-05-02T10:00:00,outbound,acme,US,3
		-- sms/2024-05-03
		m3,A,2024-05-03T10:00:00,outbound,acme,US,1
		m4,A,2024-05-01T11:00:00,outbound,acme,US,2
		-- sms/2024-06-01
		m5,A,2024-06-01T11:00:00,outbound,acme,US,1
	`)
	c.knobs.Catalog = marketing(t, "price: {table: sms_prices}\n      uses: [sms_money]\n      minimum: {charge: 10.00, rest_to: sms_money}",
		"price: {graduated: [{up_to: 10, each: 5, flat: 2}, {each: 1}]}\n      over: period")
	c.nights("2024-05-01", "2024-06-02")
	c.wantDocuments("2024-05-02", `
		invoice A total 42.00 credits 0.00 due 42.00
		  usage 42.00 MK-9
		charge A 42.00 card
	`)
	c.wantDocuments("2024-05-03", `
		invoice A total 13.00 credits 0.00 due 13.00
		  usage 10.00 MK-9 late
		  usage 3.00 MK-9
		charge A 13.00 card
	`)
	c.wantDocuments("2024-05-04", `
		invoice A total 1.00 credits 0.00 due 1.00
		  usage 1.00 MK-9
		charge A 1.00 card
	`)
	c.wantDocuments("2024-06-02", `
		invoice A total 7.00 credits 0.00 due 7.00
		  usage 7.00 MK-9
		charge A 7.00 card
	`)
	c.explainAll()
}

// Rows that are rated one by one come in the order of their time, wherever they
// stand: the message of 9 o'clock is the free one. Of a repeated row one counts.
func TestRowsOneByOne(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T08:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T12:00:00,outbound,acme,US,300
		m2,A,2024-05-01T09:00:00,outbound,acme,US,70
		m3,A,2024-05-01T10:00:00,outbound,acme,US,4
		-- sms/2024-05-02
		m3,A,2024-05-01T10:00:00,outbound,acme,US,4
		m4,A,2024-05-02T10:00:00,outbound,acme,US,10
	`)
	c.knobs.Catalog = marketing(t, "due: next_day, rule: MK-9", "events: one_by_one, due: next_day, rule: MK-9",
		"price: {table: sms_prices}\n      uses: [sms_money]\n      minimum: {charge: 10.00, rest_to: sms_money}",
		"price: {percentage: {rate: 10%, fixed: 0.25, free_events: 1, min: 1, max: 20}}\n      over: period")
	c.nights("2024-05-01", "2024-05-03")
	c.wantDocuments("2024-05-02", `
		invoice A total 21.00 credits 0.00 due 21.00
		  usage 21.00 MK-9
		charge A 21.00 card
	`)
	c.wantDocuments("2024-05-03", `
		invoice A total 1.25 credits 0.00 due 1.25
		  usage 1.25 MK-9
		charge A 1.25 card
	`)
	c.explainAll()
}
