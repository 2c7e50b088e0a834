package pipeline

import "testing"

// Grants live in the state from night to night: those of the opening book and
// of the plan are drawn in their order, lapse after their last good day, and
// are carried over the billing date. Every night's control totals say so.
func TestGrantsFromNightToNight(t *testing.T) {
	c := newCompany(t, `
		-- opening/2024-05-01
		A,2024-04-10,basic,,card,,2024-05-10,2024-04-10,,,sms_money=6.50;postcard_credits=12@2024-05-03;postcard_credits=5@2024-06-30,,
		-- postcards/2024-05-03
		p1,A,2024-05-03T10:00:00,4
		-- sms/2024-05-09
		m1,A,2024-05-09T10:00:00,outbound,acme,US,150
		-- sms/2024-05-10
		m2,A,2024-05-10T10:00:00,outbound,acme,US,900
	`)
	c.knobs.Catalog = marketing(t,
		"sms_money: {rule: MK-9}", "sms_money: {priority: 1, expires: {at: period_end}, rollover: {at_most: 4}, rule: MK-9}",
		"unit: postcards\n", "unit: postcards\n      expires: {after: 1 month}\n",
		"base: {price: 79, rule: MK-1}\n", "base: {price: 79, rule: MK-1}\n        gives: {sms_money: {amount: 3.00}}\n")
	c.nights("2024-05-01", "2024-05-11")
	c.wantDocuments("2024-05-03", `
		invoice A total 0.00 credits 0.00 due 0.00
		  usage 0.00 MK-8
		balance A postcard_credits 17.00 + 0.00 - 4.00 = 13.00
	`)
	c.wantBalances("2024-05-04", `
		A postcard_credits postcards 13.00 + 0.00 - 0.00 - 8.00 = 5.00
		A sms_money USD 6.50 + 0.00 - 0.00 - 0.00 = 6.50
	`)
	c.wantBalances("2024-05-10", `
		A postcard_credits postcards 5.00 + 0.00 - 0.00 - 0.00 = 5.00
		A sms_money USD 6.50 + 3.00 - 1.50 - 1.00 = 7.00
	`)
	c.wantDocuments("2024-05-11", `
		invoice A total 17.00 credits 7.00 due 10.00
		  usage 9.00 MK-9
		  minimum 8.00 MK-9
		charge A 10.00 card
		balance A sms_money 7.00 + 8.00 - 7.00 = 8.00
	`)
	c.explainAll()
}
